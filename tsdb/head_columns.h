// What a series keeps of its open column of floats, for those who write it (head_write.cc,
// head_replay.cc). Under the lock of its shard.
#ifndef SLOWBURN_TSDB_HEAD_COLUMNS_H_
#define SLOWBURN_TSDB_HEAD_COLUMNS_H_

#include "tsdb/float_column.h"
#include "tsdb/series.h"

namespace slowburn::tsdb {

// `t` and `bits`: of the last sample.
inline ColumnTail TailOf(const Series& series, TimestampMs t, uint64_t bits) {
  ColumnTail tail;
  const bool first = series.open_count == 0;
  tail.t = first ? series.open->first_t : t;
  tail.bits = first ? series.open->first_bits : bits;
  tail.start = series.has_start ? series.extra->start : 0;
  tail.delta = series.delta;
  tail.exponent = series.exponent;
  tail.run_open = series.run_open;
  return tail;
}

// All but the start timestamp.
inline void SaveTail(Series& series, const ColumnTail& tail) {
  series.delta = tail.delta;
  series.exponent = tail.exponent & 15;
  series.run_open = tail.run_open;
}

inline void StartChunk(Series& series, TimestampMs t, uint64_t bits) {
  series.open->first_t = t;
  series.open->first_bits = bits;
  series.open_size = 0;
  series.delta = 0;
  series.exponent = 0;
  series.run_open = false;
  series.has_start = false;
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HEAD_COLUMNS_H_
