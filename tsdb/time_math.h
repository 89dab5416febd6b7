// Sums of times that stop at the ends instead of wrapping around.
#ifndef SLOWBURN_TSDB_TIME_MATH_H_
#define SLOWBURN_TSDB_TIME_MATH_H_

#include <algorithm>

#include "tsdb/sample.h"

namespace slowburn::tsdb {

inline TimestampMs SaturatingAdd(TimestampMs t, DurationMs by) {
  TimestampMs result = 0;
  if (__builtin_add_overflow(t, by, &result)) return by > 0 ? kMaxTime : kMinTime;
  return result;
}
inline TimestampMs SaturatingSub(TimestampMs t, DurationMs by) {
  TimestampMs result = 0;
  if (__builtin_sub_overflow(t, by, &result)) return by > 0 ? kMinTime : kMaxTime;
  return result;
}
inline TimeRange Intersect(TimeRange a, TimeRange b) {
  return {std::max(a.start, b.start), std::min(a.end, b.end)};
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_TIME_MATH_H_
