#include "query/histogram/quantile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "query/histogram/kahan.h"
#include "tsdb/sample.h"

namespace slowburn::query {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::bit_cast<double>(tsdb::kNormalNaNBits);

// Counts of successive buckets that differ by less than this, relatively, are taken as equal: float
// noise.
constexpr double kSmallDelta = 1e-12;

bool AlmostEqual(double a, double b, double tolerance) {
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double magnitude = std::fabs(a) + std::fabs(b);
  const double difference = std::fabs(a - b);
  if (a == 0 || b == 0 || magnitude < kMinNormal) return difference < tolerance * kMinNormal;
  return difference / std::min(magnitude, std::numeric_limits<double>::max()) < tolerance;
}

// One-sided histograms have no observations on the other side of zero, so their zero bucket ends at
// zero.
void CutZeroBucketAtZero(const Histogram& h, Bucket& b) {
  if (h.negative_buckets.empty() && !h.positive_buckets.empty()) {
    b.lower = 0;
  } else if (h.positive_buckets.empty() && !h.negative_buckets.empty()) {
    b.upper = 0;
  }
}

double InterpolateExponentially(const Bucket& b, double fraction) {
  const double log_lower = std::log2(std::fabs(b.lower));
  const double log_upper = std::log2(std::fabs(b.upper));
  if (b.lower > 0) return std::exp2(log_lower + (log_upper - log_lower) * fraction);
  return -std::exp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

// Finds the two ranks of histogram_fraction while buckets pass by in ascending order.
class RankPair {
 public:
  RankPair(double lower, double upper) : lower_(lower), upper_(upper) {}

  // `rank` is the count below the bucket; interpolate(v) the rank of a value inside it. True when
  // both are known.
  template <typename Interpolate>
  bool Pass(double bucket_lower, double bucket_upper, double rank, Interpolate interpolate) {
    AtBoundary(bucket_lower, rank);
    if (done()) return true;
    Inside(lower_, bucket_lower, bucket_upper, interpolate, lower_set_, lower_rank_);
    Inside(upper_, bucket_lower, bucket_upper, interpolate, upper_set_, upper_rank_);
    return done();
  }
  double Difference(double count) const {
    const double from = !lower_set_ || lower_rank_ > count ? count : lower_rank_;
    const double to = !upper_set_ || upper_rank_ > count ? count : upper_rank_;
    return to - from;
  }

 private:
  bool done() const { return lower_set_ && upper_set_; }
  void AtBoundary(double bucket_lower, double rank) {
    if (!lower_set_ && bucket_lower >= lower_) lower_rank_ = rank, lower_set_ = true;
    if (!upper_set_ && bucket_lower >= upper_) upper_rank_ = rank, upper_set_ = true;
  }
  template <typename Interpolate>
  static void Inside(double v, double bucket_lower, double bucket_upper, Interpolate interpolate,
                     bool& set, double& rank) {
    if (set || !(bucket_lower < v && bucket_upper > v)) return;
    rank = interpolate(v);
    set = true;
  }

  const double lower_, upper_;
  double lower_rank_ = 0, upper_rank_ = 0;
  bool lower_set_ = false, upper_set_ = false;
};

void CoalesceEqualBounds(std::vector<ClassicBucket>& buckets) {
  size_t last = 0;
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper_bound == buckets[last].upper_bound) {
      buckets[last].count += buckets[i].count;
    } else {
      buckets[++last] = buckets[i];
    }
  }
  buckets.resize(last + 1);
}

void ForceMonotonic(std::vector<ClassicBucket>& buckets, ClassicQuantile& result) {
  result.min_bucket = kInf;
  result.max_bucket = -kInf;
  double previous = buckets[0].count;
  for (size_t i = 1; i < buckets.size(); ++i) {
    const double current = buckets[i].count;
    if (current == previous) continue;
    if (AlmostEqual(previous, current, kSmallDelta)) {
      buckets[i].count = previous;
    } else if (current < previous) {
      buckets[i].count = previous;
      result.forced_monotonic = true;
      result.min_bucket = std::min(result.min_bucket, buckets[i].upper_bound);
      result.max_bucket = std::max(result.max_bucket, buckets[i].upper_bound);
      result.max_diff = std::max(result.max_diff, previous - current);
    } else {
      previous = current;
    }
  }
}

