// Does a query's answer equal what a test expects? Floats may differ by one millionth.
//
// Threads: stateless.
#ifndef SLOWBURN_QUERY_PROMQLTEST_COMPARISON_H_
#define SLOWBURN_QUERY_PROMQLTEST_COMPARISON_H_

#include <string>

#include "query/promqltest/test_script.h"
#include "query/value.h"

namespace slowburn::query {

inline constexpr double kFloatTolerance = 1e-6;

// |a-b| / (|a|+|b|) < tolerance; NaN equals NaN, but the staleness marker only itself.
bool AlmostEqual(double a, double b, double tolerance = kFloatTolerance);
// Of the same shape and almost the same numbers. The reset hint counts only if asked for.
enum class CompareHint { kYes, kNo };
bool AlmostEqualHistograms(const tsdb::Histogram& a, const tsdb::Histogram& b, CompareHint hint);

// "" if they agree, else what differs.
std::string CompareResult(const EvalCommand& expected, const QueryResult& result);
std::string CompareAnnotations(const EvalCommand& expected, const Annotations& annotations);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_COMPARISON_H_
