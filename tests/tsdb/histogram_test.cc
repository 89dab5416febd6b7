#include "tsdb/histogram.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/testing/status_matchers.h"

namespace slowburn::tsdb {
namespace {

Histogram Valid() {
  Histogram h;
  h.is_float = false;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = 2;
  h.count = 12;
  h.sum = 18.5;
  h.positive_spans = {{-2, 2}, {1, 1}};
  h.positive_buckets = {1, 2, 3};
  h.negative_spans = {{0, 1}};
  h.negative_buckets = {4};
  return h;
}

Histogram Custom() {
  Histogram h;
  h.schema = kCustomBucketsSchema;
  h.count = 3;
  h.sum = 4;
  h.custom_values = {1, 2.5};
  h.positive_spans = {{0, 3}};
  h.positive_buckets = {1, 0, 2};
  return h;
}

TEST(Histogram, ValidOnes) {
  EXPECT_OK(Valid().Validate());
  EXPECT_OK(Custom().Validate());
  EXPECT_OK(Histogram().Validate());
}

TEST(Histogram, ValidateNamesTheFault) {
  const struct {
    const char* want;
    void (*spoil)(Histogram&);
    bool custom = false;
  } cases[] = {
      {"schema 9", [](Histogram& h) { h.schema = 9; }},
      {"schema -5", [](Histogram& h) { h.schema = -5; }},
      {"positive spans have 4 places for 3 buckets",
       [](Histogram& h) { h.positive_spans[1].length = 2; }},
      {"negative spans have 1 places for 0 buckets",
       [](Histogram& h) { h.negative_buckets.clear(); }},
      {"span number 2 has offset -1", [](Histogram& h) { h.positive_spans[1].offset = -1; }},
      {"positive bucket number 2 has the negative count -2",
       [](Histogram& h) { h.positive_buckets[1] = -2; }},
      {"whole numbers", [](Histogram& h) { h.positive_buckets[1] = 2.5; }},
      {"zero bucket has the negative count", [](Histogram& h) { h.zero_count = -1; }},
      {"buckets hold 12 observations, the count says 13", [](Histogram& h) { h.count = 13; }},
      {"buckets hold 12 observations, the count says 11",
       [](Histogram& h) { h.count = 11, h.sum = NAN; }},
      {"zero threshold", [](Histogram& h) { h.zero_threshold = NAN; }},
      {"custom bounds belong to schema -53", [](Histogram& h) { h.custom_values = {1}; }},
      {"does not ascend",
       [](Histogram& h) {
         h.custom_values = {2, 2};
       },
       true},
      {"+Inf", [](Histogram& h) { h.custom_values[1] = HUGE_VAL; }, true},
      {"outside of the 2 custom buckets", [](Histogram& h) { h.custom_values.pop_back(); }, true},
      {"no zero bucket", [](Histogram& h) { h.zero_count = 1; }, true},
      {"no negative side",
       [](Histogram& h) {
         h.negative_spans = {{0, 0}};
       },
       true},
  };
  for (const auto& c : cases) {
    Histogram h = c.custom ? Custom() : Valid();
    c.spoil(h);
    EXPECT_THAT(h.Validate(), testing::IsCode(absl::StatusCode::kInvalidArgument, c.want));
  }
}

TEST(Histogram, GaugesMayBeNegative) {
  Histogram h = Valid();
  h.reset_hint = Histogram::ResetHint::kGauge;
  h.positive_buckets[0] = -1;
  EXPECT_OK(h.Validate());
}

TEST(Histogram, ObservationsOfNaNAreInTheCountOnly) {
  Histogram h = Valid();
  h.count = 13;
  h.sum = NAN;
  EXPECT_OK(h.Validate());
}

TEST(Histogram, EqualityIsBitExact) {
  Histogram a = Valid(), b = Valid();
  EXPECT_EQ(a, b);
  a.sum = 0.0, b.sum = -0.0;
  EXPECT_FALSE(a == b);
  a.sum = b.sum = StaleNaN();
  EXPECT_EQ(a, b);
  EXPECT_TRUE(a.is_stale());
  b.positive_buckets[0] = 2;
  EXPECT_FALSE(a == b);
}

TEST(Histogram, ToStringIsTheTestNotation) {
  EXPECT_EQ(Valid().ToString(),
            "{{schema:1 count:12 sum:18.5 z_bucket:2 z_bucket_w:0.001 offset:-2 buckets:[1 2 0 3] "
            "n_buckets:[4]}}");
  EXPECT_EQ(Custom().ToString(),
            "{{schema:-53 count:3 sum:4 custom_values:[1 2.5] buckets:[1 0 2]}}");
  Histogram h;
  h.reset_hint = Histogram::ResetHint::kReset;
  EXPECT_EQ(h.ToString(), "{{schema:0 counter_reset_hint:reset}}");
}

TEST(Histogram, ToStringOfAVastGapIsShort) {
  Histogram h;
  h.positive_spans = {{0, 1}, {2'000'000'000, 1}};
  h.positive_buckets = {1, 2};
  EXPECT_LT(h.ToString().size(), 10'000u);
}

}  // namespace
}  // namespace slowburn::tsdb
