// BuildPlan: syntax tree to plan. The only place that turns relative times into absolute ones.
//
// Threads: stateless. Errors: kInvalidArgument, a duration expression has no usable value, or the
// expression's type cannot be evaluated over a range.
#ifndef SLOWBURN_QUERY_PLAN_BUILD_H_
#define SLOWBURN_QUERY_PLAN_BUILD_H_

#include "absl/status/statusor.h"
#include "query/parser/ast.h"
#include "query/plan/node.h"

namespace slowburn::query {

struct PlanOptions {
  DurationMs lookback = 0;
  DurationMs default_subquery_step = 0;
};

// `step` of the timeline is that of the range query. For an instant query: timeline.start ==
// timeline.end.
absl::StatusOr<PlanPtr> BuildPlan(const Expr& expr, const Timeline& timeline, bool is_range_query,
                                  const PlanOptions& options);

// The times whose samples the plan may look at: what to ask of the storage.
tsdb::TimeRange DataExtent(const PlanNode& plan);

// --- passes: node -> node of the same value ---

// Law: a scalar expression of numbers is one number.
PlanPtr FoldConstants(PlanPtr plan);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PLAN_BUILD_H_
