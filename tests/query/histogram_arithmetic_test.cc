#include "query/histogram/arithmetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "query/histogram/kahan.h"
#include "query/histogram/quantile.h"
#include "query/histogram/reset.h"
#include "query/histogram/trim.h"
#include "query/histogram/zero_bucket.h"
#include "query/promqltest/series_literal.h"
#include "tests/testing/random.h"

namespace slowburn::query {
namespace {

using ResetHint = Histogram::ResetHint;

constexpr double kInf = std::numeric_limits<double>::infinity();

// {{schema:0 count:3 …}}, as test scripts write it.
Histogram H(const std::string& text) {
  const auto series = ParseSeriesLiteral("x " + text);
  EXPECT_TRUE(series.ok()) << series.status().ToString() << " in " << text;
  if (!series.ok() || series->values.empty() || !series->values[0].histogram) return {};
  return *series->values[0].histogram;
}

std::string Text(Histogram h) {
  h.reset_hint = ResetHint::kUnknown;
  return h.ToString();
}

TEST(Buckets, BoundsOfAllSchemas) {
  struct Row {
    int32_t index, schema;
    double bound;
  };
  const Row rows[] = {
      {0, 0, 1},
      {1, 0, 2},
      {-1, 0, 0.5},
      {1, 1, M_SQRT2},
      {2, 1, 2},
      {-1, 1, M_SQRT1_2},
      {1, -1, 4},
      {1, -4, 65536},
      {-1, -4, 1.0 / 65536},
      {8, 3, 2},
      {256, 8, 2},
      {1024, 0, std::numeric_limits<double>::max()},
      {1025, 0, kInf},
      {2048, 1, std::numeric_limits<double>::max()},
  };
  for (const Row& row : rows) {
    EXPECT_DOUBLE_EQ(UpperBound(row.index, row.schema, {}), row.bound)
        << row.index << " of schema " << row.schema;
  }
  // To the last digit as Prometheus shows them, which is not always the nearest number.
  EXPECT_EQ(UpperBound(1, 1, {}), 1.414213562373095);
  EXPECT_EQ(UpperBound(7, 3, {}), 1.8340080864093422);
  EXPECT_EQ(UpperBound(-1, 8, {}), 0.9972960560854698);
  const std::vector<double> custom{1, 5};
  EXPECT_EQ(UpperBound(-1, tsdb::kCustomBucketsSchema, custom), -kInf);
  EXPECT_EQ(UpperBound(1, tsdb::kCustomBucketsSchema, custom), 5);
  EXPECT_EQ(UpperBound(2, tsdb::kCustomBucketsSchema, custom), kInf);
}

TEST(Buckets, AllAscendAndEndAtTheZeroBucket) {
  const Histogram h = H(
      "{{schema:0 count:10 sum:1 z_bucket:2 z_bucket_w:0.75 buckets:[1 2] offset:0 n_buckets:[3 2] "
      "n_offset:0}}");
  std::vector<Bucket> all;
  AllBuckets(h, all);
  ASSERT_EQ(all.size(), 5u);
  const double lower[] = {-2, -1, -0.75, 0.75, 1};
  const double upper[] = {-1, -0.75, 0.75, 1, 2};
  const double count[] = {2, 3, 2, 1, 2};
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].lower, lower[i]) << i;
    EXPECT_EQ(all[i].upper, upper[i]) << i;
    EXPECT_EQ(all[i].count, count[i]) << i;
  }
}

TEST(Buckets, DescribeAsCountValuesDoes) {
  EXPECT_EQ(Describe(H("{{schema:0 count:6 sum:4.5 z_bucket:1 z_bucket_w:0.001 buckets:[2 0 1] "
                       "n_buckets:[2]}}")),
            "{count:6, sum:4.5, [-1,-0.5):2, [-0.001,0.001]:1, (0.5,1]:2, (2,4]:1}");
}

struct CombineRow {
  const char* a;
  const char* b;
  const char* sum;
};

