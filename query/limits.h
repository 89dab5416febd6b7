// Limits of queries that do not come from flags, and defaults of those in slowburn.yml.
#ifndef SLOWBURN_QUERY_LIMITS_H_
#define SLOWBURN_QUERY_LIMITS_H_

#include <cstddef>

namespace slowburn::query {

inline constexpr size_t kMaxQueryBytes = 1 << 20;
inline constexpr int kMaxParseDepth = 1000;  // nested parentheses, calls, right sides of operators
// Chains of operators that bind to the left (a or b or c …) may be this long. Trees deeper than
// kMaxParseDepth are walked on a stack of their own.
inline constexpr int kMaxTreeHeight = 50'000;
inline constexpr size_t kMaxLabelValueBytes = 1 << 20;  // that label_replace or label_join makes
inline constexpr size_t kMaxThreadsOfQuery = 8;  // and no more than there are cores
inline constexpr size_t kMaxPointsPerSeries = 11'000;
inline constexpr size_t kDefaultQueryMemoryBytes = size_t{2} << 30;
inline constexpr size_t kDefaultQueryMemoryTotalBytes = size_t{4} << 30;
inline constexpr size_t kMaxStepsOfSubquery = 10'000'000;  // a column of a series is that long

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_LIMITS_H_
