// The histograms of series literals: {{schema:0 count:2 sum:3 buckets:[1 1]}}. Internal to
// query/promqltest.
#ifndef SLOWBURN_QUERY_PROMQLTEST_HISTOGRAM_LITERAL_H_
#define SLOWBURN_QUERY_PROMQLTEST_HISTOGRAM_LITERAL_H_

#include "query/promqltest/literal_cursor.h"
#include "tsdb/histogram.h"

namespace slowburn::query {

struct HistogramLiteral {
  tsdb::Histogram histogram;
  bool reset_hint_written = false;
};

// The cursor stands at "{{". False: the cursor's status says why.
bool ParseHistogramLiteral(LiteralCursor& cursor, HistogramLiteral& out);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_HISTOGRAM_LITERAL_H_
