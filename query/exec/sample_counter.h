// SampleCounter: how many samples a query looks at, in the two ways of Prometheus' statistics.
//
// queryable: what each step looks at, as if it were a query of its own (a window counts in full at
// every step). read: what had to be fetched (of a window, what the step before did not have).
// Counted per step only if asked to. Not thread-safe.
#ifndef SLOWBURN_QUERY_EXEC_SAMPLE_COUNTER_H_
#define SLOWBURN_QUERY_EXEC_SAMPLE_COUNTER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "query/plan/timeline.h"

namespace slowburn::query {

class SampleCounter {
 public:
  enum class Detail : uint8_t { kTotals, kSteps };

  SampleCounter(const Timeline& timeline, Detail detail) : timeline_(timeline), detail_(detail) {
    if (detail == Detail::kSteps) {
      queryable_at_.assign(timeline.steps(), 0);
      read_at_.assign(timeline.steps(), 0);
    }
  }

  void Add(size_t step, int64_t queryable, int64_t read) {
    AddTotals(queryable, read);
    if (!counts_steps() || step >= queryable_at_.size()) return;
    queryable_at_[step] += queryable;
    read_at_[step] += read;
  }
  // REQUIRES: !counts_steps(), or the steps are added to by others.
  void AddTotals(int64_t queryable, int64_t read) {
    queryable_ += queryable;
    read_ += read;
  }

  // The steps of a part that was evaluated once: each looks at it, the first one reads it.
  void AddOnce(const SampleCounter& once) {
    for (size_t step = 0; step < queryable_at_.size(); ++step) {
      queryable_at_[step] += once.queryable_;
    }
    if (!read_at_.empty()) read_at_[0] += once.read_;
    AddTotals(once.queryable_ * int64_t(timeline_.steps()), once.read_);
  }

  // What a subquery read, put to the steps whose windows see it. The windows are (t - range, t] of
  // what the subquery made `offset` earlier; what falls between two of them is not counted.
  void AddReadsOf(const SampleCounter& subquery, DurationMs offset, DurationMs range) {
    const size_t steps = timeline_.steps();
    if (steps <= 1 || !subquery.counts_steps()) {
      Add(0, 0, subquery.read_);
      return;
    }
    for (size_t k = 0; k < subquery.read_at_.size(); ++k) {
      const int64_t n = subquery.read_at_[k];
      if (n == 0) continue;
      const TimestampMs t = subquery.timeline_.At(k) + offset;
      size_t step = 0;
      if (t > timeline_.start) {
        step = size_t((t - timeline_.start + timeline_.step - 1) / timeline_.step);
      }
      step = std::min(step, steps - 1);
      if (t > timeline_.At(step) - range) Add(step, 0, n);
    }
  }

  void Clear() {
    queryable_ = read_ = 0;
    std::fill(queryable_at_.begin(), queryable_at_.end(), 0);
    std::fill(read_at_.begin(), read_at_.end(), 0);
  }

  const Timeline& timeline() const { return timeline_; }
  Detail detail() const { return detail_; }
  bool counts_steps() const { return detail_ == Detail::kSteps; }
  int64_t queryable() const { return queryable_; }
  int64_t read() const { return read_; }
  // By step; empty if steps are not counted.
  const std::vector<int64_t>& queryable_at() const { return queryable_at_; }
  const std::vector<int64_t>& read_at() const { return read_at_; }

 private:
  const Timeline timeline_;
  const Detail detail_;
  int64_t queryable_ = 0, read_ = 0;
  std::vector<int64_t> queryable_at_, read_at_;
};

// Counts into another counter for as long as it lives.
class CountInto {
 public:
  CountInto(SampleCounter*& current, SampleCounter& other)
      : current_(current), before_(std::exchange(current, &other)) {}
  ~CountInto() { current_ = before_; }
  CountInto(const CountInto&) = delete;
  CountInto& operator=(const CountInto&) = delete;

 private:
  SampleCounter*& current_;
  SampleCounter* const before_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_SAMPLE_COUNTER_H_
