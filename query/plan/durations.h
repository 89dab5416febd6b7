// Duration expressions ([5m + step()], offset -range() / 2) to milliseconds.
#ifndef SLOWBURN_QUERY_PLAN_DURATIONS_H_
#define SLOWBURN_QUERY_PLAN_DURATIONS_H_

#include "absl/status/statusor.h"
#include "query/parser/ast.h"

namespace slowburn::query {

struct QueryDurations {
  double step_seconds = 0;   // step(): 0 for instant queries
  double range_seconds = 0;  // range(): end - start
};

enum class DurationSign { kPositive, kAny };

// kInvalidArgument with the byte range in front ("12:17: duration must be greater than 0").
absl::StatusOr<tsdb::DurationMs> EvaluateDuration(const DurationValue& value,
                                                  const QueryDurations& query, DurationSign sign);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PLAN_DURATIONS_H_
