#include "app/shop.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace slowburn::app {
namespace {

constexpr base::TimestampMs kLive = 1'700'000'000'000;

std::map<std::string, double> Values(const Shop& shop) {
  std::map<std::string, double> values;
  shop.Visit([&](const tsdb::Labels& labels, double value) { values[labels.ToString()] = value; });
  return values;
}

double CheckoutErrors(const std::map<std::string, double>& values) {
  double sum = 0;
  for (const auto& [series, value] : values) {
    if (series.find("http_requests_total") == 0 &&
        series.find("code=\"503\"") != std::string::npos &&
        series.find("service=\"checkout\"") != std::string::npos) {
      sum += value;
    }
  }
  return sum;
}

TEST(ShopTest, CountersGrowAndAreWhole) {
  Shop shop(kLive - base::kHour, kLive);
  shop.AdvanceTo(kLive - base::kMinute);
  const auto before = Values(shop);
  shop.AdvanceTo(kLive);
  const auto after = Values(shop);
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [series, value] : after) {
    if (series.find("in_flight") != std::string::npos) continue;
    EXPECT_GE(value, before.at(series)) << series;
    if (series.find("_sum") == std::string::npos) {
      EXPECT_EQ(value, double(int64_t(value))) << series;
    }
  }
}

TEST(ShopTest, DependsOnTimeAlone) {
  Shop one(kLive - base::kHour, kLive), other(kLive - base::kHour, kLive);
  one.AdvanceTo(kLive + base::kMinute);
  for (base::TimestampMs t = kLive - base::kHour; t <= kLive + base::kMinute;
       t += 5 * base::kSecond)
    other.AdvanceTo(t);
  EXPECT_EQ(Values(one), Values(other));
}

// The demo promises a page within two minutes: 14.4 times the budget of 99.9 % over the hour must
// burn in the first burst.
TEST(ShopTest, FirstBurstTripsTheFastTier) {
  Shop shop(kLive - base::kDay, kLive);
  shop.AdvanceTo(kLive - base::kHour + 70 * base::kSecond);
  double total_before = 0, total_after = 0;
  const auto total = [](const std::map<std::string, double>& values) {
    double sum = 0;
    for (const auto& [series, value] : values) {
      if (series.find("http_requests_total") == 0 &&
          series.find("service=\"checkout\"") != std::string::npos)
        sum += value;
    }
    return sum;
  };
  const double errors_before = CheckoutErrors(Values(shop));
  total_before = total(Values(shop));
  shop.AdvanceTo(kLive + 70 * base::kSecond);
  const double errors = CheckoutErrors(Values(shop)) - errors_before;
  total_after = total(Values(shop));
  EXPECT_GT(errors / (total_after - total_before), 0.0144 * 1.2);
}

TEST(ShopTest, BudgetOfTheDayIsNeitherFullNorGone) {
  Shop shop(kLive - base::kDay, kLive);
  shop.AdvanceTo(kLive + 2 * base::kMinute);
  double errors = 0, total = 0;
  for (const auto& [series, value] : Values(shop)) {
    if (series.find("http_requests_total") != 0 ||
        series.find("service=\"checkout\"") == std::string::npos)
      continue;
    total += value;
    if (series.find("code=\"503\"") != std::string::npos) errors += value;
  }
  const double left = 1 - errors / (total * 0.001);
  EXPECT_GT(left, 0.2);
  EXPECT_LT(left, 0.8);
}

TEST(ShopTest, HistogramsAreCumulative) {
  Shop shop(kLive - base::kHour, kLive);
  shop.AdvanceTo(kLive);
  double last = 0, infinite = 0;
  shop.Visit([&](const tsdb::Labels& labels, double value) {
    if (labels.metric_name() == "http_request_duration_seconds_bucket") {
      EXPECT_GE(value, labels.Get("le") == "0.005" ? 0 : last);
      last = value;
      if (labels.Get("le") == "+Inf") infinite = value;
    }
    if (labels.metric_name() == "http_request_duration_seconds_count") {
      EXPECT_EQ(value, infinite);
    }
  });
  EXPECT_GT(infinite, 0);
}

}  // namespace
}  // namespace slowburn::app
