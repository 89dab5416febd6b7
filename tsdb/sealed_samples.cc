#include "tsdb/sealed_samples.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <vector>

#include "base/log.h"
#include "tsdb/histogram.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

void Report(const absl::Status& status) {
  static std::atomic<bool> reported{false};
  if (!reported.exchange(true))
    base::Error("late samples cannot be compared with a block", {{"error", status}});
}

}  // namespace

std::optional<NewestSample> SealedSamples::LastIn(const Labels& labels, TimeRange range) const {
  const absl::StatusOr<std::unique_ptr<SampleIterator>> samples = view_->SamplesOf(labels, range);
  if (!samples.ok()) return Report(samples.status()), std::nullopt;
  if (*samples == nullptr) return std::nullopt;
  std::optional<NewestSample> last;
  SampleBatch batch;
  while ((*samples)->Next(batch)) {
    last = {batch.t.back(), std::bit_cast<uint64_t>(batch.v.back()),
            batch.histograms.empty() ? nullptr : batch.histograms.back()};
  }
  if (!(*samples)->status().ok()) Report((*samples)->status());
  return last;
}

std::optional<NewestSample> SealedSamples::Newest(const Labels& labels, TimestampMs from) const {
  if (empty()) return std::nullopt;
  // From the newest block downwards.
  std::vector<const BlockInfo*> blocks;
  for (const BlockInfo& block : view_->blocks()) {
    if (block.max_t >= from) blocks.push_back(&block);
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const BlockInfo* a, const BlockInfo* b) { return a->max_t > b->max_t; });
  TimestampMs asked_from = kMaxTime;  // nothing is here or later
  for (const BlockInfo* block : blocks) {
    const TimeRange range{std::max(from, block->min_t),
                          std::min(SaturatingAdd(block->max_t, 1), asked_from)};
    if (range.empty()) continue;
    asked_from = range.start;
    if (std::optional<NewestSample> found = LastIn(labels, range); found.has_value()) return found;
  }
  return std::nullopt;
}

Head::Stored SealedSamples::Compare(const Labels& labels, TimestampMs t, uint64_t bits,
                                    const HistogramPtr& histogram) const {
  if (empty() || t >= until()) return Head::Stored::kNothing;
  const std::optional<NewestSample> found = LastIn(labels, {t, SaturatingAdd(t, 1)});
  if (!found.has_value()) return Head::Stored::kNothing;
  if ((histogram == nullptr) != (found->histogram == nullptr)) return Head::Stored::kOther;
  const bool equal = histogram != nullptr ? *histogram == *found->histogram : bits == found->bits;
  return equal ? Head::Stored::kEqual : Head::Stored::kOther;
}

}  // namespace slowburn::tsdb
