// The partitions of time into which samples are sealed.
#ifndef SLOWBURN_TSDB_PARTITION_H_
#define SLOWBURN_TSDB_PARTITION_H_

#include "tsdb/block_store.h"
#include "tsdb/sample.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {

inline TimestampMs FloorToPartition(TimestampMs t) {
  const DurationMs past = t % kHotPartitionMs;
  return SaturatingSub(t, past < 0 ? past + kHotPartitionMs : past);
}

// The hot partition that contains `t`.
inline TimeRange PartitionOf(TimestampMs t) {
  const TimestampMs start = FloorToPartition(t);
  return {start, SaturatingAdd(start, kHotPartitionMs)};
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_PARTITION_H_
