// absent(v): 1 where the vector is empty.
#ifndef SLOWBURN_QUERY_EXEC_ABSENT_H_
#define SLOWBURN_QUERY_EXEC_ABSENT_H_

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

OperatorPtr NewAbsent(QueryContext& ctx, const CallNode& call, OperatorPtr vector);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_ABSENT_H_
