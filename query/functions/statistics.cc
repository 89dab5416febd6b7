// Statistics of the floats in a window.
#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "query/functions/over_time.h"
#include "query/histogram/kahan.h"
#include "query/histogram/quantile.h"

namespace slowburn::query {
namespace {

const double kNaN = std::bit_cast<double>(tsdb::kNormalNaNBits);

// The newest extreme; `better(a, b)`: a takes the place of b.
template <typename Better>
TimestampMs TimeOfExtreme(const FloatSpan& f, Better better) {
  double best = f.v[0];
  TimestampMs at = f.t[0];
  for (size_t i = 0; i < f.size(); ++i) {
    if (better(f.v[i], best) || std::isnan(best)) {
      best = f.v[i];
      at = f.t[i];
    }
  }
  return at;
}

double Statistic(const RangeWindow& w, RangeCall& call) {
  const FloatSpan& f = w.floats;
  switch (call.function) {
    case FunctionId::kMinOverTime:
      return MinOf(f.v);
    case FunctionId::kMaxOverTime:
      return MaxOf(f.v);
    case FunctionId::kTsOfMinOverTime:
      return double(TimeOfExtreme(f, [](double a, double b) { return a <= b; })) / 1000;
    case FunctionId::kTsOfMaxOverTime:
      return double(TimeOfExtreme(f, [](double a, double b) { return a >= b; })) / 1000;
    case FunctionId::kStdvarOverTime:
      return VarianceOf(f.v);
    case FunctionId::kStddevOverTime:
      return std::sqrt(VarianceOf(f.v));
    case FunctionId::kMadOverTime:
      return MedianDeviationOf(f.v);
    case FunctionId::kQuantileOverTime: {
      const double q = w.params[0];
      if (!(q >= 0 && q <= 1)) call.Note(InvalidQuantile(q));
      std::vector<double> values(f.v.begin(), f.v.end());
      return Quantile(q, values);
    }
    case FunctionId::kDeriv:
      return LinearRegression(f.t, f.v, f.t[0]).slope;
    case FunctionId::kPredictLinear: {
      const Line line = LinearRegression(f.t, f.v, w.step_time);
      return line.slope * w.params[0] + line.intercept;
    }
    case FunctionId::kDoubleExponentialSmoothing:
      return SmoothedOf(f.v, w.params[0], w.params[1]);
    default:
      return kNaN;
  }
}

bool NeedsTwo(FunctionId id) {
  return id == FunctionId::kDeriv || id == FunctionId::kPredictLinear ||
         id == FunctionId::kDoubleExponentialSmoothing;
}

bool CheckFactors(const RangeWindow& w, RangeCall& call) {
  if (call.function != FunctionId::kDoubleExponentialSmoothing) return true;
  const char* const names[] = {"smoothing", "trend"};
  const char* const symbols[] = {"sf", "tf"};
  for (size_t i = 0; i < 2; ++i) {
    const double factor = w.params[i];
    if (!(factor <= 0 || factor >= 1)) continue;
    call.status = absl::FailedPreconditionError(absl::StrFormat(
        "invalid %s factor. Expected: 0 < %s < 1, got: %f", names[i], symbols[i], factor));
    return false;
  }
  return true;
}

}  // namespace

double SumOf(std::span<const double> v) {
  KahanSum sum;
  for (const double x : v) sum.Add(x);
  return std::isinf(sum.sum) ? sum.sum : sum.total();
}

double AverageOf(const FloatSpan& s) {
  const std::span<const double> v = s.v;
  double sum = v[0], compensation = 0, mean = 0;
  double count = double(s.CountOf(0, 1));
  bool incremental = false;  // once the plain sum would overflow
  for (size_t i = 1; i < v.size(); ++i) {
    count = double(s.CountOf(0, i + 1));
    if (!incremental) {
      double new_sum = sum, new_compensation = compensation;
      KahanAdd(v[i], new_sum, new_compensation);
      if (!std::isinf(new_sum)) {
        sum = new_sum;
        compensation = new_compensation;
        continue;
      }
      incremental = true;
      mean = sum / (count - 1);
      compensation /= count - 1;
    }
    const double q = (count - 1) / count;
    mean *= q;
    compensation *= q;
    KahanAdd(v[i] / count, mean, compensation);
  }
  return incremental ? mean + compensation : sum / count + compensation / count;
}

double MinOf(std::span<const double> v) {
  double best = v[0];
  for (const double x : v) {
    if (x < best || std::isnan(best)) best = x;
  }
  return best;
}

double MaxOf(std::span<const double> v) {
  double best = v[0];
  for (const double x : v) {
    if (x > best || std::isnan(best)) best = x;
  }
  return best;
}

double VarianceOf(std::span<const double> v) {
  double count = 0;
  KahanSum mean, squares;
  for (const double x : v) {
    ++count;
    const double delta = x - mean.total();
    mean.Add(delta / count);
    squares.Add(delta * (x - mean.total()));
  }
  return squares.total() / count;
}

double MedianDeviationOf(std::span<const double> v) {
  std::vector<double> values(v.begin(), v.end());
  for (const double x : values) {
    if (std::isnan(x)) return kNaN;
  }
  const double median = Quantile(0.5, values);
  for (double& x : values) x = std::fabs(x - median);
  return Quantile(0.5, values);
}

double SmoothedOf(std::span<const double> v, double smoothing, double trend) {
  double before = 0, smoothed = v[0], slope = v[1] - v[0];
  for (size_t i = 1; i < v.size(); ++i) {
    if (i > 1) slope = trend * (smoothed - before) + (1 - trend) * slope;
    const double next = smoothing * v[i] + (1 - smoothing) * (smoothed + slope);
    before = smoothed;
    smoothed = next;
  }
  return smoothed;
}

Line LinearRegression(std::span<const TimestampMs> t, std::span<const double> v,
                      TimestampMs intercept_time) {
  KahanSum x_sum, y_sum, xy_sum, xx_sum;
  bool constant = true;
  for (size_t i = 0; i < v.size(); ++i) {
    if (v[i] != v[0]) constant = constant && i == 0;
    const double x = double(t[i] - intercept_time) / 1e3;
    x_sum.Add(x);
    y_sum.Add(v[i]);
    xy_sum.Add(x * v[i]);
    xx_sum.Add(x * x);
  }
  if (constant) return std::isinf(v[0]) ? Line{kNaN, kNaN} : Line{0, v[0]};
  const double n = double(v.size());
  const double x = x_sum.total(), y = y_sum.total();
  const double covariance = xy_sum.total() - x * y / n;
  const double variance = xx_sum.total() - x * x / n;
  const double slope = covariance / variance;
  return {slope, y / n - slope * x / n};
}

PointValue FloatStatistic(const RangeWindow& w, RangeCall& call) {
  if (!CheckFactors(w, call)) return PointValue::None();
  const size_t needed = NeedsTwo(call.function) ? 2 : 1;
  const bool mixed = !w.histograms.empty() && !w.floats.empty();
  if (mixed) call.Note(HistogramIgnoredInMixedRange(call.metric));
  if (w.floats.size() < needed) return PointValue::None();
  return PointValue::Float(Statistic(w, call));
}

}  // namespace slowburn::query
