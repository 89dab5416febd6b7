// Kernels of range-vector functions: tables, and the sliding kernels against the plain ones.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "query/functions/float_functions.h"
#include "query/functions/natural_order.h"
#include "query/functions/over_time.h"
#include "query/functions/range_window.h"
#include "query/functions/rate.h"
#include "query/functions/scalar_arithmetic.h"
#include "tests/testing/random.h"

namespace slowburn::query {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Samples {
  std::vector<TimestampMs> t, starts;
  std::vector<double> v;
  FloatSpan span() const { return {t, v, starts}; }
};

Samples Every(DurationMs interval, TimestampMs first, std::vector<double> values) {
  Samples s;
  for (size_t i = 0; i < values.size(); ++i) s.t.push_back(first + TimestampMs(i) * interval);
  s.v = std::move(values);
  return s;
}

// f over (begin, end] of samples that lie in it. NaN if there is no result.
double Apply(FunctionId id, const Samples& s, TimestampMs begin, TimestampMs end,
             std::vector<double> params = {}) {
  AnnotationSet notes;
  RangeCall call;
  call.function = id;
  call.range = end - begin;
  call.notes = &notes;
  RangeWindow w;
  w.floats = s.span();
  w.begin = begin;
  w.end = end;
  w.step_time = end;
  w.params = params;
  const PointValue value = FindRangeFunction(id)->window(w, call);
  return value.present ? value.v : kNaN;
}

TEST(Rate, ExtrapolatesToTheEdges) {
  // A sample every 10 s. In a window of 60 s that begins 5 s before the first, growth goes on to
  // both edges.
  const Samples s = Every(10'000, 5'000, {10, 20, 30, 40, 50, 60});
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kIncrease, s, 0, 60'000), 50 * 60.0 / 50);
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kRate, s, 0, 60'000), 1);
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kDelta, s, 0, 60'000), 60);
}

TEST(Rate, StopsHalfAnIntervalBeyondDistantEdges) {
  const Samples s = Every(10'000, 30'000, {100, 110, 120});
  // 30 s to the begin and 50 s to the end are more than 1.1 intervals: 5 s are added at each side.
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kIncrease, s, 0, 100'000), 20 * 30.0 / 20);
}

TEST(Rate, CounterIsNotTakenBelowZero) {
  const Samples s = Every(10'000, 9'000, {1, 11, 21});
  // It was 0 one second before its first sample.
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kIncrease, s, 0, 29'000), 20 * 21.0 / 20);
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kDelta, s, 0, 29'000), 20 * 29.0 / 20);
}

TEST(Rate, ResetsCount) {
  const Samples s = Every(10'000, 0, {5, 10, 2, 4, 1});
  // 5 to 10, 0 to 2, 2 to 4, 0 to 1; extrapolated by the millisecond to the begin.
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kIncrease, s, -1, 40'000), 10 * 40.001 / 40);
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kResets, s, -1, 40'000), 2);
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kChanges, s, -1, 40'000), 4);
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kIrate, s, -1, 40'000), 0.1);
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kIdelta, s, -1, 40'000), -3);
}

TEST(Rate, OneSampleIsNotEnough) {
  const Samples s = Every(10'000, 5'000, {7});
  for (const FunctionId id : {FunctionId::kRate, FunctionId::kIncrease, FunctionId::kDelta,
                              FunctionId::kIrate, FunctionId::kIdelta, FunctionId::kDeriv}) {
    EXPECT_TRUE(std::isnan(Apply(id, s, 0, 10'000))) << int(id);
  }
}

TEST(Rate, StartTimestampInTheWindowIsAZero) {
  Samples s = Every(10'000, 10'000, {7});
  s.starts = {5'000};
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kIncrease, s, 0, 10'000), 7);
  s.starts = {0};
  EXPECT_TRUE(std::isnan(Apply(FunctionId::kIncrease, s, 0, 10'000)));
}

TEST(Rate, StartTimestampResets) {
  struct Row {
    TimestampMs previous_start, previous_t, start, t;
    bool reset;
  };
  const Row rows[] = {
      {0, 10, 0, 20, false},                            // unknown
      {5, 10, 15, 20, true},                            // began between the samples
      {5, 10, 5, 20, false},                            // the same run
      {5, 10, 10, 20, true},                            // a delta
      {0, 10, 10, 20, false},                           // cumulative, start unknown
      {10, 10, 10, 20, false}, {5, 10, 25, 20, false},  // nonsense
      {11, 10, 10, 20, false},
  };
  for (const Row& r : rows) {
    EXPECT_EQ(IsStartTimestampReset(r.previous_start, r.previous_t, r.start, r.t), r.reset)
        << r.previous_start << " " << r.start;
  }
}

TEST(OverTime, Statistics) {
  const std::vector<double> v{1, 2, 3, 4};
  EXPECT_EQ(SumOf(v), 10);
  EXPECT_EQ(AverageOf(v), 2.5);
  EXPECT_EQ(VarianceOf(v), 1.25);
  EXPECT_EQ(MinOf(v), 1);
  EXPECT_EQ(MaxOf(v), 4);
  EXPECT_EQ(MedianDeviationOf({{4, 6, 2, 1, 999, 1, 2}}), 1);
  EXPECT_EQ(MinOf({{kNaN, 3, 2}}), 2);
  EXPECT_TRUE(std::isnan(MaxOf({{kNaN, kNaN}})));
  EXPECT_EQ(SumOf({{1, 1e100, 1, -1e100}}), 2);  // compensated
  constexpr double kMax = std::numeric_limits<double>::max();
  EXPECT_EQ(AverageOf({{kMax, kMax}}), kMax);  // the sum overflows, the mean does not
  EXPECT_EQ(SumOf({{kInf, 1}}), kInf);
}

TEST(OverTime, LinearRegression) {
  const Samples s = Every(1000, 0, {0, 10, 20, 30});
  EXPECT_EQ(Apply(FunctionId::kDeriv, s, -1, 3000), 10);
  EXPECT_EQ(Apply(FunctionId::kPredictLinear, s, -1, 3000, {60}), 630);
  EXPECT_EQ(Apply(FunctionId::kDeriv, Every(1000, 0, {5, 5, 5}), -1, 3000), 0);
  EXPECT_TRUE(std::isnan(Apply(FunctionId::kDeriv, Every(1000, 0, {kInf, kInf}), -1, 3000)));
}

TEST(OverTime, DoubleExponentialSmoothing) {
  const Samples s = Every(1000, 0, {1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(Apply(FunctionId::kDoubleExponentialSmoothing, s, -1, 3000, {0.5, 0.5}), 4);
}

// Prometheus' arithmetic mean of the two is what both kernels must give, to the last bit.
struct RandomCase {
  Samples samples;
  StepWindows windows;
};

RandomCase MakeCase(testing::Random& random) {
  RandomCase c;
  TimestampMs t = 0;
  const bool whole = random.OneIn(2), with_nan = random.OneIn(3);
  double counter = 0;
  for (uint64_t i = random.Below(120); i > 0; --i) {
    t += random.Between(1, 20) * 500;
    counter = random.OneIn(15) ? 0 : counter + double(random.Below(9));
    double v = whole ? counter : counter + random.Unit();
    if (random.OneIn(20)) v = -v;
    if (with_nan && random.OneIn(6)) v = random.OneIn(2) ? kNaN : kInf;
    c.samples.t.push_back(t);
    c.samples.v.push_back(v);
  }
  c.windows.timeline = {random.Between(-5000, 20'000), 0, random.Between(1, 40) * 500};
  c.windows.timeline.end = c.windows.timeline.start + c.windows.timeline.step * 40;
  c.windows.range = random.Between(1, 300) * 500;
  for (size_t i = 0; i < c.windows.timeline.steps(); ++i) {
    const auto& times = c.samples.t;
    const auto after = [&](TimestampMs x) {
      return uint32_t(std::upper_bound(times.begin(), times.end(), x) - times.begin());
    };
    c.windows.lo.push_back(after(c.windows.Begin(i)));
    c.windows.hi.push_back(after(c.windows.End(i)));
  }
  return c;
}

TEST(Sliding, EqualsTheKernelOfOneWindow) {
  testing::Random random;
  AnnotationSet notes;
  for (int round = 0; round < 200; ++round) {
    const RandomCase c = MakeCase(random);
    Column q;
    q.Reset(c.windows.steps());
    const double quantile = random.OneIn(8) ? 1.5 : random.Unit();
    for (size_t i = 0; i < q.steps(); ++i) q.SetFloat(i, quantile);
    for (const Function& f : AllFunctions()) {
      const RangeFunction* kernels = FindRangeFunction(f.id);
      if (kernels == nullptr || kernels->sliding == nullptr) continue;
      RangeCall call;
      call.function = f.id;
      call.range = c.windows.range;
      call.notes = &notes;
      call.params = {&q, 1};
      Column out;
      out.Reset(c.windows.steps());
      kernels->sliding(c.samples.span(), c.windows, call, out);
      for (size_t i = 0; i < c.windows.steps(); ++i) {
        RangeWindow w;
        w.floats = c.samples.span().Sub(c.windows.lo[i], c.windows.hi[i]);
        w.step_time = c.windows.timeline.At(i);
        w.begin = c.windows.Begin(i);
        w.end = c.windows.End(i);
        w.params = {&quantile, 1};
        const PointValue want = w.floats.empty() ? PointValue::None() : kernels->window(w, call);
        ASSERT_EQ(out.present.Test(i), want.present)
            << f.name << " step " << i << " seed " << random.seed();
        if (!want.present || (std::isnan(want.v) && std::isnan(out.values[i]))) continue;
        ASSERT_EQ(out.values[i], want.v) << f.name << " step " << i << " seed " << random.seed();
      }
    }
  }
}

TEST(FloatFunctions, Dates) {
  struct Row {
    FunctionId id;
    double seconds, want;
  };
  const Row rows[] = {
      {FunctionId::kYear, 0, 1970},
      {FunctionId::kMonth, 0, 1},
      {FunctionId::kDayOfMonth, 0, 1},
      {FunctionId::kDayOfWeek, 0, 4},
      {FunctionId::kDayOfYear, 0, 1},
      {FunctionId::kYear, -1, 1969},
      {FunctionId::kHour, -1, 23},
      {FunctionId::kMinute, -1, 59},
      {FunctionId::kDayOfYear, 1709164800, 60},  // 2024-02-29
      {FunctionId::kDaysInMonth, 1709164800, 29},
      {FunctionId::kDaysInMonth, 1677628799, 28},  // 2023-02-28
      {FunctionId::kDayOfYear, 1735603200, 366},   // 2024-12-31
      {FunctionId::kYear, kNaN, 292277026596},     // as Go has it
      {FunctionId::kHour, kInf, 15},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(FindTimeFunction(row.id)(row.seconds), row.want) << int(row.id) << " " << row.seconds;
  }
}

TEST(FloatFunctions, Round) {
  EXPECT_EQ(RoundTo(2.5, 1), 3);
  EXPECT_EQ(RoundTo(-2.5, 1), -2);
  EXPECT_EQ(RoundTo(17, 1 / 5.0), 15);
}

TEST(ScalarArithmetic, MinAndMaxAreGos) {
  EXPECT_TRUE(std::isnan(GoMin(1, kNaN)));
  EXPECT_EQ(GoMin(-kInf, kNaN), -kInf);
  EXPECT_EQ(GoMax(kNaN, kInf), kInf);
  EXPECT_TRUE(std::signbit(GoMin(0.0, -0.0)));
  EXPECT_FALSE(std::signbit(GoMax(-0.0, 0.0)));
}

TEST(NaturalOrder, NumbersInText) {
  const char* const ascending[] = {"", "1", "2", "10", "a", "a1", "a2", "a10", "a10b", "b"};
  for (size_t i = 0; i < std::size(ascending); ++i) {
    for (size_t j = 0; j < std::size(ascending); ++j) {
      EXPECT_EQ(NaturallyBefore(ascending[i], ascending[j]), i < j) << ascending[i] << ascending[j];
    }
  }
  EXPECT_FALSE(NaturallyBefore("01", "1"));
  EXPECT_FALSE(NaturallyBefore("1", "01"));
  EXPECT_TRUE(NaturallyBefore("99999999999999999999998", "99999999999999999999999"));
}

}  // namespace
}  // namespace slowburn::query
