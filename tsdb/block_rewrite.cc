#include "tsdb/block_rewrite.h"

#include <algorithm>
#include <utility>

#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

TimestampMs DayBefore(TimestampMs t) {
  const TimestampMs in_day = ((t % kColdPartitionMs) + kColdPartitionMs) % kColdPartitionMs;
  return SaturatingSub(t, in_day);
}

TimestampMs DayAfter(TimestampMs t) {
  const TimestampMs day = DayBefore(t);
  return day == t ? t : SaturatingAdd(day, kColdPartitionMs);
}

// The days that a group of blocks lies in.
TimeRange DaysOf(const std::vector<BlockInfo>& group) {
  TimeRange days{kMaxTime, kMinTime};
  for (const BlockInfo& block : group) {
    days.start = std::min(days.start, DayBefore(block.partition.start));
    days.end = std::max(days.end, DayAfter(block.partition.end));
  }
  return days;
}

RewritePlan PlanOf(const std::vector<BlockInfo>& group, TimeRange partition,
                   Temperature temperature) {
  RewritePlan plan{{}, partition, temperature};
  for (const BlockInfo& block : group) plan.inputs.push_back(block.id);
  return plan;
}

bool HasCold(const std::vector<BlockInfo>& group) {
  return std::any_of(group.begin(), group.end(), [](const BlockInfo& block) {
    return block.temperature == Temperature::kCold;
  });
}

bool HasHot(const std::vector<BlockInfo>& group) {
  return std::any_of(group.begin(), group.end(),
                     [](const BlockInfo& block) { return block.temperature == Temperature::kHot; });
}

}  // namespace

std::vector<std::vector<BlockInfo>> OverlappingBlocks(std::vector<BlockInfo> blocks) {
  std::sort(blocks.begin(), blocks.end(), [](const BlockInfo& a, const BlockInfo& b) {
    return a.partition.start < b.partition.start;
  });
  std::vector<std::vector<BlockInfo>> groups;
  TimestampMs end = kMinTime;
  for (BlockInfo& block : blocks) {
    if (groups.empty() || block.partition.start >= end) groups.emplace_back();
    end = std::max(end, block.partition.end);
    groups.back().push_back(std::move(block));
  }
  return groups;
}

RewritePlan PlanRewrite(const std::vector<BlockInfo>& blocks, TimestampMs newest,
                        DurationMs cold_after) {
  const std::vector<std::vector<BlockInfo>> groups = OverlappingBlocks(blocks);
  // Groups that share a day, as long as the day is cold.
  for (size_t i = 0; i < groups.size();) {
    std::vector<BlockInfo> joined = groups[i];
    TimeRange days = DaysOf(joined);
    size_t next = i + 1;
    for (; next < groups.size() && groups[next].front().partition.start < days.end; ++next) {
      joined.insert(joined.end(), groups[next].begin(), groups[next].end());
      days = DaysOf(joined);
    }
    const bool cold = SaturatingAdd(days.end, cold_after) <= newest;
    if (cold && (joined.size() > 1 || HasHot(joined)))
      return PlanOf(joined, days, Temperature::kCold);
    i = next;
  }
  for (const std::vector<BlockInfo>& group : groups) {
    if (group.size() < 2) continue;
    TimeRange partition = group.front().partition;
    for (const BlockInfo& block : group)
      partition.end = std::max(partition.end, block.partition.end);
    return PlanOf(group, partition, HasCold(group) ? Temperature::kCold : Temperature::kHot);
  }
  return {};
}

}  // namespace slowburn::tsdb
