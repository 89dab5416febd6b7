// label_replace and label_join: they look at labels only.
#ifndef SLOWBURN_QUERY_EXEC_LABEL_FUNCTION_H_
#define SLOWBURN_QUERY_EXEC_LABEL_FUNCTION_H_

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

// Series may come to have equal labels: put a merge above.
OperatorPtr NewLabelReplace(QueryContext& ctx, const CallNode& call, OperatorPtr vector);
OperatorPtr NewLabelJoin(QueryContext& ctx, const CallNode& call, OperatorPtr vector);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_LABEL_FUNCTION_H_
