// The functions of PromQL: what the parser needs to check a call, and an id by which the engine
// finds the kernel.
//
//   const Function* f = FindFunction("rate");   // null when there is none of that name
//
// Threads: constant data. Lifetimes: static.
#ifndef SLOWBURN_QUERY_FUNCTIONS_FUNCTION_TABLE_H_
#define SLOWBURN_QUERY_FUNCTIONS_FUNCTION_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "query/parser/ast.h"

namespace slowburn::query {

// Alphabetical, as the table.
enum class FunctionId : uint8_t {
  kAbs,
  kAbsent,
  kAbsentOverTime,
  kAcos,
  kAcosh,
  kAsin,
  kAsinh,
  kAtan,
  kAtanh,
  kAvgOverTime,
  kCeil,
  kChanges,
  kClamp,
  kClampMax,
  kClampMin,
  kCos,
  kCosh,
  kCountOverTime,
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kDaysInMonth,
  kDeg,
  kDelta,
  kDeriv,
  kDoubleExponentialSmoothing,
  kEnd,
  kExp,
  kFirstOverTime,
  kFloor,
  kHistogramAvg,
  kHistogramCount,
  kHistogramFraction,
  kHistogramQuantile,
  kHistogramQuantiles,
  kHistogramStddev,
  kHistogramStdvar,
  kHistogramSum,
  kHour,
  kIdelta,
  kIncrease,
  kInfo,
  kIrate,
  kLabelJoin,
  kLabelReplace,
  kLastOverTime,
  kLn,
  kLog10,
  kLog2,
  kMadOverTime,
  kMaxOf,
  kMaxOverTime,
  kMinOf,
  kMinOverTime,
  kMinute,
  kMonth,
  kPi,
  kPredictLinear,
  kPresentOverTime,
  kQuantileOverTime,
  kRad,
  kRange,
  kRate,
  kResets,
  kRound,
  kScalar,
  kSgn,
  kSin,
  kSinh,
  kSort,
  kSortByLabel,
  kSortByLabelDesc,
  kSortDesc,
  kSqrt,
  kStart,
  kStartTimestamp,
  kStddevOverTime,
  kStdvarOverTime,
  kStep,
  kSumOverTime,
  kTan,
  kTanh,
  kTime,
  kTimestamp,
  kTsOfFirstOverTime,
  kTsOfLastOverTime,
  kTsOfMaxOverTime,
  kTsOfMinOverTime,
  kVector,
  kYear,
};

struct Function {
  static constexpr size_t kMaxArgTypes = 5;

  std::string_view name;
  FunctionId id;
  uint8_t arg_count;  // of arg_type_list
  std::array<ValueType, kMaxArgTypes> arg_type_list;
  // 0: exactly the listed arguments. n > 0: the last listed may be absent, or stand up to n times.
  // -1: the last listed any number of times, also none.
  int variadic;
  ValueType return_type;
  bool experimental;  // needs promql-experimental-functions

  std::span<const ValueType> arg_types() const { return {arg_type_list.data(), arg_count}; }
  size_t min_args() const { return variadic == 0 ? arg_count : arg_count - 1u; }
};

const Function* FindFunction(std::string_view name);
// All of them, by name.
std::span<const Function> AllFunctions();

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_FUNCTIONS_FUNCTION_TABLE_H_
