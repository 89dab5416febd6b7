#include "tsdb/prometheus/merged_series.h"

#include <algorithm>
#include <utility>

#include "tsdb/prometheus/chunk.h"
#include "tsdb/prometheus/tombstones.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr size_t kBatchSamples = 1024;

class MergedSamples final : public SampleIterator {
 public:
  explicit MergedSamples(std::vector<std::unique_ptr<SampleIterator>> parts) {
    parts_.reserve(parts.size());
    for (auto& samples : parts) parts_.push_back({std::move(samples), {}, 0, false});
    for (Part& part : parts_) Refill(part);
  }

  bool Next(SampleBatch& out) override {
    columns_.Clear();
    while (status_.ok() && columns_.size() < kBatchSamples && TakeRun()) {
    }
    out = columns_.batch();
    return status_.ok() && columns_.size() > 0;
  }
  absl::Status status() const override { return status_; }

 private:
  struct Part {
    std::unique_ptr<SampleIterator> samples;
    SampleBatch batch;
    size_t next = 0;
    bool begun = false;  // something of it was taken or left out
    bool done() const { return next == batch.t.size(); }
    TimestampMs t() const { return batch.t[next]; }
  };

  // Afterwards there is a sample, or the part is at its end.
  void Refill(Part& part) {
    if (!part.done() || part.samples == nullptr) return;
    part.batch = {};
    part.next = 0;
    if (part.samples->Next(part.batch)) return;
    part.batch = {};
    if (status_.ok()) status_ = part.samples->status();
    part.samples = nullptr;
  }

  // Moves the samples before the next one of another part; false at the end.
  bool TakeRun() {
    Part* first = nullptr;
    for (Part& part : parts_) {
      if (!part.done() && (first == nullptr || part.t() < first->t())) first = &part;
    }
    if (first == nullptr) return false;
    SkipEqual(*first);
    TimestampMs until = kMaxTime;
    bool last_part = true;
    for (const Part& part : parts_) {
      if (&part == first || part.done()) continue;
      until = std::min(until, part.t());
      last_part = false;
    }
    size_t end = first->next + 1;
    const std::span<const TimestampMs> t = first->batch.t;
    while (end < t.size() && (last_part || t[end] < until) &&
           columns_.size() + (end - first->next) < kBatchSamples) {
      ++end;
    }
    const size_t begin = columns_.size();
    columns_.Append(first->batch, first->next, end);
    // Unless the part before is over and this one begins: then their order is the only one.
    const bool handed_over = !first->begun && (last_ == nullptr || last_->done());
    if (last_ != first && !handed_over) ForgetResets(columns_, begin, begin + 1);
    last_ = first;
    first->begun = true;
    first->next = end;
    Refill(*first);
    return true;
  }

  void SkipEqual(const Part& first) {
    for (Part& part : parts_) {
      if (&part == &first || part.done() || part.t() != first.t()) continue;
      ++part.next;
      part.begun = true;
      Refill(part);
    }
  }

  std::vector<Part> parts_;
  Part* last_ = nullptr;
  Columns columns_;
  absl::Status status_;
};

class MergedSeries final : public SeriesSet {
 public:
  explicit MergedSeries(std::vector<std::unique_ptr<SeriesSet>> sets) : sets_(std::move(sets)) {
    for (size_t i = 0; i < sets_.size(); ++i) Advance(i);
  }

  bool Next() override {
    for (const size_t i : current_) Advance(i);
    current_.clear();
    if (!status_.ok() || heap_.empty()) return false;
    do {
      std::pop_heap(heap_.begin(), heap_.end(), After{sets_});
      current_.push_back(heap_.back());
      heap_.pop_back();
    } while (!heap_.empty() && sets_[heap_.front()]->labels() == labels());
    return true;
  }
  const Labels& labels() const override { return sets_[current_.front()]->labels(); }
  SeriesRef ref() const override { return SeriesRef::kUnknown; }
  std::unique_ptr<SampleIterator> samples() override {
    std::vector<std::unique_ptr<SampleIterator>> parts;
    for (const size_t i : current_) parts.push_back(sets_[i]->samples());
    return MergeSamples(std::move(parts));
  }
  absl::Status status() const override { return status_; }

 private:
  // Order of a heap whose top has the least labels, of those the first set.
  struct After {
    const std::vector<std::unique_ptr<SeriesSet>>& sets;
    bool operator()(size_t a, size_t b) const {
      const std::strong_ordering order = sets[a]->labels() <=> sets[b]->labels();
      return order != 0 ? order > 0 : a > b;
    }
  };
  void Advance(size_t i) {
    if (sets_[i]->Next()) {
      heap_.push_back(i);
      std::push_heap(heap_.begin(), heap_.end(), After{sets_});
    } else if (status_.ok()) {
      status_ = sets_[i]->status();
    }
  }

  std::vector<std::unique_ptr<SeriesSet>> sets_;
  std::vector<size_t> heap_;     // sets with a series, the one with the least labels on top
  std::vector<size_t> current_;  // sets with the current series, in their order
  absl::Status status_;
};

}  // namespace

std::unique_ptr<SampleIterator> MergeSamples(std::vector<std::unique_ptr<SampleIterator>> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  return std::make_unique<MergedSamples>(std::move(parts));
}

std::unique_ptr<SeriesSet> MergeSeries(std::vector<std::unique_ptr<SeriesSet>> sets) {
  if (sets.size() == 1) return std::move(sets[0]);
  return std::make_unique<MergedSeries>(std::move(sets));
}

}  // namespace slowburn::tsdb::prom
