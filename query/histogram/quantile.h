// Quantiles, fractions and variance: of native histograms, of classic buckets, of plain values.
//
// All are free functions of numbers. Oddities that a user should hear of come back in the result;
// who calls turns them into annotations. Threads: stateless, but a scratch vector may be passed in
// to save allocations.
#ifndef SLOWBURN_QUERY_HISTOGRAM_QUANTILE_H_
#define SLOWBURN_QUERY_HISTOGRAM_QUANTILE_H_

#include <vector>

#include "query/histogram/buckets.h"

namespace slowburn::query {

// The q-quantile; sorts `values`. NaN sorts lowest. Empty or q NaN: NaN. q < 0: -Inf, q > 1: +Inf.
double Quantile(double q, std::vector<double>& values);

// --- native ---

enum class NanEffect { kNone, kResultIsNan, kSkewedHigher };
struct NativeQuantile {
  double value = 0;
  // Of NaN observations, which are in the count but in no bucket.
  NanEffect nan_effect = NanEffect::kNone;
};
NativeQuantile HistogramQuantile(double q, const Histogram& h, std::vector<Bucket>& scratch);

struct NativeFraction {
  double value = 0;
  bool nan_observations = false;
};
// The share of observations in (lower, upper].
NativeFraction HistogramFraction(double lower, double upper, const Histogram& h,
                                 std::vector<Bucket>& scratch);

double HistogramVariance(const Histogram& h, std::vector<Bucket>& scratch);

// --- classic ---

struct ClassicBucket {
  double upper_bound = 0;
  double count = 0;  // cumulative
};

struct ClassicQuantile {
  double value = 0;
  bool forced_monotonic = false;  // counts went down from one bucket to the next and were raised
  double min_bucket = 0, max_bucket = 0, max_diff = 0;  // where, and by how much at most
};
// REQUIRES: not empty, ascending bounds. Merges equal bounds in `buckets`.
ClassicQuantile BucketQuantile(double q, std::vector<ClassicBucket>& buckets);
double BucketFraction(double lower, double upper, std::vector<ClassicBucket>& buckets);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_HISTOGRAM_QUANTILE_H_
