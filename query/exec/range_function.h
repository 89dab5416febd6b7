// rate(x[5m]) and its like: functions of range vectors, window by window.
#ifndef SLOWBURN_QUERY_EXEC_RANGE_FUNCTION_H_
#define SLOWBURN_QUERY_EXEC_RANGE_FUNCTION_H_

#include <memory>
#include <vector>

#include "query/exec/operator.h"
#include "query/exec/sample_source.h"
#include "query/plan/node.h"

namespace slowburn::query {

// The range vector that a call works on.
struct RangeInput {
  std::unique_ptr<SampleSource> source;
  Reference reference;
  DurationMs range = 0;
  DurationMs lookback = 0;  // how far anchored and smoothed windows reach out
  RangeMode mode = RangeMode::kPlain;
  tsdb::Matchers matchers;     // of the selector; empty for a subquery
  bool from_subquery = false;  // then what is read has been counted there
};

// `params` are the scalar arguments in order. REQUIRES: FindRangeFunction(call.function->id) !=
// null.
OperatorPtr NewRangeFunction(QueryContext& ctx, const CallNode& call, RangeInput input,
                             std::vector<OperatorPtr> params);
OperatorPtr NewAbsentOverTime(QueryContext& ctx, const CallNode& call, RangeInput input);

// The labels that a selector pins: of what absent() reports.
tsdb::Labels LabelsOfAbsence(const tsdb::Matchers& matchers);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_RANGE_FUNCTION_H_
