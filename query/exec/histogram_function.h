// histogram_quantile, histogram_quantiles and histogram_fraction, over classic buckets and native
// histograms.
#ifndef SLOWBURN_QUERY_EXEC_HISTOGRAM_FUNCTION_H_
#define SLOWBURN_QUERY_EXEC_HISTOGRAM_FUNCTION_H_

#include <string>
#include <vector>

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

// `params`: the scalar arguments in order (quantiles, or lower and upper).
OperatorPtr NewHistogramFunction(QueryContext& ctx, const CallNode& call, OperatorPtr vector,
                                 std::vector<OperatorPtr> params);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_HISTOGRAM_FUNCTION_H_
