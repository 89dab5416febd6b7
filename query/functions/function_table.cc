#include "query/functions/function_table.h"

#include <algorithm>

namespace slowburn::query {
namespace {

constexpr ValueType kS = ValueType::kScalar, kV = ValueType::kVector, kM = ValueType::kMatrix,
                    kT = ValueType::kString;
constexpr bool kStable = false, kExperimental = true;

// name, id, number and types of arguments, variadic, result, experimental
constexpr Function kTable[] = {
    {"abs", FunctionId::kAbs, 1, {kV}, 0, kV, kStable},
    {"absent", FunctionId::kAbsent, 1, {kV}, 0, kV, kStable},
    {"absent_over_time", FunctionId::kAbsentOverTime, 1, {kM}, 0, kV, kStable},
    {"acos", FunctionId::kAcos, 1, {kV}, 0, kV, kStable},
    {"acosh", FunctionId::kAcosh, 1, {kV}, 0, kV, kStable},
    {"asin", FunctionId::kAsin, 1, {kV}, 0, kV, kStable},
    {"asinh", FunctionId::kAsinh, 1, {kV}, 0, kV, kStable},
    {"atan", FunctionId::kAtan, 1, {kV}, 0, kV, kStable},
    {"atanh", FunctionId::kAtanh, 1, {kV}, 0, kV, kStable},
    {"avg_over_time", FunctionId::kAvgOverTime, 1, {kM}, 0, kV, kStable},
    {"ceil", FunctionId::kCeil, 1, {kV}, 0, kV, kStable},
    {"changes", FunctionId::kChanges, 1, {kM}, 0, kV, kStable},
    {"clamp", FunctionId::kClamp, 3, {kV, kS, kS}, 0, kV, kStable},
    {"clamp_max", FunctionId::kClampMax, 2, {kV, kS}, 0, kV, kStable},
    {"clamp_min", FunctionId::kClampMin, 2, {kV, kS}, 0, kV, kStable},
    {"cos", FunctionId::kCos, 1, {kV}, 0, kV, kStable},
    {"cosh", FunctionId::kCosh, 1, {kV}, 0, kV, kStable},
    {"count_over_time", FunctionId::kCountOverTime, 1, {kM}, 0, kV, kStable},
    {"day_of_month", FunctionId::kDayOfMonth, 1, {kV}, 1, kV, kStable},
    {"day_of_week", FunctionId::kDayOfWeek, 1, {kV}, 1, kV, kStable},
    {"day_of_year", FunctionId::kDayOfYear, 1, {kV}, 1, kV, kStable},
    {"days_in_month", FunctionId::kDaysInMonth, 1, {kV}, 1, kV, kStable},
    {"deg", FunctionId::kDeg, 1, {kV}, 0, kV, kStable},
    {"delta", FunctionId::kDelta, 1, {kM}, 0, kV, kStable},
    {"deriv", FunctionId::kDeriv, 1, {kM}, 0, kV, kStable},
    {"double_exponential_smoothing",
     FunctionId::kDoubleExponentialSmoothing,
     3,
     {kM, kS, kS},
     0,
     kV,
     kExperimental},
    {"end", FunctionId::kEnd, 0, {}, 0, kS, kExperimental},
    {"exp", FunctionId::kExp, 1, {kV}, 0, kV, kStable},
    {"first_over_time", FunctionId::kFirstOverTime, 1, {kM}, 0, kV, kStable},
    {"floor", FunctionId::kFloor, 1, {kV}, 0, kV, kStable},
    {"histogram_avg", FunctionId::kHistogramAvg, 1, {kV}, 0, kV, kStable},
    {"histogram_count", FunctionId::kHistogramCount, 1, {kV}, 0, kV, kStable},
    {"histogram_fraction", FunctionId::kHistogramFraction, 3, {kS, kS, kV}, 0, kV, kStable},
    {"histogram_quantile", FunctionId::kHistogramQuantile, 2, {kS, kV}, 0, kV, kStable},
    {"histogram_quantiles",
     FunctionId::kHistogramQuantiles,
     4,
     {kV, kT, kS, kS},
     9,
     kV,
     kExperimental},
    {"histogram_stddev", FunctionId::kHistogramStddev, 1, {kV}, 0, kV, kStable},
    {"histogram_stdvar", FunctionId::kHistogramStdvar, 1, {kV}, 0, kV, kStable},
    {"histogram_sum", FunctionId::kHistogramSum, 1, {kV}, 0, kV, kStable},
    {"hour", FunctionId::kHour, 1, {kV}, 1, kV, kStable},
    {"idelta", FunctionId::kIdelta, 1, {kM}, 0, kV, kStable},
    {"increase", FunctionId::kIncrease, 1, {kM}, 0, kV, kStable},
    {"info", FunctionId::kInfo, 2, {kV, kV}, 1, kV, kExperimental},
    {"irate", FunctionId::kIrate, 1, {kM}, 0, kV, kStable},
    {"label_join", FunctionId::kLabelJoin, 4, {kV, kT, kT, kT}, -1, kV, kStable},
    {"label_replace", FunctionId::kLabelReplace, 5, {kV, kT, kT, kT, kT}, 0, kV, kStable},
    {"last_over_time", FunctionId::kLastOverTime, 1, {kM}, 0, kV, kStable},
    {"ln", FunctionId::kLn, 1, {kV}, 0, kV, kStable},
    {"log10", FunctionId::kLog10, 1, {kV}, 0, kV, kStable},
    {"log2", FunctionId::kLog2, 1, {kV}, 0, kV, kStable},
    {"mad_over_time", FunctionId::kMadOverTime, 1, {kM}, 0, kV, kExperimental},
    {"max_of", FunctionId::kMaxOf, 2, {kS, kS}, 0, kS, kExperimental},
    {"max_over_time", FunctionId::kMaxOverTime, 1, {kM}, 0, kV, kStable},
    {"min_of", FunctionId::kMinOf, 2, {kS, kS}, 0, kS, kExperimental},
    {"min_over_time", FunctionId::kMinOverTime, 1, {kM}, 0, kV, kStable},
    {"minute", FunctionId::kMinute, 1, {kV}, 1, kV, kStable},
    {"month", FunctionId::kMonth, 1, {kV}, 1, kV, kStable},
    {"pi", FunctionId::kPi, 0, {}, 0, kS, kStable},
    {"predict_linear", FunctionId::kPredictLinear, 2, {kM, kS}, 0, kV, kStable},
    {"present_over_time", FunctionId::kPresentOverTime, 1, {kM}, 0, kV, kStable},
    {"quantile_over_time", FunctionId::kQuantileOverTime, 2, {kS, kM}, 0, kV, kStable},
    {"rad", FunctionId::kRad, 1, {kV}, 0, kV, kStable},
    {"range", FunctionId::kRange, 0, {}, 0, kS, kExperimental},
    {"rate", FunctionId::kRate, 1, {kM}, 0, kV, kStable},
    {"resets", FunctionId::kResets, 1, {kM}, 0, kV, kStable},
    {"round", FunctionId::kRound, 2, {kV, kS}, 1, kV, kStable},
    {"scalar", FunctionId::kScalar, 1, {kV}, 0, kS, kStable},
    {"sgn", FunctionId::kSgn, 1, {kV}, 0, kV, kStable},
    {"sin", FunctionId::kSin, 1, {kV}, 0, kV, kStable},
    {"sinh", FunctionId::kSinh, 1, {kV}, 0, kV, kStable},
    {"sort", FunctionId::kSort, 1, {kV}, 0, kV, kStable},
    {"sort_by_label", FunctionId::kSortByLabel, 2, {kV, kT}, -1, kV, kExperimental},
    {"sort_by_label_desc", FunctionId::kSortByLabelDesc, 2, {kV, kT}, -1, kV, kExperimental},
    {"sort_desc", FunctionId::kSortDesc, 1, {kV}, 0, kV, kStable},
    {"sqrt", FunctionId::kSqrt, 1, {kV}, 0, kV, kStable},
    {"start", FunctionId::kStart, 0, {}, 0, kS, kExperimental},
    {"start_timestamp", FunctionId::kStartTimestamp, 1, {kV}, 0, kV, kExperimental},
    {"stddev_over_time", FunctionId::kStddevOverTime, 1, {kM}, 0, kV, kStable},
    {"stdvar_over_time", FunctionId::kStdvarOverTime, 1, {kM}, 0, kV, kStable},
    {"step", FunctionId::kStep, 0, {}, 0, kS, kExperimental},
    {"sum_over_time", FunctionId::kSumOverTime, 1, {kM}, 0, kV, kStable},
    {"tan", FunctionId::kTan, 1, {kV}, 0, kV, kStable},
    {"tanh", FunctionId::kTanh, 1, {kV}, 0, kV, kStable},
    {"time", FunctionId::kTime, 0, {}, 0, kS, kStable},
    {"timestamp", FunctionId::kTimestamp, 1, {kV}, 0, kV, kStable},
    {"ts_of_first_over_time", FunctionId::kTsOfFirstOverTime, 1, {kM}, 0, kV, kExperimental},
    {"ts_of_last_over_time", FunctionId::kTsOfLastOverTime, 1, {kM}, 0, kV, kExperimental},
    {"ts_of_max_over_time", FunctionId::kTsOfMaxOverTime, 1, {kM}, 0, kV, kExperimental},
    {"ts_of_min_over_time", FunctionId::kTsOfMinOverTime, 1, {kM}, 0, kV, kExperimental},
    {"vector", FunctionId::kVector, 1, {kS}, 0, kV, kStable},
    {"year", FunctionId::kYear, 1, {kV}, 1, kV, kStable},
};

constexpr bool IsSortedById() {
  for (size_t i = 0; i < std::size(kTable); ++i) {
    if (kTable[i].id != FunctionId(i)) return false;
    if (i > 0 && !(kTable[i - 1].name < kTable[i].name)) return false;
  }
  return true;
}
static_assert(IsSortedById(), "FindFunction searches by name; FunctionId follows the same order");

}  // namespace

const Function* FindFunction(std::string_view name) {
  const auto* it =
      std::lower_bound(std::begin(kTable), std::end(kTable), name,
                       [](const Function& f, std::string_view n) { return f.name < n; });
  return it != std::end(kTable) && it->name == name ? it : nullptr;
}

std::span<const Function> AllFunctions() { return kTable; }

}  // namespace slowburn::query
