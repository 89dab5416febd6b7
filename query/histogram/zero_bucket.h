// Zero buckets of different widths made alike, before two histograms are combined or compared.
#ifndef SLOWBURN_QUERY_HISTOGRAM_ZERO_BUCKET_H_
#define SLOWBURN_QUERY_HISTOGRAM_ZERO_BUCKET_H_

#include "query/histogram/buckets.h"

namespace slowburn::query {

struct WidenedZero {
  double threshold = 0;  // at least what was asked for; more if that lay within a populated bucket
  double count = 0;      // the zero bucket's count at that threshold
};
// What the zero bucket of `h` would hold at a larger threshold. REQUIRES: threshold >=
// h.zero_threshold, exponential.
WidenedZero WidenZeroBucket(const Histogram& h, double threshold);

// Widens the zero bucket of `to` (and of its compensations `c`, if given) until both have one
// threshold that cuts no populated bucket of either. Returns what the zero bucket of `other` then
// counts. REQUIRES: exponential.
double ReconcileZeroBuckets(Histogram& to, Histogram* c, const Histogram& other);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_HISTOGRAM_ZERO_BUCKET_H_
