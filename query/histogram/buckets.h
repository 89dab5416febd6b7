// The buckets of a native histogram as intervals.
//
//   std::vector<Bucket> buckets;
//   AllBuckets(histogram, buckets);  // ascending: negative ones, the zero bucket, positive ones
//
// Threads: stateless.
#ifndef SLOWBURN_QUERY_HISTOGRAM_BUCKETS_H_
#define SLOWBURN_QUERY_HISTOGRAM_BUCKETS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tsdb/histogram.h"

namespace slowburn::query {

using tsdb::Histogram;
using tsdb::HistogramPtr;
using tsdb::HistogramSpan;

struct Bucket {
  double lower = 0, upper = 0;
  bool lower_inclusive = false, upper_inclusive = false;
  double count = 0;
  int32_t index = 0;  // within schema and sign; meaningless for the zero bucket

  // The share of the bucket below `v`. REQUIRES: lower < v < upper, both finite. Linear for custom
  // and zero buckets, else along the logarithm, in which all exponential buckets are equally wide.
  double FractionBelow(double v, bool linear) const;
};

inline bool UsesCustomBuckets(const Histogram& h) { return h.schema == tsdb::kCustomBucketsSchema; }

// The upper bound of the bucket with this index. Custom bounds: index -1 is -Inf, one past the last
// is +Inf.
double UpperBound(int32_t index, int32_t schema, std::span<const double> custom_values);

Bucket ZeroBucket(const Histogram& h);

// The positive or negative side in order of index, i.e. away from zero. Empty buckets are kept.
enum class Side { kPositive, kNegative };
void SideBuckets(const Histogram& h, Side side, std::vector<Bucket>& out);

// Ascending. The zero bucket is there if it is populated; buckets that reach into it are cut at its
// threshold.
void AllBuckets(const Histogram& h, std::vector<Bucket>& out);

// A side as parallel arrays of index and count: the form in which layouts are compared and merged.
struct IndexedBuckets {
  std::vector<int32_t> index;  // ascends
  std::vector<double> count;
  size_t size() const { return index.size(); }
  void Append(int32_t i, double c) {
    index.push_back(i);
    count.push_back(c);
  }
};
IndexedBuckets Indexed(std::span<const HistogramSpan> spans, std::span<const double> buckets);
std::vector<HistogramSpan> SpansOf(std::span<const int32_t> index);

// Merges buckets into those of a coarser schema. REQUIRES: both exponential, to <= from.
IndexedBuckets AtResolution(const IndexedBuckets& buckets, int32_t from, int32_t to);

// {count:3, sum:4.5, (1,2]:3}: as count_values names a histogram.
std::string Describe(const Histogram& h);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_HISTOGRAM_BUCKETS_H_
