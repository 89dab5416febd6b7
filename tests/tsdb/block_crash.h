// What tsdb_block_crash_child writes, and block_crash_test looks for.
#ifndef SLOWBURN_TESTS_TSDB_BLOCK_CRASH_H_
#define SLOWBURN_TESTS_TSDB_BLOCK_CRASH_H_

#include "tsdb/block_store.h"

namespace slowburn::tsdb {

// Batch number n has the value n at time n of its partitions: in so many series of one block, and
// in a series of its own in another. Every fifth batch all blocks are rewritten; batch n * 10 first
// deletes the own series of batch n * 10 - 5.
inline constexpr int kCrashSharedSeries = 20;
inline constexpr TimestampMs kCrashStart = 1'699'920'000'000;
inline constexpr int kRewriteEvery = 5, kDeleteEvery = 10, kDeletedBefore = 5;

inline TimeRange CrashPartition(int i) {
  return {kCrashStart + i * kHotPartitionMs, kCrashStart + (i + 1) * kHotPartitionMs};
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_BLOCK_CRASH_H_
