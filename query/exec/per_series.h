// Operators that change each series by itself: functions of instant vectors, unary minus, a vector
// with a scalar.
#ifndef SLOWBURN_QUERY_EXEC_PER_SERIES_H_
#define SLOWBURN_QUERY_EXEC_PER_SERIES_H_

#include <vector>

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

// abs(v), clamp(v, a, b), hour(v), histogram_sum(v), timestamp(v), …: `params` are the scalar
// arguments in order. Null: not such a function.
OperatorPtr NewVectorFunction(QueryContext& ctx, const CallNode& call, OperatorPtr vector,
                              std::vector<OperatorPtr> params);
OperatorPtr NewNegate(QueryContext& ctx, OperatorPtr inner);

enum class ScalarSide { kLeft, kRight };
OperatorPtr NewVectorScalarBinary(QueryContext& ctx, const BinaryNode& node, OperatorPtr vector,
                                  OperatorPtr scalar, ScalarSide side);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_PER_SERIES_H_