// REQUIRES: 0 <= q <= 1, not empty.
template <typename Less>
double QuantileBy(double q, std::vector<double>& values, Less less) {
  const double n = double(values.size());
  const double rank = q * (n - 1);
  const auto lower = size_t(std::max(0.0, std::floor(rank)));
  const auto upper = std::min(values.size() - 1, lower + 1);
  // Only two order statistics are needed, not the whole order.
  const auto at_lower = values.begin() + ptrdiff_t(lower);
  std::nth_element(values.begin(), at_lower, values.end(), less);
  const double low = *at_lower;
  const double high = upper == lower ? low : *std::min_element(at_lower + 1, values.end(), less);
  const double weight = rank - std::floor(rank);
  return low * (1 - weight) + high * weight;
}

}  // namespace

double Quantile(double q, std::vector<double>& values) {
  if (values.empty() || std::isnan(q)) return kNaN;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  if (std::ranges::any_of(values, [](double v) { return std::isnan(v); })) {
    return QuantileBy(q, values,
                      [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  }
  return QuantileBy(q, values, std::less<>());
}

NativeQuantile HistogramQuantile(double q, const Histogram& h, std::vector<Bucket>& scratch) {
  if (q < 0) return {-kInf};
  if (q > 1) return {kInf};
  if (h.count == 0 || std::isnan(q)) return {kNaN};
  // NaN observations are above all buckets, so the rank must then be counted from below.
  const bool from_below = std::isnan(h.sum) || q < 0.5;
  double rank = (from_below ? q : 1 - q) * h.count;
  AllBuckets(h, scratch);
  if (!from_below) std::reverse(scratch.begin(), scratch.end());

  Bucket bucket;
  double count = 0;
  size_t i = 0;
  while (i < scratch.size()) {
    bucket = scratch[i++];
    if (bucket.count == 0) continue;
    count += bucket.count;
    if (count >= rank) break;
  }
  if (UsesCustomBuckets(h)) {
    if (bucket.lower == -kInf) {
      if (bucket.upper <= 0) return {bucket.upper};
      bucket.lower = 0;
    } else if (bucket.upper == kInf) {
      return {bucket.lower};
    }
  } else if (bucket.lower < 0 && bucket.upper > 0) {
    CutZeroBucketAtZero(h, bucket);
  }
  count = std::min(count, h.count);  // rounding may have carried it above
  if (count < rank) {
    if (std::isnan(h.sum)) return {kNaN, NanEffect::kResultIsNan};
    return {bucket.upper};
  }
  rank = from_below ? rank - (count - bucket.count) : count - rank;
  NativeQuantile result;
  if (std::isnan(h.sum)) {
    // Infinite observations of both signs make a NaN sum as well; only a surplus in the count tells
    // of NaNs. (Prometheus goes on with the last bucket then, and so do we: same digits.)
    for (; i < scratch.size(); ++i) {
      bucket = scratch[i];
      count += bucket.count;
    }
    if (count < h.count) result.nan_effect = NanEffect::kSkewedHigher;
  }
  const double fraction = rank / bucket.count;
  if (UsesCustomBuckets(h) || (bucket.lower <= 0 && bucket.upper >= 0)) {
    result.value = bucket.lower + (bucket.upper - bucket.lower) * fraction;
  } else {
    result.value = InterpolateExponentially(bucket, fraction);
  }
  return result;
}

NativeFraction HistogramFraction(double lower, double upper, const Histogram& h,
                                 std::vector<Bucket>& scratch) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return {kNaN};
  if (lower >= upper) return {0};
  AllBuckets(h, scratch);
  RankPair ranks(lower, upper);
  double rank = 0, count = 0;
  size_t i = 0;
  while (i < scratch.size()) {
    Bucket b = scratch[i++];
    count += b.count;
    const bool around_zero = b.lower <= 0 && b.upper >= 0;
    if (around_zero) CutZeroBucketAtZero(h, b);
    const bool linear = UsesCustomBuckets(h) || around_zero;
    const auto interpolate = [&](double v) {
      // A bucket that begins at -Inf cannot be divided: all of it counts as below.
      if (linear && b.lower == -kInf) return b.count;
      return rank + b.count * b.FractionBelow(v, linear);
    };
    if (ranks.Pass(b.lower, b.upper, rank, interpolate)) break;
    rank += b.count;
  }
  NativeFraction result;
  if (std::isnan(h.sum)) {
    for (; i < scratch.size(); ++i) count += scratch[i].count;
    result.nan_observations = count < h.count;
  } else {
    count = h.count;
  }
  result.value = ranks.Difference(count) / h.count;
  return result;
}

double HistogramVariance(const Histogram& h, std::vector<Bucket>& scratch) {
  const double mean = h.sum / h.count;
  KahanSum variance;
  AllBuckets(h, scratch);
  for (const Bucket& b : scratch) {
    if (b.count == 0) continue;
    double middle = 0;  // of a bucket around zero
    if (UsesCustomBuckets(h)) {
      middle = (b.upper + b.lower) / 2;
    } else if (!(b.lower <= 0 && b.upper >= 0)) {
      middle = std::sqrt(b.upper * b.lower);
      if (b.upper < 0) middle = -middle;
    }
    const double delta = middle - mean;
    variance.Add(b.count * delta * delta);
  }
  return variance.total() / h.count;
}

ClassicQuantile BucketQuantile(double q, std::vector<ClassicBucket>& buckets) {
  ClassicQuantile result;
  if (std::isnan(q)) return {kNaN};
  if (q < 0) return {-kInf};
  if (q > 1) return {kInf};
  if (buckets.back().upper_bound != kInf) return {kNaN};
  CoalesceEqualBounds(buckets);
  ForceMonotonic(buckets, result);
  const double observations = buckets.back().count;
  if (buckets.size() < 2 || observations == 0) {
    result.value = kNaN;
    return result;
  }
  double rank = q * observations;
  const size_t last = buckets.size() - 1;
  const auto hit = std::partition_point(buckets.begin(), buckets.begin() + ptrdiff_t(last),
                                        [&](const ClassicBucket& b) { return !(b.count >= rank); });
  const auto b = size_t(hit - buckets.begin());
  if (b == last) {
    result.value = buckets[last - 1].upper_bound;
  } else if (b == 0 && buckets[0].upper_bound <= 0) {
    result.value = buckets[0].upper_bound;
  } else {
    double start = 0;
    double count = buckets[b].count;
    if (b > 0) {
      start = buckets[b - 1].upper_bound;
      count -= buckets[b - 1].count;
      rank -= buckets[b - 1].count;
    }
    result.value = start + (buckets[b].upper_bound - start) * (rank / count);
  }
  return result;
}

double BucketFraction(double lower, double upper, std::vector<ClassicBucket>& buckets) {
  if (buckets.back().upper_bound != kInf) return kNaN;
  CoalesceEqualBounds(buckets);
  const double count = buckets.back().count;
  if (count == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;
  RankPair ranks(lower, upper);
  double rank = 0;
  double bucket_lower = buckets[0].upper_bound <= 0 ? -kInf : 0;
  for (const ClassicBucket& b : buckets) {
    const auto interpolate = [&](double v) {
      if (bucket_lower == -kInf) return b.count;
      return rank + (b.count - rank) * (v - bucket_lower) / (b.upper_bound - bucket_lower);
    };
    if (ranks.Pass(bucket_lower, b.upper_bound, rank, interpolate)) break;
    rank = b.count;
    bucket_lower = b.upper_bound;
  }
  return ranks.Difference(count) / count;
}

}  // namespace slowburn::query
