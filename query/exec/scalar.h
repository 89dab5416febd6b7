// Operators whose result is a scalar, or made of one: one series without labels, a value at every
// step.
#ifndef SLOWBURN_QUERY_EXEC_SCALAR_H_
#define SLOWBURN_QUERY_EXEC_SCALAR_H_

#include "query/exec/operator.h"
#include "query/functions/float_functions.h"
#include "query/plan/node.h"

namespace slowburn::query {

OperatorPtr NewNumber(QueryContext& ctx, const Timeline& timeline, double value);
// f of the step's time in seconds; null: the time itself.
OperatorPtr NewTime(QueryContext& ctx, const Timeline& timeline, FloatFunction f);
OperatorPtr NewScalarBinary(QueryContext& ctx, BinaryOp op, OperatorPtr left, OperatorPtr right);
OperatorPtr NewExtremeOf(QueryContext& ctx, FunctionId min_of_or_max_of, OperatorPtr left,
                         OperatorPtr right);
// scalar(v): the only float of the vector at each step, else NaN.
OperatorPtr NewScalarOf(QueryContext& ctx, OperatorPtr vector);

// Repeats what `once` has at its only step.
OperatorPtr NewStepInvariant(QueryContext& ctx, const Timeline& timeline, OperatorPtr once);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_SCALAR_H_
