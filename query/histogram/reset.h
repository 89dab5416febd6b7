// Has a counter histogram started again?
#ifndef SLOWBURN_QUERY_HISTOGRAM_RESET_H_
#define SLOWBURN_QUERY_HISTOGRAM_RESET_H_

#include "query/histogram/buckets.h"

namespace slowburn::query {

// True if a count went down, a populated bucket vanished, the resolution grew, or the zero bucket
// shrank. The hint of `current` decides alone when it says reset or not_reset. The sum does not
// matter: it may go down.
bool DetectReset(const Histogram& current, const Histogram& previous);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_HISTOGRAM_RESET_H_
