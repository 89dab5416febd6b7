#include <gtest/gtest.h>

#include <string>

#include "query/parser/parser.h"
#include "query/plan/build.h"
#include "query/plan/durations.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::query {
namespace {

constexpr ParserOptions kAll{
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

absl::StatusOr<PlanPtr> Plan(const std::string& query, const Timeline& timeline) {
  auto expr = Parse(query, kAll);
  if (!expr.ok()) return expr.status();
  auto plan = BuildPlan(**expr, timeline, timeline.is_range(), {300'000, 60'000});
  if (!plan.ok()) return plan.status();
  return FoldConstants(*std::move(plan));
}

std::string Printed(const std::string& query, const Timeline& timeline) {
  const auto plan = Plan(query, timeline);
  return plan.ok() ? PrintPlan(**plan) : plan.status().ToString();
}

constexpr Timeline kRange{1'000'000, 1'300'000, 60'000};
constexpr Timeline kInstant{1'000'000, 1'000'000, 1};

TEST(BuildPlan, ResolvesOffsetsAndPins) {
  EXPECT_EQ(Printed("rate(x[5m] offset 1m)", kRange),
            "call rate @1000000..1300000/60000\n"
            "  range {__name__=\"x\"} range=300000 offset=60000 @1000000..1300000/60000\n");
  EXPECT_EQ(Printed("x @ end() offset -1m + x", kRange),
            "binary + @1000000..1300000/60000\n"
            "  once @1000000..1300000/60000\n"
            "    instant {__name__=\"x\"} lookback=300000 at=1300000 offset=-60000 @1000000\n"
            "  instant {__name__=\"x\"} lookback=300000 @1000000..1300000/60000\n");
}

TEST(BuildPlan, HoistsTheLargestInvariantParts) {
  EXPECT_EQ(Printed("sum(rate(x[5m] @ 10)) * 2", kRange),
            "once @1000000..1300000/60000\n"
            "  binary * @1000000\n"
            "    aggregate sum by () @1000000\n"
            "      call rate @1000000\n"
            "        range {__name__=\"x\"} range=300000 at=10000 @1000000\n"
            "    number 2 @1000000\n");
  // timestamp() of a computed value is the step's time.
  EXPECT_EQ(Printed("timestamp(x @ 10)", kRange).substr(0, 4), "once");
  EXPECT_EQ(Printed("timestamp(abs(x @ 10))", kRange).substr(0, 4), "call");
  EXPECT_EQ(Printed("hour(x @ 10)", kRange).substr(0, 4), "call");
  // A parameter that moves makes the whole move.
  EXPECT_EQ(Printed("topk(scalar(y), x @ 10)", kRange).substr(0, 9), "aggregate");
}

TEST(BuildPlan, AlignsSubqueries) {
  // (t - 5m, t] on multiples of 30 s.
  EXPECT_EQ(Printed("max_over_time(x[5m:30s])", kInstant),
            "call max_over_time @1000000\n"
            "  subquery range=300000 @1000000\n"
            "    instant {__name__=\"x\"} lookback=300000 @720000..1000000/30000\n");
  EXPECT_EQ(Printed("max_over_time(x[1m:] @ 0)", kInstant),
            "call max_over_time @1000000\n"
            "  subquery range=60000 at=0 @1000000\n"
            "    instant {__name__=\"x\"} lookback=300000 @0\n");
}

TEST(BuildPlan, NumbersOfTheQuery) {
  EXPECT_EQ(Printed("start() + end() * range() - step()", kRange),
            "number 390940 @1000000..1300000/60000\n");
  EXPECT_EQ(Printed("step()", kInstant), "number 0 @1000000\n");
  EXPECT_EQ(Printed("-(2 ^ 3) + min_of(1, 2)", kInstant), "number -7 @1000000\n");
}

TEST(BuildPlan, TotalsOnlyWhereBucketsDoNotMatter) {
  const auto totals = [](const char* query) {
    return Printed(query, kInstant).find(" totals") != std::string::npos;
  };
  EXPECT_TRUE(totals("histogram_count(sum(rate(x[5m])))"));
  EXPECT_FALSE(totals("rate(x[5m])"));
  EXPECT_FALSE(totals("histogram_quantile(0.5, histogram_sum(x))"));
  EXPECT_FALSE(totals("histogram_count(rate(x[5m:1m]))"));
  EXPECT_FALSE(totals("histogram_count(x </ 3)"));
}

TEST(BuildPlan, DurationExpressions) {
  EXPECT_NE(Printed("rate(x[step() * 2])", kRange).find("range=120000"), std::string::npos);
  EXPECT_NE(Printed("x offset (range() / 3)", kRange).find("offset=100000"), std::string::npos);
  struct Row {
    const char* query;
    const char* error;
  };
  const Row rows[] = {
      {"x[5m - 5m]", "duration must be greater than 0"},
      {"x[5m / 0]", "division by zero"},
      {"x[5m % 0]", "modulo by zero"},
      {"x[step()]", "duration must be greater than 0"},  // an instant query has no step
      {"x[1e300]", "duration out of range"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(Plan(row.query, kInstant), testing::IsCode(absl::StatusCode::kInvalidArgument, ""))
        << row.query;
  }
}

TEST(BuildPlan, RangeQueriesWantVectors) {
  EXPECT_THAT(Plan("x[5m]", kRange),
              testing::IsCode(absl::StatusCode::kInvalidArgument,
                              "invalid expression type \"range vector\" for range query, must be "
                              "Scalar or instant Vector"));
  EXPECT_THAT(Plan("\"text\"", kRange),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "invalid expression type"));
}

TEST(BuildPlan, DataExtentCoversAllWindows) {
  struct Row {
    const char* query;
    Timeline timeline;
    tsdb::TimeRange want;
  };
  const Row rows[] = {
      {"x", kInstant, {700'001, 1'000'001}},
      {"x[5m]", kInstant, {700'001, 1'000'001}},
      {"rate(x[1m] offset 1m)", kRange, {880'001, 1'240'001}},
      {"rate(x[1m] anchored)", kInstant, {640'001, 1'000'001}},
      {"rate(x[1m] smoothed)", kInstant, {640'001, 1'300'001}},
      {"x smoothed", kInstant, {700'001, 1'300'001}},
      {"x @ 10", kRange, {-289'999, 10'001}},
      {"max_over_time(x[10m:1m])", kInstant, {120'001, 960'001}},
      {"x + y offset 1h", kInstant, {-2'899'999, 1'000'001}},
      {"1 + 1", kRange, {0, 0}},
  };
  for (const Row& row : rows) {
    ASSERT_OK_AND_ASSIGN(const PlanPtr plan, Plan(row.query, row.timeline));
    const tsdb::TimeRange extent = DataExtent(*plan);
    EXPECT_EQ(extent.start, row.want.start) << row.query;
    EXPECT_EQ(extent.end, row.want.end) << row.query;
  }
}

TEST(Timeline, Steps) {
  EXPECT_EQ((Timeline{0, 100, 30}.steps()), 4u);
  EXPECT_EQ((Timeline{0, 100, 30}.last()), 90);
  EXPECT_EQ((Timeline{100, 0, 30}.steps()), 0u);
  EXPECT_EQ((Timeline{5, 5, 1}.steps()), 1u);
}

}  // namespace
}  // namespace slowburn::query
