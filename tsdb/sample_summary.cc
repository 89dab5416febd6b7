#include "tsdb/sample_summary.h"

#include <algorithm>
#include <cmath>

namespace slowburn::tsdb {
namespace {

constexpr double kWholeBelow = 9007199254740992.0;  // 2^53: the sum of the magnitudes

// hi + lo is exactly a + b.
inline void TwoSum(double a, double b, double& hi, double& lo) {
  hi = a + b;
  const double of_b = hi - a;
  lo = (a - (hi - of_b)) + (b - of_b);
}

}  // namespace

bool Summarise(std::span<const TimestampMs> t, std::span<const double> v, SampleSummary& out) {
  SampleSummary s;
  s.count = v.size();
  s.first_t = t.front();
  s.last_t = t.back();
  s.first = s.min = s.max = s.sum = v.front();
  s.last = v.back();
  double before = v.front();
  double low = 0;
  double magnitude = std::fabs(before);
  bool whole = before == std::trunc(before);
  for (size_t i = 1; i < v.size(); ++i) {
    const double value = v[i];
    double error = 0;
    TwoSum(s.sum, value, s.sum, error);
    low += error;
    magnitude += std::fabs(value);
    whole &= value == std::trunc(value);
    s.min = value < s.min ? value : s.min;
    s.max = value > s.max ? value : s.max;
    s.changes += value != before;
    if (value < before) [[unlikely]] {
      ++s.resets;
      s.reset_correction += before;
    }
    before = value;
  }
  TwoSum(s.sum, low, s.sum, s.sum_low);
  // NaN and infinities do not leave a sum again, and make its low half NaN.
  if (!std::isfinite(s.sum) || !std::isfinite(s.sum_low) || !std::isfinite(s.reset_correction))
    return false;
  s.whole = whole && magnitude < kWholeBelow;
  out = s;
  return true;
}

bool SummariseConstant(uint64_t count, TimestampMs first_t, TimestampMs last_t, double v,
                       SampleSummary& out) {
  SampleSummary s;
  s.count = count;
  s.first_t = first_t;
  s.last_t = last_t;
  s.first = s.last = s.min = s.max = v;
  const double n = static_cast<double>(count);
  s.sum = v * n;
  s.sum_low = std::fma(v, n, -s.sum);
  if (!std::isfinite(s.sum) || !std::isfinite(s.sum_low)) return false;
  s.whole = v == std::trunc(v) && std::fabs(s.sum) < kWholeBelow;
  out = s;
  return true;
}

}  // namespace slowburn::tsdb
