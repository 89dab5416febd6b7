// Aggregation operators.
#ifndef SLOWBURN_QUERY_EXEC_AGGREGATE_H_
#define SLOWBURN_QUERY_EXEC_AGGREGATE_H_

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

// sum, avg, min, max, count, group, stddev, stdvar: series stream through into one accumulator per
// group and step.
OperatorPtr NewStreamingAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner);
// quantile: all values of a group and step are needed at once.
OperatorPtr NewQuantileAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner,
                                 OperatorPtr parameter);
// topk, bottomk, limitk, limit_ratio: they choose among the series.
OperatorPtr NewSelectingAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner,
                                  OperatorPtr parameter);
// count_values: REQUIRES: node.parameter is a string.
OperatorPtr NewCountValues(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_AGGREGATE_H_
