#include "tsdb/change_epochs.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "tsdb/partition.h"

namespace slowburn::tsdb {

size_t ChangeEpochs::Place(std::string_view metric, TimestampMs t) {
  return absl::HashOf(metric, FloorToPartition(t)) % kEntries;
}

void ChangeEpochs::Watch(TimestampMs until) {
  TimestampMs before = watched_;
  while (before < until && !watched_.compare_exchange_weak(before, until)) {
  }
}

std::optional<uint64_t> ChangeEpochs::Of(std::string_view metric, TimeRange range) const {
  if (range.start < retained_from_ || under_way_ > 0) return std::nullopt;
  // Each number only grows, so that the sum is the same only if all are.
  uint64_t sum = all_;
  if ((range.end - range.start) / kHotPartitionMs >= DurationMs{kEntries}) {
    for (const std::atomic<uint64_t>& number : table_) sum += number;
  } else {
    for (TimestampMs t = FloorToPartition(range.start); t < range.end; t += kHotPartitionMs) {
      sum += table_[Place(metric, t)];
    }
  }
  // What began meanwhile may be counted already and not be visible yet.
  if (under_way_ > 0) return std::nullopt;
  return sum;
}

}  // namespace slowburn::tsdb
