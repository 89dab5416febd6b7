// SealedSamples: what the blocks know of one series, for judging a sample.
//
// Threads: one thread at a time. Lifetimes: keeps its view. Errors: a block that cannot be read
// counts as one that has nothing; it is reported once.
#ifndef SLOWBURN_TSDB_SEALED_SAMPLES_H_
#define SLOWBURN_TSDB_SEALED_SAMPLES_H_

#include <memory>
#include <optional>

#include "tsdb/block_store.h"
#include "tsdb/head.h"

namespace slowburn::tsdb {

class SealedSamples {
 public:
  // `view` may be null: there are no blocks.
  explicit SealedSamples(std::shared_ptr<const BlockView> view) : view_(std::move(view)) {}

  // Every sample of the blocks is older.
  TimestampMs until() const { return view_ == nullptr ? kMinTime : view_->mark().until; }
  bool empty() const { return view_ == nullptr || view_->blocks().empty(); }
  // The newest sample at or after `from`.
  std::optional<NewestSample> Newest(const Labels& labels, TimestampMs from) const;
  // Compares the sample at `t`, if there is one.
  Head::Stored Compare(const Labels& labels, TimestampMs t, uint64_t bits,
                       const HistogramPtr& histogram) const;

 private:
  std::optional<NewestSample> LastIn(const Labels& labels, TimeRange range) const;

  const std::shared_ptr<const BlockView> view_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SEALED_SAMPLES_H_
