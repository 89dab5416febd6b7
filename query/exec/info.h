// info(v, {…}): joins the labels of info series (target_info, …) of the same instance and job to
// the series of v.
#ifndef SLOWBURN_QUERY_EXEC_INFO_H_
#define SLOWBURN_QUERY_EXEC_INFO_H_

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

OperatorPtr NewInfo(QueryContext& ctx, const InfoNode& node, OperatorPtr inner);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_INFO_H_