TEST(Arithmetic, AddReconcilesLayouts) {
  const CombineRow rows[] = {
      {"{{schema:0 count:3 sum:3 buckets:[1 2]}}", "{{schema:0 count:4 sum:1 buckets:[3 1]}}",
       "{{schema:0 count:7 sum:4 buckets:[4 3]}}"},
      {"{{schema:0 count:1 sum:1 buckets:[1]}}", "{{schema:0 count:2 sum:1 offset:3 buckets:[2]}}",
       "{{schema:0 count:3 sum:2 buckets:[1 0 0 2]}}"},
      {"{{schema:0 count:2 sum:1 offset:-2 buckets:[2]}}", "{{schema:0 count:1 sum:1 buckets:[1]}}",
       "{{schema:0 count:3 sum:2 offset:-2 buckets:[2 0 1]}}"},
      // The coarser schema wins, whichever side it is on.
      {"{{schema:1 count:4 sum:1 offset:1 buckets:[1 1 1 1]}}",
       "{{schema:0 count:2 sum:1 offset:1 buckets:[1 1]}}",
       "{{schema:0 count:6 sum:2 offset:1 buckets:[3 3]}}"},
      {"{{schema:0 count:2 sum:1 offset:1 buckets:[1 1]}}",
       "{{schema:1 count:4 sum:1 offset:1 buckets:[1 1 1 1]}}",
       "{{schema:0 count:6 sum:2 offset:1 buckets:[3 3]}}"},
      // The larger zero bucket swallows what it covers.
      {"{{schema:0 count:4 sum:1 z_bucket:1 z_bucket_w:0.5 buckets:[1 2]}}",
       "{{schema:0 count:5 sum:1 z_bucket:2 z_bucket_w:1 offset:1 buckets:[3]}}",
       "{{schema:0 count:9 sum:2 z_bucket:4 z_bucket_w:1 offset:1 buckets:[5]}}"},
      // Custom bounds: what both have.
      {"{{schema:-53 count:6 sum:1 custom_values:[1 2 3] buckets:[1 1 1 3]}}",
       "{{schema:-53 count:4 sum:1 custom_values:[1 3] buckets:[2 1 1]}}",
       "{{schema:-53 count:10 sum:2 custom_values:[1 3] buckets:[3 3 4]}}"},
      {"{{schema:-53 count:2 sum:1 custom_values:[1] buckets:[1 1]}}",
       "{{schema:-53 count:2 sum:1 custom_values:[2] buckets:[1 1]}}",
       "{{schema:-53 count:4 sum:2 buckets:[4]}}"},
  };
  for (const CombineRow& row : rows) {
    Histogram plain = H(row.a);
    EXPECT_TRUE(Add(plain, H(row.b)).compatible);
    Compact(plain);
    Histogram want = H(row.sum);
    Compact(want);
    EXPECT_TRUE(SameData(plain, want)) << Text(plain) << " instead of " << row.sum;
    CompensatedHistogram compensated(H(row.a));
    EXPECT_TRUE(compensated.Add(H(row.b)).compatible);
    Histogram total = compensated.Total();
    Compact(total);
    EXPECT_TRUE(SameData(total, want)) << Text(total) << " instead of " << row.sum;
  }
}

TEST(Arithmetic, ExponentialAndCustomDoNotCombine) {
  Histogram a = H("{{schema:0 count:1 sum:1 buckets:[1]}}");
  const Histogram before = a;
  EXPECT_FALSE(Add(a, H("{{schema:-53 count:1 sum:1 custom_values:[1] buckets:[1]}}")).compatible);
  EXPECT_TRUE(SameData(a, before));
}

TEST(Arithmetic, HintsOfASum) {
  using Hint = ResetHint;
  struct Row {
    Hint a, b, sum;
    bool collision;
  };
  const Row rows[] = {
      {Hint::kUnknown, Hint::kUnknown, Hint::kUnknown, false},
      {Hint::kReset, Hint::kReset, Hint::kReset, false},
      {Hint::kGauge, Hint::kReset, Hint::kGauge, false},
      {Hint::kNotReset, Hint::kGauge, Hint::kGauge, false},
      {Hint::kUnknown, Hint::kReset, Hint::kUnknown, false},
      {Hint::kNotReset, Hint::kUnknown, Hint::kUnknown, false},
      {Hint::kNotReset, Hint::kReset, Hint::kUnknown, true},
  };
  for (const Row& row : rows) {
    Histogram a, b;
    a.reset_hint = row.a;
    b.reset_hint = row.b;
    EXPECT_EQ(Add(a, b).counter_reset_collision, row.collision);
    EXPECT_EQ(a.reset_hint, row.sum);
  }
}

