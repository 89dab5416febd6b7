// BuildOperators: plan to operators. One switch over kinds of nodes, one over functions.
#ifndef SLOWBURN_QUERY_EXEC_BUILD_OPERATORS_H_
#define SLOWBURN_QUERY_EXEC_BUILD_OPERATORS_H_

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

// For scalars and instant vectors. kFailedPrecondition: a function does not take its argument's
// modifier.
absl::StatusOr<OperatorPtr> BuildOperators(QueryContext& ctx, const PlanNode& node);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_BUILD_OPERATORS_H_
