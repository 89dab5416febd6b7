// What may be kept of range queries: those whose value at a step is a function of the samples near
// that step.
//
// Refused are queries
//   - that look at the range they are asked for, or at a fixed time: @, start(), end(), range(),
//     step()
//   - that read series of more than one name by one selector, or whose names meet after they were
//     dropped: whether two series clash is judged over the whole range
//   - that add up in an order in which series of the whole range take part: a sum of sums by group
//     is added in the order in which the groups were first seen
//   - with duration expressions, fill modifiers, info(), sort*(), limitk and limit_ratio
#ifndef SLOWBURN_QUERY_CACHE_RULES_H_
#define SLOWBURN_QUERY_CACHE_RULES_H_

#include <map>
#include <optional>
#include <string>

#include "query/parser/ast.h"
#include "tsdb/sample.h"

namespace slowburn::query {

// The samples of a metric at which a step may look: the step at t at those in [t + first, t +
// last].
struct StepReads {
  tsdb::DurationMs first = 0, last = 0;
};
using ReadsByMetric = std::map<std::string, StepReads>;

// Nothing if answers of `query` are not to be kept, or if it reads no samples. The tree may be
// deep: see WalkDeep.
std::optional<ReadsByMetric> KeepableReads(const Expr& query, tsdb::DurationMs lookback);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_CACHE_RULES_H_
