// Binary operators between two vectors.
#ifndef SLOWBURN_QUERY_EXEC_BINARY_H_
#define SLOWBURN_QUERY_EXEC_BINARY_H_

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

// Arithmetic, comparison and trim operators. Matches are judged step by step, as Prometheus does: a
// label set that occurs twice matters only where both have a point.
OperatorPtr NewVectorBinary(QueryContext& ctx, const BinaryNode& node, OperatorPtr left,
                            OperatorPtr right);
// and, or, unless.
OperatorPtr NewSetOperation(QueryContext& ctx, const BinaryNode& node, OperatorPtr left,
                            OperatorPtr right);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_BINARY_H_
