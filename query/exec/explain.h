// Explain: a plan, with what each of its nodes did.
#ifndef SLOWBURN_QUERY_EXEC_EXPLAIN_H_
#define SLOWBURN_QUERY_EXEC_EXPLAIN_H_

#include "query/exec/query_profile.h"
#include "query/plan/node.h"
#include "query/value.h"

namespace slowburn::query {

// Nodes deeper than kMaxExplainDepth are only counted.
inline constexpr size_t kMaxExplainDepth = 100;
ExplainedNode Explain(const PlanNode& plan, const QueryProfile& profile);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_EXPLAIN_H_