// A model: counts by bucket index.
using Model = std::map<int32_t, double>;

Histogram FromModel(const Model& model) {
  Histogram h;
  IndexedBuckets buckets;
  for (const auto& [index, count] : model) {
    buckets.Append(index, count);
    h.count += count;
  }
  h.positive_spans = SpansOf(buckets.index);
  h.positive_buckets = buckets.count;
  return h;
}

Model RandomModel(testing::Random& random) {
  Model model;
  for (uint64_t i = random.Below(12); i > 0; --i) {
    model[int32_t(random.Between(-10, 10))] = double(random.Between(0, 5));
  }
  return model;
}

TEST(Arithmetic, RandomSumsEqualTheModel) {
  testing::Random random;
  for (int round = 0; round < 300; ++round) {
    CompensatedHistogram sum(Histogram{});
    Histogram plain;
    Model want;
    for (int i = 0; i < 4; ++i) {
      const Model model = RandomModel(random);
      for (const auto& [index, count] : model) want[index] += count;
      sum.Add(FromModel(model));
      Add(plain, FromModel(model));
    }
    Histogram expected = FromModel(want);
    Compact(expected);
    Histogram total = sum.Total();
    Compact(total);
    Compact(plain);
    EXPECT_TRUE(SameData(total, expected)) << Text(total);
    EXPECT_TRUE(SameData(plain, expected)) << Text(plain);
    for (int i = 0; i < 3; ++i) Subtract(plain, expected);
    Add(plain, expected);
    Add(plain, expected);
    Compact(plain);
    EXPECT_TRUE(plain.positive_buckets.empty()) << Text(plain);
  }
}

TEST(Arithmetic, LoweringTheResolutionKeepsCounts) {
  testing::Random random;
  for (int round = 0; round < 200; ++round) {
    Histogram h = FromModel(RandomModel(random));
    h.schema = 3;
    std::vector<Bucket> fine;
    AllBuckets(h, fine);
    Histogram coarse = h;
    ReduceResolution(coarse, int32_t(random.Between(-4, 3)));
    std::vector<Bucket> wide;
    AllBuckets(coarse, wide);
    for (const Bucket& w : wide) {
      double inside = 0;
      for (const Bucket& f : fine) {
        if (f.lower >= w.lower && f.upper <= w.upper) inside += f.count;
      }
      EXPECT_EQ(w.count, inside) << Text(h) << " to " << Text(coarse);
    }
  }
}

TEST(Arithmetic, CompensationKeepsSmallAddends) {
  Histogram big = H("{{schema:0 count:1e100 sum:1e100 buckets:[1e100]}}");
  Histogram one = H("{{schema:0 count:1 sum:1 buckets:[1]}}");
  Histogram minus = big;
  Multiply(minus, -1);
  CompensatedHistogram sum(big);
  sum.Add(one);
  sum.Add(minus);
  EXPECT_EQ(sum.Total().count, 1);
  EXPECT_EQ(sum.Total().positive_buckets[0], 1);
}

TEST(Arithmetic, ScalingAndInfinity) {
  Histogram h = H("{{schema:0 count:4 sum:2 z_bucket:2 buckets:[2]}}");
  Multiply(h, -1);
  EXPECT_EQ(h.reset_hint, ResetHint::kGauge);
  EXPECT_EQ(h.count, -4);
  EXPECT_FALSE(HasInfinity(h));
  Divide(h, 0);
  EXPECT_TRUE(h.positive_buckets.empty());
  EXPECT_TRUE(HasInfinity(h));
}

