#include "tsdb/bit_pack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace slowburn::tsdb {
namespace {

uint64_t Load(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

// With the width known at compile time the places and shifts of all eight are constants.
template <unsigned kWidth>
inline void UnpackGroup(const uint8_t* p, uint64_t* out) {
  for (unsigned i = 0; i < kUnpackGroup; ++i) {
    const unsigned bit = i * kWidth, shift = bit % 8;
    uint64_t value = Load(p + bit / 8) >> shift;
    if (kWidth + shift > 64) value |= static_cast<uint64_t>(p[bit / 8 + 8]) << 1 << (63 - shift);
    out[i] = value & LowMask(kWidth);
  }
}

template <unsigned kWidth>
void Unpack(const uint8_t* p, size_t count, uint64_t* out) {
  if (kWidth == 0) {
    std::fill_n(out, count, 0);
    return;
  }
  for (size_t i = 0; i < count; i += kUnpackGroup) UnpackGroup<kWidth>(p + i / 8 * kWidth, out + i);
}

using Unpacker = void (*)(const uint8_t*, size_t, uint64_t*);

template <unsigned... kWidths>
constexpr std::array<Unpacker, sizeof...(kWidths)> Table(
    std::integer_sequence<unsigned, kWidths...> /*widths*/) {
  return {&Unpack<kWidths>...};
}

constexpr auto kPlainTable = Table(std::make_integer_sequence<unsigned, kMaxBitWidth + 1>());

}  // namespace

void PackBits(const uint64_t* values, size_t count, unsigned width, std::string& out) {
  if (width == 0) return;
  const size_t begin = out.size();
  out.resize(begin + PackedBytes(count, width) + sizeof(uint64_t));
  char* p = out.data() + begin;
  uint64_t word = 0;
  unsigned used = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t value = values[i] & LowMask(width);
    word |= value << used;
    if (used + width >= 64) {
      std::memcpy(p, &word, sizeof(word));
      p += sizeof(word);
      word = used == 0 ? 0 : value >> (64 - used);
      used = used + width - 64;
      if (used == 0) word = 0;
    } else {
      used += width;
    }
  }
  std::memcpy(p, &word, sizeof(word));
  out.resize(begin + PackedBytes(count, width));
}

void UnpackBits(const uint8_t* packed, size_t count, unsigned width, uint64_t* out,
                SimdLevel /*level*/) {
  kPlainTable[width](packed, count, out);
}

}  // namespace slowburn::tsdb
