#include "slo/slo_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/slo/slo_fixtures.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::slo {
namespace {

using ::testing::HasSubstr;
using testing::IsCode;
using ::testing::Not;

TEST(SloPlan, SaysWhatAnObjectiveMeans) {
  const std::string plan = DescribePlan(SpecOf(), 100);
  for (const char* text : {
           "checkout-availability  (test.yml:1:1)",
           "objective  99.9% over 30d, rolling",
           "0.1% of all events in 30d; a full outage spends it in 43m12.0s",
           "259200 of 2.592e+08 may be bad, at 100 a second",
           "with fewer than 70 events in 1h a single bad one trips tier fast",
       }) {
    EXPECT_THAT(plan, HasSubstr(text));
  }
  // D1 and D3: 100 % and 10 %.
  EXPECT_THAT(plan, ::testing::ContainsRegex(
                        "fast +P0 +1h +5m +2% +14.4 +1.44% +51.8s +8m38.4s +4m55.7s / 4m16.8s"));
  EXPECT_THAT(plan,
              ::testing::ContainsRegex("longterm +P2 +3d +6h +10% +1 +0.1% +4m19.2s +43m12.0s"));
  EXPECT_THAT(plan, Not(HasSubstr("warning")));
}

TEST(SloPlan, SaysWhatCanNeverHappen) {
  const std::string plan = DescribePlan(SpecOf("90"), std::nullopt);
  EXPECT_THAT(plan, HasSubstr("warning: tier fast can never fire: its threshold is 144% errors"));
  EXPECT_THAT(plan, ::testing::ContainsRegex("fast .* never +never +- / -"));
  EXPECT_THAT(plan, HasSubstr("1 in 10 may be bad"));
}

TEST(SloPlan, WarnsOfTooLittleTraffic) {
  EXPECT_THAT(DescribePlan(SpecOf(), 10.0 / 3600),
              HasSubstr("this SLO has 10; set min_bad, or weight: traffic"));
  EXPECT_THAT(DescribePlan(SpecOf("99.9", "30d", "{tiers: []}"), std::nullopt),
              HasSubstr("no alerts"));
}

TEST(SloPlan, TrafficIsEventsATime) {
  EXPECT_EQ(*ParseTraffic("120/s"), 120);
  EXPECT_EQ(*ParseTraffic("120"), 120);
  EXPECT_EQ(*ParseTraffic("30/m"), 0.5);
  EXPECT_EQ(*ParseTraffic("3600/h"), 1);
  EXPECT_EQ(*ParseTraffic("86400/d"), 1);
  for (const char* text : {"", "/s", "1/w", "-1/s", "0/s", "x", "nan/s", "inf"}) {
    EXPECT_THAT(ParseTraffic(text), IsCode(absl::StatusCode::kInvalidArgument, "is not traffic"))
        << text;
  }
}

}  // namespace
}  // namespace slowburn::slo
