// A range vector as the answer of an instant query: x[5m], or a subquery.
#ifndef SLOWBURN_QUERY_EXEC_RANGE_VECTOR_H_
#define SLOWBURN_QUERY_EXEC_RANGE_VECTOR_H_

#include <vector>

#include "absl/status/statusor.h"
#include "query/exec/operator.h"
#include "query/plan/node.h"
#include "query/value.h"

namespace slowburn::query {

// Not sorted; series without samples are left out. `answer` comes to hold their memory. REQUIRES:
// one step.
absl::StatusOr<std::vector<Series>> ReadRangeVector(QueryContext& ctx, const SelectorNode& selector,
                                                    MemoryHold& answer);

// The points of an operator as series. With delayed name removal, names that are to go are dropped
// and series that become equal are merged.
absl::StatusOr<std::vector<Series>> CollectSeries(QueryContext& ctx, Operator& op,
                                                  MemoryHold& answer);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_RANGE_VECTOR_H_
