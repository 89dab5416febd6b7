// Codecs of one column of a sealed series: values or times in, bytes out, and back, bit for bit.
//
// An encoder looks at the column once, then writes it in the cheapest of these forms:
//   const      all values have the same bits
//   changes    few changes: their places and the values
//   integers   v == i / 10^e with one e for the column, divided by the gcd; FOR, delta or delta of
//              delta, patched bit-packing
//   bits       the IEEE bits as integers, the same way: for doubles of many digits
//   ALP_RD     a dictionary of the front bits, the rest packed
//   raw        eight bytes a value
// tsdb/FORMAT.md is the grammar. NaN payloads, -0 and the staleness marker are kept.
//
// Threads: none of their own. Bytes of outside (a damaged file) are refused, never trusted: a
// decoder reads nothing beyond `bytes` and writes nothing beyond `out`.
#ifndef SLOWBURN_TSDB_VALUE_CODEC_H_
#define SLOWBURN_TSDB_VALUE_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb {

// kHot decodes at memory speed; kCold may also be run through an entropy coder and is smaller.
enum class Temperature : uint8_t { kHot, kCold };

// Columns of one block have at most so many samples.
inline constexpr size_t kMaxColumnSamples = 1 << 16;

// Appends the encoded column to `out`. REQUIRES: bits.size() in [1, kMaxColumnSamples].
void EncodeValues(std::span<const uint64_t> bits, Temperature temperature, std::string& out);

// Decodes the values [begin, begin + out.size()) of a column of `count`. Parts of a long hot column
// cost in proportion to the part (to the next restart point, every 128 values). kDataLoss: the
// bytes are not such a column.
absl::Status DecodeValues(std::string_view bytes, size_t count, size_t begin,
                          std::span<double> out);

// The same for ascending times; they decode as a whole. REQUIRES: strictly ascending.
void EncodeTimes(std::span<const TimestampMs> times, Temperature temperature, std::string& out);
// kDataLoss also where the times would not ascend strictly.
absl::Status DecodeTimes(std::string_view bytes, std::span<TimestampMs> out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_VALUE_CODEC_H_
