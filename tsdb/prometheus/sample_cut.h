// SampleCut: of chunks of one series, one after the other, the samples that count: within a range
// of time, not deleted, and behind what came before.
//
// Threads: none. Lifetimes: `deleted` outlives it; a batch is a view of the columns that were
// given.
#ifndef SLOWBURN_TSDB_PROMETHEUS_SAMPLE_CUT_H_
#define SLOWBURN_TSDB_PROMETHEUS_SAMPLE_CUT_H_

#include <cstdint>

#include "tsdb/prometheus/chunk.h"
#include "tsdb/prometheus/tombstones.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

class SampleCut {
 public:
  SampleCut(TimeRange range, const DeletedTimes* deleted) : range_(range), deleted_(deleted) {}

  const TimeRange& range() const { return range_; }
  void Gap() { gap_ = true; }  // a chunk here cannot be read
  // False when nothing of the columns is left.
  bool Take(Columns& columns, SampleBatch& out);
  // Samples that were not behind those before them.
  uint64_t overlapping() const { return overlapping_; }

 private:
  const TimeRange range_;
  const DeletedTimes* const deleted_;  // may be null
  bool gap_ = false;  // something between the last sample and the next one is left out
  bool any_ = false;
  TimestampMs last_ = 0;
  uint64_t overlapping_ = 0;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_SAMPLE_CUT_H_
