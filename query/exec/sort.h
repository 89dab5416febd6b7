// sort, sort_desc, sort_by_label, sort_by_label_desc.
#ifndef SLOWBURN_QUERY_EXEC_SORT_H_
#define SLOWBURN_QUERY_EXEC_SORT_H_

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

// Orders matter to instant queries only; elsewhere series pass through, with a warning.
OperatorPtr NewSort(QueryContext& ctx, const CallNode& call, OperatorPtr vector);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_SORT_H_
