// The operators </ and >/: cut off what a native histogram observed above, or below, a value.
#ifndef SLOWBURN_QUERY_HISTOGRAM_TRIM_H_
#define SLOWBURN_QUERY_HISTOGRAM_TRIM_H_

#include "query/histogram/buckets.h"

namespace slowburn::query {

enum class Trim { kUpper, kLower };  // what is removed: values above, or below, the limit

// The bucket that holds the limit is divided by interpolation. Count and sum are estimated anew
// from the midpoints of what is left, but only if anything was removed.
void TrimBuckets(Histogram& h, double limit, Trim trim);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_HISTOGRAM_TRIM_H_
