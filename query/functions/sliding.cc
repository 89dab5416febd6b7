// Kernels that go through a series of floats once for all windows.
//
// min, max, changes and resets cost O(samples + steps). Sums slide only where that is exact: of
// whole numbers whose sums stay below 2^53. Elsewhere subtracting what leaves the window would lose
// the digits that compensated summation keeps, so each window is summed anew, as in Prometheus.
#include <algorithm>
#include <cmath>
#include <vector>

#include "query/functions/over_time.h"
#include "query/histogram/quantile.h"

namespace slowburn::query {
namespace {

// Whether a kernel goes through all samples of each window, or looks at a few places only.
enum class Visits { kFew, kAll };

// f(from, to) -> value of the samples [from, to), for each window of at least `min_samples`.
template <Visits visits, typename F>
void EachWindow(const StepWindows& windows, uint32_t min_samples, RangeCall& call, Column& out,
                F f) {
  for (size_t step = 0; step < windows.steps(); ++step) {
    const uint32_t lo = windows.lo[step], hi = windows.hi[step];
    if (!call.Spend(visits == Visits::kAll ? hi - lo : 0)) return;
    if (hi >= lo + min_samples) out.SetFloat(step, f(lo, hi));
  }
}

template <typename Statistic>
void EachValues(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out,
                Statistic statistic) {
  EachWindow<Visits::kAll>(windows, 1, call, out, [&](uint32_t lo, uint32_t hi) {
    return statistic(s.v.subspan(lo, hi - lo));
  });
}

// sums[i]: of the first i samples; empty if rounding could have touched any of them.
std::vector<double> ExactPrefixSums(FloatSpan s) {
  constexpr double kWholeBelow = 9007199254740992.0;  // 2^53
  std::vector<double> sums;
  sums.reserve(s.size() + 1);
  sums.push_back(0);
  double magnitude = 0;
  for (const double v : s.v) {
    magnitude += std::fabs(v);
    if (!(magnitude < kWholeBelow) || v != std::trunc(v)) return {};
    sums.push_back(sums.back() + v);
  }
  return sums;
}

// Compensated sums of several windows at a time. One sum is a chain of dependent additions that
// leaves the processor idle; four of them side by side fill it. The rounding error of an addition
// is taken without asking which addend is larger, which gives the same number: it is exact either
// way, unless something is infinite. Then `slow` decides.
template <typename Finish, typename Slow>
void SumAnew(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out, Finish finish,
             Slow slow) {
  constexpr size_t kLanes = 4;
  uint32_t lo[kLanes], hi[kLanes];
  size_t step[kLanes];
  size_t lanes = 0;
  const auto add = [](double x, double& sum, double& lost) {
    const double t = sum + x;
    const double added = t - sum;
    lost += (sum - (t - added)) + (x - added);
    sum = t;
  };
  const auto flush = [&] {
    double sum[kLanes] = {}, lost[kLanes] = {};
    const double* values[kLanes];
    uint32_t common = hi[0] - lo[0];
    for (size_t l = 1; l < lanes; ++l) common = std::min(common, hi[l] - lo[l]);
    for (size_t l = 0; l < kLanes; ++l) values[l] = s.v.data() + lo[l < lanes ? l : 0];
    for (uint32_t k = 0; k < common; ++k) {
#pragma GCC unroll 4
      for (size_t l = 0; l < kLanes; ++l) add(values[l][k], sum[l], lost[l]);
    }
    for (size_t l = 0; l < lanes; ++l) {
      for (uint32_t k = lo[l] + common; k < hi[l]; ++k) add(s.v[k], sum[l], lost[l]);
      const bool fine = std::isfinite(sum[l]) && std::isfinite(lost[l]);
      out.SetFloat(step[l], fine ? finish(sum[l], lost[l], double(s.CountOf(lo[l], hi[l])))
                                 : slow(s.Sub(lo[l], hi[l])));
    }
    lanes = 0;
  };
  for (size_t i = 0; i < windows.steps(); ++i) {
    if (windows.hi[i] <= windows.lo[i]) continue;
    if (!call.Spend(windows.hi[i] - windows.lo[i])) return;
    lo[lanes] = windows.lo[i];
    hi[lanes] = windows.hi[i];
    step[lanes] = i;
    if (++lanes == kLanes) flush();
  }
  if (lanes > 0) flush();
}

// The values of a window in order, NaN first.
class SortedWindow {
 public:
  void Insert(double v) { values_.insert(std::ranges::upper_bound(values_, v, Less), v); }
  void Remove(double v) { values_.erase(std::ranges::lower_bound(values_, v, Less)); }
  // Moving half of the values, 16 at a time.
  uint64_t work_of_a_change() const { return values_.size() / 32; }
  // As Quantile() of quantile.h. REQUIRES: 0 <= q <= 1, not empty.
  double At(double q) const {
    const double rank = q * (double(values_.size()) - 1);
    const auto lower = size_t(rank);
    const size_t upper = std::min(values_.size() - 1, lower + 1);
    const double weight = rank - std::floor(rank);
    return values_[lower] * (1 - weight) + values_[upper] * weight;
  }

