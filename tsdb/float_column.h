// The bytes of a run of float samples, written one sample at a time: what open and sealed chunks
// hold.
//
// Most samples take one byte: the same time step as before and an integer step of the value, or a
// longer run of equal ones. Values with few decimals are seen as integers too: v == i /
// 10^exponent, bit for bit. What has no such view is stored as the low bytes of its XOR with the
// value before. tsdb/FORMAT.md has the table of the operations.
//
// Threads: none of their own. The bytes are trusted no more than needed: a decoder stops at their
// end.
#ifndef SLOWBURN_TSDB_FLOAT_COLUMN_H_
#define SLOWBURN_TSDB_FLOAT_COLUMN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tsdb/sample.h"

namespace slowburn::tsdb {

// At most so many bytes are written for one sample.
inline constexpr size_t kMaxSampleBytes = 40;

// What the encoder knows of the column so far. A new column begins with the time and value of its
// first sample, which is then encoded like any other.
struct ColumnTail {
  TimestampMs t = 0;
  uint64_t bits = 0;
  TimestampMs start = 0;  // start timestamp
  int32_t delta = 0;      // between the last two times, 0 if it does not fit
  uint8_t exponent = 0;
  bool run_open = false;  // the last byte is a run that may grow
};

// Writes the sample to `out` (room for kMaxSampleBytes) and returns how many bytes it took. 0:
// `last_byte`, the byte written before, was changed instead.
size_t EncodeSample(ColumnTail& tail, TimestampMs t, uint64_t bits, TimestampMs start,
                    uint8_t* last_byte, uint8_t* out);

struct Column {
  std::vector<TimestampMs> t;
  std::vector<double> v;
  std::vector<TimestampMs> starts;  // empty while all are 0

  void Clear();
};

// Appends the first `count` samples of the column to `out`. False when the bytes end before that.
bool DecodeColumn(std::span<const uint8_t> bytes, size_t count, TimestampMs first_t,
                  uint64_t first_bits, Column& out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_FLOAT_COLUMN_H_
