// Which blocks are to be made into one. Pure functions; tsdb/block_store.cc does the work.
#ifndef SLOWBURN_TSDB_BLOCK_REWRITE_H_
#define SLOWBURN_TSDB_BLOCK_REWRITE_H_

#include <vector>

#include "tsdb/block_store.h"

namespace slowburn::tsdb {

struct RewritePlan {
  std::vector<BlockId> inputs;  // empty: nothing is to be done
  TimeRange partition;
  Temperature temperature = Temperature::kHot;
};

// The oldest piece of work: a day that is cold, then blocks whose partitions overlap. Every block
// whose partition overlaps that of an input is an input, so that the order of blocks stays right.
RewritePlan PlanRewrite(const std::vector<BlockInfo>& blocks, TimestampMs newest,
                        DurationMs cold_after);

// Blocks whose partitions overlap, directly or through others; ascending in time.
std::vector<std::vector<BlockInfo>> OverlappingBlocks(std::vector<BlockInfo> blocks);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_REWRITE_H_