 private:
  static bool Less(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; }
  std::vector<double> values_;
};

// Windows that hardly overlap are cheaper to scan than to queue: where each sample is in more than
// so many of them, on average.
constexpr size_t kVisitsWorthQueuing = 4, kVisitsWorthSorting = 24;
bool Overlapping(FloatSpan s, const StepWindows& windows,
                 size_t visits_of_each = kVisitsWorthQueuing) {
  size_t visits = 0;
  for (size_t i = 0; i < windows.steps(); ++i) visits += windows.hi[i] - windows.lo[i];
  return visits > visits_of_each * s.size();
}

// A queue of the candidates for the extreme: each is worse than the one before it and newer.
// `worse(a, b)`: a can never be the answer once b is in the window.
template <typename Worse, typename Scan>
void SlidingExtreme(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out,
                    Worse worse, Scan scan) {
  if (!Overlapping(s, windows)) {
    EachValues(s, windows, call, out, scan);
    return;
  }
  std::vector<uint32_t> queue(s.size());
  size_t front = 0, back = 0;
  uint32_t next = 0;
  EachWindow<Visits::kFew>(windows, 1, call, out, [&](uint32_t lo, uint32_t hi) {
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
void SlidingPairs(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out,
                  Differs differs) {
  std::vector<uint32_t> before(s.size() + 1, 0);  // before[i]: such samples among the first i
  for (size_t i = 0; i < s.size(); ++i) {
    before[i + 1] = before[i] + (i > 0 && differs(s.v[i - 1], s.v[i]) ? 1 : 0);
  }
  EachWindow<Visits::kFew>(windows, 1, call, out, [&](uint32_t lo, uint32_t hi) {
    return double(before[hi] - before[lo + 1]);
  });
}

}  // namespace

void SlidingSum(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  const std::vector<double> sums =
      Overlapping(s, windows) ? ExactPrefixSums(s) : std::vector<double>();
  if (sums.empty()) {
    SumAnew(
        s, windows, call, out, [](double sum, double lost, double) { return sum + lost; },
        [](const FloatSpan& window) { return SumOf(window.v); });
    return;
  }
  EachWindow<Visits::kFew>(windows, 1, call, out,
                           [&](uint32_t lo, uint32_t hi) { return sums[hi] - sums[lo]; });
}
void SlidingAverage(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  const std::vector<double> sums =
      Overlapping(s, windows) ? ExactPrefixSums(s) : std::vector<double>();
  if (sums.empty()) {
    const auto mean = [](double sum, double lost, double n) { return sum / n + lost / n; };
    SumAnew(s, windows, call, out, mean, [](const FloatSpan& window) { return AverageOf(window); });
    return;
  }
  EachWindow<Visits::kFew>(windows, 1, call, out, [&](uint32_t lo, uint32_t hi) {
    return (sums[hi] - sums[lo]) / double(s.CountOf(lo, hi));
  });
}
void SlidingStdvar(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  EachValues(s, windows, call, out, VarianceOf);
}
void SlidingStddev(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  EachValues(s, windows, call, out,
             [](std::span<const double> v) { return std::sqrt(VarianceOf(v)); });
}
void SlidingMin(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  SlidingExtreme(
      s, windows, call, out, [](double a, double b) { return a > b; }, MinOf);
}
void SlidingMax(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  SlidingExtreme(
      s, windows, call, out, [](double a, double b) { return a < b; }, MaxOf);
}
void SlidingCount(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  EachWindow<Visits::kFew>(windows, 1, call, out,
                           [&](uint32_t lo, uint32_t hi) { return double(s.CountOf(lo, hi)); });
}
void SlidingPresent(FloatSpan, const StepWindows& windows, RangeCall& call, Column& out) {
  EachWindow<Visits::kFew>(windows, 1, call, out, [](uint32_t, uint32_t) { return 1.0; });
}
void SlidingFirst(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  EachWindow<Visits::kFew>(windows, 1, call, out, [&](uint32_t lo, uint32_t) { return s.v[lo]; });
}
void SlidingLast(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  EachWindow<Visits::kFew>(windows, 1, call, out,
                           [&](uint32_t, uint32_t hi) { return s.v[hi - 1]; });
}
void SlidingChanges(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  SlidingPairs(s, windows, call, out,
               [](double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); });
}
void SlidingResets(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  SlidingPairs(s, windows, call, out, [](double a, double b) { return b < a; });
}
void SlidingQuantile(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  const bool anew = !Overlapping(s, windows, kVisitsWorthSorting);
  SortedWindow sorted;
  std::vector<double> values;
  uint32_t first = 0, next = 0;  // the samples in `sorted`
  for (size_t step = 0; step < windows.steps(); ++step) {
    const uint32_t lo = windows.lo[step], hi = windows.hi[step];
    if (hi <= lo) continue;
    const double q = call.params[0].values[step];
    if (!(q >= 0 && q <= 1)) {
      call.Note(InvalidQuantile(q));
      std::vector<double> any{s.v[lo]};
      out.SetFloat(step, Quantile(q, any));
      continue;
    }
    if (anew) {
      if (!call.Spend(4 * (hi - lo))) return;
      values.assign(s.v.begin() + lo, s.v.begin() + hi);
      out.SetFloat(step, Quantile(q, values));
      continue;
    }
    for (; first < std::min(lo, next); ++first) {
      if (!call.Spend(sorted.work_of_a_change())) return;
      sorted.Remove(s.v[first]);
    }
    first = std::max(first, lo);
    for (next = std::max(next, lo); next < hi; ++next) {
      if (!call.Spend(sorted.work_of_a_change())) return;
      sorted.Insert(s.v[next]);
    }
    out.SetFloat(step, sorted.At(q));
  }
}

void SlidingDeriv(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  EachWindow<Visits::kAll>(windows, 2, call, out, [&](uint32_t lo, uint32_t hi) {
    const FloatSpan w = s.Sub(lo, hi);
    return LinearRegression(w.t, w.v, w.t[0]).slope;
  });
}

}  // namespace slowburn::query
