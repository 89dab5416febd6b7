// rate, increase and delta: how much a series grew over a window, carried on to the window's edges.
#ifndef SLOWBURN_QUERY_FUNCTIONS_RATE_H_
#define SLOWBURN_QUERY_FUNCTIONS_RATE_H_

#include "query/functions/range_window.h"

namespace slowburn::query {

PointValue RateKernel(const RangeWindow& window, RangeCall& call);
void SlidingRate(FloatSpan samples, const StepWindows& windows, RangeCall& call, Column& out);

// irate and idelta: of the last two samples.
PointValue InstantRateKernel(const RangeWindow& window, RangeCall& call);
void SlidingInstantRate(FloatSpan samples, const StepWindows& windows, RangeCall& call,
                        Column& out);

// anchored and smoothed: the window's edges are looked up or interpolated instead of extrapolated.
PointValue ExtendedRateKernel(const RangeWindow& window, RangeCall& call);

// The value of a histogram series at `t` between two samples. `counter`: a reset counts from zero.
// False when the two do not combine (noted).
struct HistogramPointRef {
  TimestampMs t = 0;
  const Histogram* h = nullptr;
};
bool InterpolateHistogram(HistogramPointRef a, HistogramPointRef b, TimestampMs t, bool counter,
                          RangeCall& call, Histogram& out);
double Interpolate(TimestampMs t1, double v1, TimestampMs t2, double v2, TimestampMs t);

// The start timestamp of a sample tells of a reset between it and the one before.
bool IsStartTimestampReset(TimestampMs previous_start, TimestampMs previous_t, TimestampMs start,
                           TimestampMs t);

inline bool IsCounterFunction(FunctionId id) {
  return id == FunctionId::kRate || id == FunctionId::kIncrease;
}

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_FUNCTIONS_RATE_H_
