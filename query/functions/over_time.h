// The *_over_time functions, deriv, predict_linear, double_exponential_smoothing, changes and
// resets.
//
// The first group are statistics of floats: plain functions of the values and times in a window.
#ifndef SLOWBURN_QUERY_FUNCTIONS_OVER_TIME_H_
#define SLOWBURN_QUERY_FUNCTIONS_OVER_TIME_H_

#include <span>

#include "query/functions/range_window.h"

namespace slowburn::query {

// --- of floats; REQUIRES: not empty ---
double SumOf(std::span<const double> v);
double AverageOf(const FloatSpan& s);
inline double AverageOf(std::span<const double> v) { return AverageOf(FloatSpan{{}, v, {}, {}}); }
double MinOf(std::span<const double> v);  // NaN only if all are
double MaxOf(std::span<const double> v);
double VarianceOf(std::span<const double> v);  // of the population
double MedianDeviationOf(std::span<const double> v);
// The smoothed value at the end. REQUIRES: 2 values, factors within (0, 1).
double SmoothedOf(std::span<const double> v, double smoothing, double trend);

struct Line {
  double slope = 0, intercept = 0;  // at the time given
};
Line LinearRegression(std::span<const TimestampMs> t, std::span<const double> v,
                      TimestampMs intercept_time);

// --- kernels ---
PointValue SumOverTime(const RangeWindow& w, RangeCall& call);
PointValue AverageOverTime(const RangeWindow& w, RangeCall& call);
// Min, max, stddev, quantile, deriv, …
PointValue FloatStatistic(const RangeWindow& w, RangeCall& call);
PointValue CountOverTime(const RangeWindow& w, RangeCall& call);
PointValue PresentOverTime(const RangeWindow& w, RangeCall& call);
PointValue FirstOverTime(const RangeWindow& w, RangeCall& call);
PointValue LastOverTime(const RangeWindow& w, RangeCall& call);
PointValue TimeOfFirst(const RangeWindow& w, RangeCall& call);
PointValue TimeOfLast(const RangeWindow& w, RangeCall& call);
PointValue Changes(const RangeWindow& w, RangeCall& call);
PointValue Resets(const RangeWindow& w, RangeCall& call);

void SlidingSum(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingAverage(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingMin(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingMax(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingCount(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingPresent(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingFirst(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingLast(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingChanges(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingResets(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingStddev(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingStdvar(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingQuantile(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);
void SlidingDeriv(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_FUNCTIONS_OVER_TIME_H_
