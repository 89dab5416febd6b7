#include "tsdb/head_querier.h"

#include <algorithm>
#include <utility>

#include "tsdb/histogram.h"
#include "tsdb/series_samples.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kLabelsAtOnce = 64;  // series whose labels are made under one lock

// The samples of a series, read out of the head when the first of them is asked for: of a million
// series that a query selects, few are held at a time, and several threads may read them.
class LateIterator final : public SampleIterator {
 public:
  LateIterator(const Head& head, Slot slot, TimeRange range, const ReadPoint& point)
      : head_(head), slot_(slot), range_(range), point_(point) {}

  bool Next(SampleBatch& out) override {
    if (samples_ == nullptr) {
      SeriesSamples samples;
      head_.Read(slot_, range_, point_, &samples);
      samples_ = std::make_unique<ChunkIterator>(std::move(samples), range_);
    }
    return samples_->Next(out);
  }
  absl::Status status() const override {
    return samples_ == nullptr ? absl::OkStatus() : samples_->status();
  }

 private:
  const Head& head_;
  const Slot slot_;
  const TimeRange range_;
  const ReadPoint point_;
  std::unique_ptr<ChunkIterator> samples_;
};

class HeadSeriesSet final : public SeriesSet {
 public:
  HeadSeriesSet(const Head& head, std::vector<Slot> slots, TimeRange range, const ReadPoint& point,
                const SelectHints& hints)
      : head_(head),
        slots_(std::move(slots)),
        range_(range),
        point_(point),
        samples_needed_(hints.samples_needed),
        may_be_empty_(hints.may_be_empty),
        limit_(hints.limit) {}

  bool Next() override {
    iterator_ = nullptr;
    if (limit_ > 0 && found_ >= limit_) return false;
    while (Advance()) {
      if (may_be_empty_ || IsWanted()) {
        ++found_;
        return true;
      }
      if (!status_.ok()) return false;
    }
    return false;
  }

  const Labels& labels() const override { return labels_[at_]; }
  SeriesRef ref() const override { return ToRef(batch_[at_]); }
  std::unique_ptr<SampleIterator> samples() override {
    if (iterator_ != nullptr) return std::move(iterator_);
    return std::make_unique<LateIterator>(head_, batch_[at_], range_, point_);
  }
  absl::Status status() const override { return status_; }

 private:
  // To the next series that is still there.
  bool Advance() {
    if (!batch_.empty() && ++at_ < batch_.size()) return true;
    do {
      const size_t n = std::min(kLabelsAtOnce, slots_.size() - next_);
      if (n == 0) return false;
      const auto first = slots_.begin() + static_cast<std::ptrdiff_t>(next_);
      batch_.assign(first, first + static_cast<std::ptrdiff_t>(n));
      next_ += n;
      at_ = 0;
      head_.Materialise(batch_, labels_);
    } while (batch_.empty());
    return true;
  }

  bool IsWanted() {
    if (!samples_needed_) return head_.Read(batch_[at_], range_, point_, nullptr);
    iterator_ = Open();
    if (iterator_ == nullptr) return false;
    if (iterator_->HasSample()) return true;
    status_ = iterator_->status();
    return false;
  }

  std::unique_ptr<ChunkIterator> Open() const {
    SeriesSamples samples;
    if (!head_.Read(batch_[at_], range_, point_, &samples)) return nullptr;
    return std::make_unique<ChunkIterator>(std::move(samples), range_);
  }

  const Head& head_;
  const std::vector<Slot> slots_;
  const TimeRange range_;
  const ReadPoint point_;
  const bool samples_needed_, may_be_empty_;
  const size_t limit_;
  size_t next_ = 0, found_ = 0;
  std::vector<Slot> batch_;
  std::vector<Labels> labels_;
  size_t at_ = 0;  // in batch_
  std::unique_ptr<ChunkIterator> iterator_;
  absl::Status status_;
};

std::vector<std::string> Limited(std::vector<std::string> texts, size_t limit) {
  if (limit > 0 && texts.size() > limit) texts.resize(limit);
  return texts;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SeriesSet>> HeadQuerier::Select(const Matchers& matchers,
                                                               const SelectHints& hints) {
  TimeRange range = Intersect(range_, hints.range);
  // One point in time at which samples from before are hidden, for all series.
  range.start = std::max(range.start, head_.retained_from());
  return std::make_unique<HeadSeriesSet>(head_, head_.Select(matchers, range), range, point_,
                                         hints);
}

absl::StatusOr<std::vector<std::string>> HeadQuerier::LabelNames(const Matchers& matchers,
                                                                 size_t limit) {
  return Limited(head_.LabelNames(matchers, range_, point_), limit);
}

absl::StatusOr<std::vector<std::string>> HeadQuerier::LabelValues(std::string_view name,
                                                                  const Matchers& matchers,
                                                                  size_t limit) {
  return Limited(head_.LabelValues(name, matchers, range_, point_), limit);
}

absl::StatusOr<std::vector<Querier::SeriesExemplars>> HeadQuerier::Exemplars(
    const std::vector<Matchers>& any_of, TimeRange range) {
  return head_.Exemplars(any_of, Intersect(range, range_), point_);
}

}  // namespace slowburn::tsdb
