// Kernels that go through a series of floats once for all windows.
//
// min, max, changes and resets cost O(samples + steps). Sums do not slide: subtracting what leaves
// the window would lose the digits that compensated summation keeps, so each window is summed anew,
// as in Prometheus.
#include <cmath>
#include <vector>

#include "query/functions/over_time.h"

namespace slowburn::query {
namespace {

// f(from, to, step) -> value of the samples [from, to), for each window of at least `min_samples`.
template <typename F>
void EachWindow(const StepWindows& windows, uint32_t min_samples, Column& out, F f) {
  for (size_t step = 0; step < windows.steps(); ++step) {
    const uint32_t lo = windows.lo[step], hi = windows.hi[step];
    if (hi >= lo + min_samples) out.SetFloat(step, f(lo, hi));
  }
}

template <typename Statistic>
void EachValues(FloatSpan s, const StepWindows& windows, Column& out, Statistic statistic) {
  EachWindow(windows, 1, out,
             [&](uint32_t lo, uint32_t hi) { return statistic(s.v.subspan(lo, hi - lo)); });
}

// Windows that hardly overlap are cheaper to scan than to queue.
bool Overlapping(FloatSpan s, const StepWindows& windows) {
  size_t visits = 0;
  for (size_t i = 0; i < windows.steps(); ++i) visits += windows.hi[i] - windows.lo[i];
  return visits > 4 * s.size();
}

// A queue of the candidates for the extreme: each is worse than the one before it and newer.
// `worse(a, b)`: a can never be the answer once b is in the window.
template <typename Worse, typename Scan>
void SlidingExtreme(FloatSpan s, const StepWindows& windows, Column& out, Worse worse, Scan scan) {
  if (!Overlapping(s, windows)) {
    EachValues(s, windows, out, scan);
    return;
  }
  std::vector<uint32_t> queue(s.size());
  size_t front = 0, back = 0;
  uint32_t next = 0;
  EachWindow(windows, 1, out, [&](uint32_t lo, uint32_t hi) {
    for (; next < hi; ++next) {
      if (std::isnan(s.v[next])) continue;
      while (back > front && worse(s.v[queue[back - 1]], s.v[next])) --back;
      queue[back++] = next;
    }
    while (front < back && queue[front] < lo) ++front;
    return front < back ? s.v[queue[front]] : s.v[hi - 1];  // else all are NaN
  });
}

// Counts the samples of each window, but its first, for which differs(previous, sample).
template <typename Differs>
void SlidingPairs(FloatSpan s, const StepWindows& windows, Column& out, Differs differs) {
  std::vector<uint32_t> before(s.size() + 1, 0);  // before[i]: such samples among the first i
  for (size_t i = 0; i < s.size(); ++i) {
    before[i + 1] = before[i] + (i > 0 && differs(s.v[i - 1], s.v[i]) ? 1 : 0);
  }
  EachWindow(windows, 1, out,
             [&](uint32_t lo, uint32_t hi) { return double(before[hi] - before[lo + 1]); });
}

}  // namespace

void SlidingSum(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  EachValues(s, windows, out, SumOf);
}
void SlidingAverage(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  EachValues(s, windows, out, AverageOf);
}
void SlidingStdvar(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  EachValues(s, windows, out, VarianceOf);
}
void SlidingStddev(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  EachValues(s, windows, out, [](std::span<const double> v) { return std::sqrt(VarianceOf(v)); });
}
void SlidingMin(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  SlidingExtreme(
      s, windows, out, [](double a, double b) { return a > b; }, MinOf);
}
void SlidingMax(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  SlidingExtreme(
      s, windows, out, [](double a, double b) { return a < b; }, MaxOf);
}
void SlidingCount(FloatSpan, const StepWindows& windows, const RangeCall&, Column& out) {
  EachWindow(windows, 1, out, [](uint32_t lo, uint32_t hi) { return double(hi - lo); });
}
void SlidingPresent(FloatSpan, const StepWindows& windows, const RangeCall&, Column& out) {
  EachWindow(windows, 1, out, [](uint32_t, uint32_t) { return 1.0; });
}
void SlidingFirst(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  EachWindow(windows, 1, out, [&](uint32_t lo, uint32_t) { return s.v[lo]; });
}
void SlidingLast(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  EachWindow(windows, 1, out, [&](uint32_t, uint32_t hi) { return s.v[hi - 1]; });
}
void SlidingChanges(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  SlidingPairs(s, windows, out,
               [](double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); });
}
void SlidingResets(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  SlidingPairs(s, windows, out, [](double a, double b) { return b < a; });
}
void SlidingDeriv(FloatSpan s, const StepWindows& windows, const RangeCall&, Column& out) {
  EachWindow(windows, 2, out, [&](uint32_t lo, uint32_t hi) {
    const FloatSpan w = s.Sub(lo, hi);
    return LinearRegression(w.t, w.v, w.t[0]).slope;
  });
}

}  // namespace slowburn::query
