// Timeline: the steps at which a part of a query is evaluated.
#ifndef SLOWBURN_QUERY_PLAN_TIMELINE_H_
#define SLOWBURN_QUERY_PLAN_TIMELINE_H_

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>

#include "tsdb/sample.h"

namespace slowburn::query {

using tsdb::DurationMs;
using tsdb::TimestampMs;

// Times far outside what a clock can show are cut to this, so that sums of a few of them cannot
// overflow.
inline constexpr TimestampMs kTimeLimit = std::numeric_limits<TimestampMs>::max() / 8;
inline TimestampMs Bounded(TimestampMs t) { return std::clamp(t, -kTimeLimit, kTimeLimit); }

struct Timeline {
  TimestampMs start = 0;
  TimestampMs end = 0;  // evaluated as well, if it is on the grid
  DurationMs step = 1;  // > 0

  size_t steps() const { return end < start ? 0 : size_t((end - start) / step) + 1; }
  TimestampMs At(size_t i) const { return start + TimestampMs(i) * step; }
  TimestampMs last() const { return steps() == 0 ? start : At(steps() - 1); }
  // An instant query has one step and knows no grid: order of results matters there.
  bool is_range() const { return start != end; }
  Timeline OnlyStart() const { return {start, start, step}; }
  friend bool operator==(const Timeline&, const Timeline&) = default;
};

// The time that a selector or subquery looks at when a step is evaluated: the step's, or the one
// that @ pins; less the offset.
struct Reference {
  std::optional<TimestampMs> at;
  DurationMs offset = 0;

  TimestampMs Of(TimestampMs step_time) const { return Bounded(at.value_or(step_time)) - offset; }
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PLAN_TIMELINE_H_
