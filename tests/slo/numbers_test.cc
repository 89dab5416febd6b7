#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "slo/event_count.h"
#include "slo/fingerprint.h"
#include "slo/ratio.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::slo {
namespace {

using testing::IsCode;

TEST(Ratio, DecimalsAreReadExactly) {
  const struct {
    const char* text;
    uint64_t num, den;
  } cases[] = {{"99.9", 999, 10},
               {"0.1", 1, 10},
               {"100", 100, 1},
               {"99.95", 1999, 20},
               {"0", 0, 1},
               {"007", 7, 1},
               {"14.4", 72, 5},
               {"99.999999999", 99999999999, 1000000000},
               {"999999999", 999999999, 1}};
  for (const auto& c : cases) {
    ASSERT_OK_AND_ASSIGN(const Ratio ratio, ParseDecimal(c.text));
    EXPECT_EQ(ratio.num, c.num) << c.text;
    EXPECT_EQ(ratio.den, c.den) << c.text;
  }
}

TEST(Ratio, WhatIsNoDecimalIsRefused) {
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "1 ", "1.2.3",
                           "0x1", "99.9%", "nan", "1.0000000000", "1000000000"}) {
    EXPECT_THAT(ParseDecimal(text),
                IsCode(absl::StatusCode::kInvalidArgument, "is not a decimal number"))
        << text;
  }
}

TEST(Ratio, BudgetOfThreeNinesIsOneInAThousand) {
  ASSERT_OK_AND_ASSIGN(const Ratio percent, ParseDecimal("99.9"));
  ASSERT_OK_AND_ASSIGN(const Ratio objective, Multiply(percent, Ratio{1, 100}));
  EXPECT_EQ(Complement(objective), (Ratio{1, 1000}));
  EXPECT_NE(1 - 99.9 / 100, 0.001);  // why
}

TEST(Ratio, ProductsReduceBeforeTheyOverflow) {
  const uint64_t big = uint64_t{1} << 62;
  ASSERT_OK_AND_ASSIGN(const Ratio one, Multiply(MakeRatio(big, 3), MakeRatio(3, big)));
  EXPECT_EQ(one, (Ratio{1, 1}));
  EXPECT_THAT(Multiply(MakeRatio(big, 3), MakeRatio(big, 5)),
              IsCode(absl::StatusCode::kOutOfRange, "fewer digits"));
  EXPECT_LT(MakeRatio(1, big), MakeRatio(1, big - 1));
}

TEST(EventCount, WholeNumbersStayWhole) {
  EventCount sum;
  for (int i = 0; i < 1000; ++i) sum += EventCount::FromDouble(9007199254740991.0);
  EXPECT_TRUE(sum.IsWhole());
  EXPECT_EQ(sum.ToString(), "9007199254740991000");
  EXPECT_EQ(EventCount().ToString(), "0");
  EXPECT_EQ(EventCount::FromInt(-42).ToString(), "-42");
}

TEST(EventCount, SumsDoNotDependOnTheOrder) {
  testing::Random random;
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i)
    values.push_back(std::ldexp(random.Unit(), int(random.Between(-20, 60))));
  EventCount forward, shuffled;
  for (const double v : values) forward += EventCount::FromDouble(v);
  std::shuffle(values.begin(), values.end(), random.engine());
  for (const double v : values) shuffled += EventCount::FromDouble(v);
  EXPECT_EQ(forward, shuffled);
  for (const double v : values) shuffled -= EventCount::FromDouble(v);
  EXPECT_EQ(shuffled, EventCount());
}

TEST(EventCount, FractionsKeepTwelveDigits) {
  for (const double v : {0.1, 1.0 / 3, 12345.678, 1e-3}) {
    EXPECT_NEAR(EventCount::FromDouble(v).ToDouble() / v, 1, 1e-11) << v;
  }
  EXPECT_EQ(EventCount::FromDouble(0.5).ToString(), "0.5");
}

TEST(EventCount, WhatIsNoCountIsClamped) {
  EXPECT_EQ(EventCount::FromDouble(std::nan("")), EventCount());
  EXPECT_EQ(EventCount::FromDouble(std::numeric_limits<double>::infinity()).ToDouble(), 0x1p63);
  EXPECT_EQ(EventCount::FromDouble(-1e300).ToDouble(), -0x1p63);
}

TEST(EventCount, ProductsCompareExactly) {
  // 144/10000 of 10^15 events, and one event more.
  const EventCount total = EventCount::FromInt(1'000'000'000'000'000);
  const EventCount bad = EventCount::FromInt(14'400'000'000'000);
  EXPECT_EQ(CompareProducts(bad, 625, total, 9), std::strong_ordering::equal);
  EXPECT_EQ(CompareProducts(bad + EventCount::FromInt(1), 625, total, 9),
            std::strong_ordering::greater);
  EXPECT_EQ(CompareProducts(bad - EventCount::FromDouble(0x1p-48), 625, total, 9),
            std::strong_ordering::less);
  const uint64_t most = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(
      CompareProducts(EventCount::FromDouble(0x1p63), most, EventCount::FromDouble(0x1p63), most),
      std::strong_ordering::equal);
}

TEST(Fingerprint, IsFnv1a) {
  EXPECT_EQ(Fingerprint(""), "6c62272e07bb014262b821756295c58d");
  EXPECT_EQ(Fingerprint("a"), "d228cb696f1a8caf78912b704e4a8964");  // known vector of FNV-1a 128
}

}  // namespace
}  // namespace slowburn::slo
