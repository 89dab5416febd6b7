// The table of range-vector functions: to add one, write its kernel and a row here.
#include <array>

#include "query/functions/over_time.h"
#include "query/functions/range_window.h"
#include "query/functions/rate.h"

namespace slowburn::query {
namespace {

struct Row {
  FunctionId id;
  RangeFunction function;
};

constexpr RangeFunction Plain(WindowKernel window, SlidingKernel sliding = nullptr,
                              StandIns stand_ins = StandIns::kNone) {
  RangeFunction f;
  f.window = window;
  f.sliding = sliding;
  f.stand_ins = stand_ins;
  return f;
}

constexpr RangeFunction KeepsName(WindowKernel window, SlidingKernel sliding) {
  RangeFunction f = Plain(window, sliding, StandIns::kEnds);
  f.keeps_name = true;
  return f;
}

constexpr RangeFunction Rate(bool counter) {
  RangeFunction f = Plain(RateKernel, SlidingRate, counter ? StandIns::kGrowth : StandIns::kEnds);
  f.uses_start_timestamps = f.uses_histogram_resets = counter;
  f.anchored = f.smoothed = true;
  return f;
}

constexpr RangeFunction InstantRate(bool counter) {
  RangeFunction f = Plain(InstantRateKernel, SlidingInstantRate);
  f.uses_start_timestamps = counter;
  return f;
}

constexpr RangeFunction Pairs(WindowKernel window, SlidingKernel sliding, bool resets) {
  RangeFunction f = Plain(window, sliding);
  f.anchored = true;
  f.uses_start_timestamps = resets;
  return f;
}

constexpr Row kTable[] = {
    {FunctionId::kAvgOverTime, Plain(AverageOverTime, SlidingAverage, StandIns::kSum)},
    {FunctionId::kChanges, Pairs(Changes, SlidingChanges, false)},
    {FunctionId::kCountOverTime, Plain(CountOverTime, SlidingCount, StandIns::kEnds)},
    {FunctionId::kDelta, Rate(false)},
    {FunctionId::kDeriv, Plain(FloatStatistic, SlidingDeriv)},
    {FunctionId::kDoubleExponentialSmoothing, Plain(FloatStatistic)},
    {FunctionId::kFirstOverTime, KeepsName(FirstOverTime, SlidingFirst)},
    {FunctionId::kIdelta, InstantRate(false)},
    {FunctionId::kIncrease, Rate(true)},
    {FunctionId::kIrate, InstantRate(true)},
    {FunctionId::kLastOverTime, KeepsName(LastOverTime, SlidingLast)},
    {FunctionId::kMadOverTime, Plain(FloatStatistic)},
    {FunctionId::kMaxOverTime, Plain(FloatStatistic, SlidingMax, StandIns::kMax)},
    {FunctionId::kMinOverTime, Plain(FloatStatistic, SlidingMin, StandIns::kMin)},
    {FunctionId::kPredictLinear, Plain(FloatStatistic)},
    {FunctionId::kPresentOverTime, Plain(PresentOverTime, SlidingPresent, StandIns::kEnds)},
    {FunctionId::kQuantileOverTime, Plain(FloatStatistic, SlidingQuantile)},
    {FunctionId::kRate, Rate(true)},
    {FunctionId::kResets, Pairs(Resets, SlidingResets, true)},
    {FunctionId::kStddevOverTime, Plain(FloatStatistic, SlidingStddev)},
    {FunctionId::kStdvarOverTime, Plain(FloatStatistic, SlidingStdvar)},
    {FunctionId::kSumOverTime, Plain(SumOverTime, SlidingSum, StandIns::kSum)},
    {FunctionId::kTsOfFirstOverTime, Plain(TimeOfFirst, nullptr, StandIns::kEnds)},
    {FunctionId::kTsOfLastOverTime, Plain(TimeOfLast, nullptr, StandIns::kEnds)},
    {FunctionId::kTsOfMaxOverTime, Plain(FloatStatistic)},
    {FunctionId::kTsOfMinOverTime, Plain(FloatStatistic)},
};

}  // namespace

const RangeFunction* FindRangeFunction(FunctionId id) {
  for (const Row& row : kTable) {
    if (row.id == id) return &row.function;
  }
  return nullptr;
}

}  // namespace slowburn::query
