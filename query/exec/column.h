// Column: the values of one series over all steps of a timeline. The unit in which operators hand
// data on.
//
// A step has nothing, a float or a histogram. `values` has an entry for every step, which means
// something only where `present` says so and no histogram stands. Not thread-safe.
#ifndef SLOWBURN_QUERY_EXEC_COLUMN_H_
#define SLOWBURN_QUERY_EXEC_COLUMN_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tsdb/histogram.h"

namespace slowburn::query {

// A set of steps as a bitmap.
class StepSet {
 public:
  void Reset(size_t size) {
    size_ = size;
    words_.assign((size + 63) / 64, 0);
  }
  size_t size() const { return size_; }
  bool Test(size_t i) const { return (words_[i >> 6] >> (i & 63)) & 1; }
  void Set(size_t i) { words_[i >> 6] |= uint64_t{1} << (i & 63); }
  void Clear(size_t i) { words_[i >> 6] &= ~(uint64_t{1} << (i & 63)); }
  void SetAll() {
    for (uint64_t& w : words_) w = ~uint64_t{0};
    if (size_ % 64 != 0) words_.back() = (uint64_t{1} << (size_ % 64)) - 1;
  }
  size_t Count() const {
    size_t n = 0;
    for (const uint64_t w : words_) n += size_t(std::popcount(w));
    return n;
  }
  bool Any() const {
    for (const uint64_t w : words_) {
      if (w != 0) return true;
    }
    return false;
  }
  bool All() const { return Count() == size_; }
  friend bool operator==(const StepSet&, const StepSet&) = default;
  bool Intersects(const StepSet& other) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      if (words_[i] & other.words_[i]) return true;
    }
    return false;
  }
  void Unite(const StepSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void Intersect(const StepSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  }
  void Subtract(const StepSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  }
  // visit(i) for each member, ascending. It may clear the member it is given.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      uint64_t bits = words_[w];
      if (bits == ~uint64_t{0}) {
        for (size_t i = w * 64; i < w * 64 + 64; ++i) visit(i);
        continue;
      }
      for (; bits != 0; bits &= bits - 1) visit(w * 64 + size_t(std::countr_zero(bits)));
    }
  }

 private:
  size_t size_ = 0;
  std::vector<uint64_t> words_;
};

struct Column {
  StepSet present;
  std::vector<double> values;
  std::vector<tsdb::HistogramPtr> histograms;  // empty, or one per step; null where a float stands
  bool drop_name = false;  // the name is to go when the query ends (delayed name removal)

  void Reset(size_t steps) {
    present.Reset(steps);
    values.resize(steps);
    histograms.clear();
    drop_name = false;
  }
  size_t steps() const { return values.size(); }
  bool has_histograms() const { return !histograms.empty(); }
  const tsdb::Histogram* HistogramAt(size_t i) const {
    return histograms.empty() ? nullptr : histograms[i].get();
  }
  void SetFloat(size_t i, double v) {
    values[i] = v;
    present.Set(i);
  }
  void SetHistogram(size_t i, tsdb::HistogramPtr h) {
    if (histograms.empty()) histograms.resize(values.size());
    histograms[i] = std::move(h);
    present.Set(i);
  }
  // Copies the point at step i of `from`, which may be a float or a histogram.
  void SetFrom(size_t i, const Column& from) {
    if (from.HistogramAt(i) != nullptr) {
      SetHistogram(i, from.histograms[i]);
    } else {
      SetFloat(i, from.values[i]);
    }
  }
  void Remove(size_t i) {
    present.Clear(i);
    if (!histograms.empty()) histograms[i] = nullptr;
  }
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_COLUMN_H_
