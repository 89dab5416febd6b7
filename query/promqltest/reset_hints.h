// The reset hints that a Prometheus TSDB reports for the histograms it has stored.
//
// Senders' hints do not survive storage there: a gauge stays a gauge, the first counter of a run
// says "unknown", and so does one that is a reset; every other one says "not_reset". The
// expectations of test scripts are written for that.
#ifndef SLOWBURN_QUERY_PROMQLTEST_RESET_HINTS_H_
#define SLOWBURN_QUERY_PROMQLTEST_RESET_HINTS_H_

#include "tsdb/histogram.h"

namespace slowburn::query {

// Feed it the samples of one series in order.
class StoredResetHints {
 public:
  // Null: a float.
  tsdb::HistogramPtr Next(const tsdb::HistogramPtr& histogram);

 private:
  tsdb::HistogramPtr previous_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_RESET_HINTS_H_
