// Integers of a fixed number of bits, one behind the other: value i of width w lies in the bits
// [i * w, (i + 1) * w) of the bytes, low bits first. Eight values fill w bytes, so a run of a
// multiple of eight ends on a byte.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_BIT_PACK_H_
#define SLOWBURN_TSDB_BIT_PACK_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tsdb/simd_level.h"

namespace slowburn::tsdb {

inline constexpr unsigned kMaxBitWidth = 64;
// What UnpackBits may read behind the last byte of the packed values.
inline constexpr size_t kUnpackSlack = 16;
// Values are unpacked in groups of so many; the last group is completed with values to ignore.
inline constexpr size_t kUnpackGroup = 8;

constexpr size_t PackedBytes(size_t count, unsigned width) { return (count * width + 7) / 8; }
constexpr uint64_t LowMask(unsigned width) { return width == 0 ? 0 : ~uint64_t{0} >> (64 - width); }
inline unsigned BitWidth(uint64_t value) { return static_cast<unsigned>(std::bit_width(value)); }

// Appends PackedBytes(count, width) bytes with the low `width` bits of each value.
void PackBits(const uint64_t* values, size_t count, unsigned width, std::string& out);

// REQUIRES: kUnpackSlack readable bytes behind the PackedBytes(count, width) at `packed`, and room
// for `count` values rounded up to kUnpackGroup at `out`.
void UnpackBits(const uint8_t* packed, size_t count, unsigned width, uint64_t* out,
                SimdLevel level = kBestSimdLevel);

// As UnpackBits, with nothing readable from `end` on. REQUIRES: count <= kMaxPadded.
inline constexpr size_t kMaxPadded = 128;
void UnpackBitsBefore(const uint8_t* end, const uint8_t* packed, size_t count, unsigned width,
                      uint64_t* out);

// How many of the first `bits` bits are set.
size_t CountOnes(const uint8_t* bytes, size_t bits, SimdLevel level = kBestSimdLevel);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BIT_PACK_H_
