#include "query/histogram/reset.h"

#include <limits>

#include "query/histogram/zero_bucket.h"

namespace slowburn::query {
namespace {

// What ends within the zero bucket is counted there.
IndexedBuckets Comparable(std::span<const HistogramSpan> spans, std::span<const double> buckets,
                          int32_t from, int32_t schema, double zero_threshold) {
  const IndexedBuckets all = AtResolution(Indexed(spans, buckets), from, schema);
  if (schema == tsdb::kCustomBucketsSchema || zero_threshold == 0) return all;
  IndexedBuckets out;
  for (size_t i = 0; i < all.size(); ++i) {
    if (UpperBound(all.index[i], schema, {}) > zero_threshold)
      out.Append(all.index[i], all.count[i]);
  }
  return out;
}

bool AnyDecrease(const IndexedBuckets& current, const IndexedBuckets& previous) {
  size_t i = 0;
  for (size_t j = 0; j < previous.size(); ++j) {
    while (i < current.size() && current.index[i] < previous.index[j]) ++i;
    const bool present = i < current.size() && current.index[i] == previous.index[j];
    if (present ? current.count[i] < previous.count[j] : previous.count[j] != 0) return true;
  }
  return false;
}

// Sums the counts of buckets up to each bound as the bounds ascend.
class RollUp {
 public:
  explicit RollUp(const Histogram& h)
      : h_(h), buckets_(Indexed(h.positive_spans, h.positive_buckets)) {}
  // What lies above the previous call's bound and up to this one.
  double UpTo(double bound) {
    double sum = 0;
    for (; at_ < buckets_.size(); ++at_) {
      if (UpperBound(buckets_.index[at_], h_.schema, h_.custom_values) > bound) break;
      sum += buckets_.count[at_];
    }
    return sum;
  }

 private:
  const Histogram& h_;
  const IndexedBuckets buckets_;
  size_t at_ = 0;
};

// Compares at the bounds that both have.
bool AnyDecreaseAtCommonBounds(const Histogram& current, const Histogram& previous) {
  RollUp now(current), then(previous);
  const auto& a = current.custom_values;
  const auto& b = previous.custom_values;
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (a[i] == b[j]) {
      if (now.UpTo(a[i]) < then.UpTo(a[i])) return true;
      ++i, ++j;
    } else if (a[i] < b[j]) {
      ++i;
    } else {
      ++j;
    }
  }
  constexpr double kInf = std::numeric_limits<double>::infinity();
  return now.UpTo(kInf) < then.UpTo(kInf);
}

}  // namespace

bool DetectReset(const Histogram& current, const Histogram& previous) {
  if (current.reset_hint == Histogram::ResetHint::kReset) return true;
  if (current.reset_hint == Histogram::ResetHint::kNotReset) return false;
  if (current.count < previous.count) return true;
  if (UsesCustomBuckets(current) != UsesCustomBuckets(previous)) return true;
  if (UsesCustomBuckets(current) && current.custom_values != previous.custom_values) {
    return AnyDecreaseAtCommonBounds(current, previous);
  }
  if (current.schema > previous.schema) return true;
  double threshold = 0;
  if (!UsesCustomBuckets(current)) {
    threshold = current.zero_threshold;
    if (threshold < previous.zero_threshold) return true;
    const WidenedZero zero = WidenZeroBucket(previous, threshold);
    if (zero.threshold != threshold || current.zero_count < zero.count) return true;
  }
  const auto decreases = [&](const auto& now_spans, const auto& now, const auto& then_spans,
                             const auto& then) {
    return AnyDecrease(Comparable(now_spans, now, current.schema, current.schema, threshold),
                       Comparable(then_spans, then, previous.schema, current.schema, threshold));
  };
  return decreases(current.positive_spans, current.positive_buckets, previous.positive_spans,
                   previous.positive_buckets) ||
         decreases(current.negative_spans, current.negative_buckets, previous.negative_spans,
                   previous.negative_buckets);
}

}  // namespace slowburn::query