TEST(Reset, Detection) {
  struct Row {
    const char* before;
    const char* after;
    bool reset;
  };
  const Row rows[] = {
      {"{{schema:0 count:2 buckets:[1 1]}}", "{{schema:0 count:3 buckets:[1 2]}}", false},
      {"{{schema:0 count:2 buckets:[1 1]}}", "{{schema:0 count:1 buckets:[1]}}", true},
      {"{{schema:0 count:2 buckets:[1 1]}}", "{{schema:0 count:5 buckets:[0 5]}}", true},
      {"{{schema:0 count:2 buckets:[2 0]}}", "{{schema:0 count:3 buckets:[3]}}", false},
      {"{{schema:0 count:2 buckets:[2]}}", "{{schema:1 count:3 buckets:[3]}}", true},
      {"{{schema:1 count:2 offset:1 buckets:[1 1]}}", "{{schema:0 count:3 offset:1 buckets:[3]}}",
       false},
      {"{{schema:0 count:2 z_bucket:2 z_bucket_w:1}}",
       "{{schema:0 count:3 z_bucket:3 z_bucket_w:0.5}}", true},
      {"{{schema:0 count:3 z_bucket:1 z_bucket_w:0.5 buckets:[2]}}",
       "{{schema:0 count:3 z_bucket:3 z_bucket_w:1}}", false},
      {"{{schema:0 count:3 z_bucket:1 z_bucket_w:0.5 buckets:[2]}}",
       "{{schema:0 count:3 z_bucket:3 z_bucket_w:0.75}}", true},  // cuts a populated bucket
      {"{{schema:0 count:1 buckets:[1]}}",
       "{{schema:0 count:9 counter_reset_hint:reset buckets:[9]}}", true},
      {"{{schema:0 count:9 buckets:[9]}}",
       "{{schema:0 count:1 counter_reset_hint:not_reset buckets:[1]}}", false},
      {"{{schema:0 count:1 buckets:[1]}}", "{{schema:-53 count:2 custom_values:[1] buckets:[2]}}",
       true},
      {"{{schema:-53 count:2 custom_values:[1 2] buckets:[1 1]}}",
       "{{schema:-53 count:3 custom_values:[2] buckets:[2 1]}}", false},
      {"{{schema:-53 count:2 custom_values:[1 2] buckets:[1 1]}}",
       "{{schema:-53 count:3 custom_values:[2] buckets:[1 2]}}", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(DetectReset(H(row.after), H(row.before)), row.reset) << row.before << row.after;
  }
}

TEST(ZeroBucket, WidensPastPopulatedBuckets) {
  const Histogram h = H("{{schema:0 count:6 z_bucket:1 z_bucket_w:0.5 buckets:[2 3]}}");
  EXPECT_EQ(WidenZeroBucket(h, 0.5).count, 1);
  EXPECT_EQ(WidenZeroBucket(h, 1).count, 3);
  EXPECT_EQ(WidenZeroBucket(h, 0.6).threshold, 1);  // the bucket up to 1 is populated
  EXPECT_EQ(WidenZeroBucket(h, 8).count, 6);
}

TEST(Quantile, OfValues) {
  const auto quantile = [](double q, std::vector<double> v) { return Quantile(q, v); };
  EXPECT_EQ(quantile(0.5, {3, 1, 2}), 2);
  EXPECT_EQ(quantile(0.5, {1, 2}), 1.5);
  EXPECT_EQ(quantile(0, {5, 4}), 4);
  EXPECT_EQ(quantile(1, {5, 4}), 5);
  EXPECT_EQ(quantile(-0.1, {5}), -kInf);
  EXPECT_EQ(quantile(1.1, {5}), kInf);
  EXPECT_TRUE(std::isnan(quantile(NAN, {5})));
  EXPECT_TRUE(std::isnan(quantile(0.5, {})));
  EXPECT_TRUE(std::isnan(quantile(0, {NAN, 1, 2})));  // NaN is the smallest
  EXPECT_EQ(quantile(1, {NAN, 1, 2}), 2);
}

TEST(Quantile, ClassicBuckets) {
  const auto quantile = [](double q, std::vector<ClassicBucket> b) { return BucketQuantile(q, b); };
  const std::vector<ClassicBucket> buckets{{0.1, 1}, {0.2, 3}, {kInf, 4}};
  EXPECT_DOUBLE_EQ(quantile(0.5, buckets).value, 0.15);
  EXPECT_DOUBLE_EQ(quantile(0.125, buckets).value, 0.05);
  EXPECT_EQ(quantile(1, buckets).value, 0.2);
  EXPECT_TRUE(std::isnan(quantile(0.5, {{0.1, 1}, {0.2, 3}}).value));  // no +Inf
  EXPECT_TRUE(std::isnan(quantile(0.5, {{0.1, 0}, {kInf, 0}}).value));
  EXPECT_EQ(quantile(0.1, {{-1, 4}, {kInf, 4}}).value, -1);
  const ClassicQuantile forced = quantile(0.9, {{1, 5}, {2, 3}, {3, 6}, {kInf, 6}});
  EXPECT_TRUE(forced.forced_monotonic);
  EXPECT_EQ(forced.min_bucket, 2);
  EXPECT_EQ(forced.max_bucket, 2);
  EXPECT_EQ(forced.max_diff, 2);
  EXPECT_FALSE(quantile(0.9, {{1, 5}, {2, 5 - 1e-14}, {kInf, 6}}).forced_monotonic);
  // Equal bounds are one bucket.
  EXPECT_DOUBLE_EQ(quantile(0.5, {{1, 1}, {1, 1}, {kInf, 2}}).value, 0.5);
}

TEST(Quantile, FractionInvertsQuantile) {
  testing::Random random;
  std::vector<Bucket> scratch;
  for (int round = 0; round < 300; ++round) {
    Histogram h = FromModel(RandomModel(random));
    if (h.count == 0) continue;
    h.sum = h.count;
    Compact(h);
    const double q = 0.01 + 0.98 * random.Unit();
    const double value = HistogramQuantile(q, h, scratch).value;
    EXPECT_NEAR(HistogramFraction(-kInf, value, h, scratch).value, q, 1e-9) << Text(h) << " " << q;
  }
}

TEST(Quantile, NativeSpecialCases) {
  std::vector<Bucket> scratch;
  const Histogram h = H("{{schema:0 count:4 sum:4 offset:1 buckets:[2 2]}}");
  EXPECT_EQ(HistogramQuantile(-1, h, scratch).value, -kInf);
  EXPECT_EQ(HistogramQuantile(2, h, scratch).value, kInf);
  EXPECT_EQ(HistogramQuantile(0.5, h, scratch).value, 2);
  EXPECT_EQ(HistogramQuantile(0.25, h, scratch).value, M_SQRT2);
  EXPECT_TRUE(std::isnan(HistogramQuantile(0.5, Histogram{}, scratch).value));
  Histogram nan = h;
  nan.count = 8;  // four observations of NaN
  nan.sum = NAN;
  EXPECT_EQ(HistogramQuantile(0.9, nan, scratch).nan_effect, NanEffect::kResultIsNan);
  EXPECT_EQ(HistogramQuantile(0.1, nan, scratch).nan_effect, NanEffect::kSkewedHigher);
  EXPECT_TRUE(HistogramFraction(-kInf, kInf, nan, scratch).nan_observations);
}

TEST(Trim, CountsOnBothSidesAddUp) {
  testing::Random random;
  for (int round = 0; round < 300; ++round) {
    Histogram h = FromModel(RandomModel(random));
    const double limit = std::exp2(random.Unit() * 20 - 10);
    Histogram below = h, above = h;
    TrimBuckets(below, limit, Trim::kUpper);
    TrimBuckets(above, limit, Trim::kLower);
    EXPECT_NEAR(below.count + above.count, h.count, 1e-9 * (1 + h.count)) << Text(h) << limit;
  }
}

TEST(Trim, UntouchedHistogramsKeepTheirSum) {
  Histogram h = H("{{schema:0 count:4 sum:123 offset:1 buckets:[2 2]}}");
  TrimBuckets(h, 100, Trim::kUpper);
  EXPECT_EQ(h.sum, 123);
  TrimBuckets(h, 2, Trim::kUpper);
  EXPECT_EQ(h.count, 2);
  EXPECT_DOUBLE_EQ(h.sum, 2 * M_SQRT2);
}

TEST(Kahan, InfinityEndsCompensation) {
  KahanSum sum;
  for (const double v : {1e308, 1e308, 1.0}) sum.Add(v);
  EXPECT_EQ(sum.total(), kInf);
}

}  // namespace
}  // namespace slowburn::query
