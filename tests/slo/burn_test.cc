// The vectors of burn-rate alerting: detection and reset times of steady faults (D), firings of
// incidents (I), traffic weighting (W), exhaustion (T), and the arithmetic of budgets.
#include "slo/burn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "slo/slo_reader.h"
#include "tests/slo/slo_fixtures.h"

namespace slowburn::slo {
namespace {

// In ten seconds: every error ratio of the tables is a whole number of them.
constexpr int64_t kEvents = 10'000;
constexpr DurationMs kStep = 10 * base::kSecond;

struct Firing {
  // Evaluations, from the start of the fault; to: the first that is silent again.
  DurationMs from = 0, to = 0;
};

// A clean history of three days, then `bad` of each 10 000 events for `fault`, then clean again;
// what each tier does.
std::map<std::string, std::vector<Firing>> Simulate(const SloSpec& spec, int64_t bad,
                                                    DurationMs fault, DurationMs after) {
  SliLedger ledger(spec.sli, {});
  Traffic traffic(ledger);
  for (TimestampMs t = kT0 - 73 * base::kHour; t <= kT0; t += kStep) traffic.Step(t, kEvents, 0);
  std::map<std::string, std::vector<Firing>> out;
  std::map<std::string, bool> firing;
  for (DurationMs at = kStep; at <= fault + after; at += kStep) {
    const int64_t now_bad = at <= fault ? bad : 0;
    traffic.Step(kT0 + at, double(kEvents - now_bad), double(now_bad));
    const SloReading reading = ReadSlo(spec, ledger, kT0 + at);
    for (size_t i = 0; i < spec.tiers.size(); ++i) {
      const std::string& name = spec.tiers[i].name;
      const bool fires = reading.tiers[i].fires();
      if (fires && !firing[name]) out[name].push_back({at, 0});
      if (!fires && firing[name]) out[name].back().to = at;
      firing[name] = fires;
    }
  }
  return out;
}

// Exactly when a steady ratio bad/10 000 exceeds the tier's threshold: the first evaluation after L
// · k·b / e.
DurationMs FirstEvaluationAfterDetection(const Tier& tier, int64_t bad) {
  const auto numerator = static_cast<uint64_t>(tier.long_ms) * tier.threshold.num * kEvents;
  const auto denominator =
      tier.threshold.den * static_cast<uint64_t>(bad) * static_cast<uint64_t>(kStep);
  return static_cast<DurationMs>(numerator / denominator + 1) * kStep;
}

// The first evaluation at or after S · (1 - k·b / e).
DurationMs FirstEvaluationAtReset(const Tier& tier, int64_t bad) {
  const auto den = tier.threshold.den * static_cast<uint64_t>(bad);
  const auto num = static_cast<uint64_t>(tier.short_ms) * (den - tier.threshold.num * kEvents);
  const uint64_t step = den * static_cast<uint64_t>(kStep);
  return static_cast<DurationMs>((num + step - 1) / step) * kStep;
}

struct Steady {
  const char* id;
  int64_t bad;                 // of 10 000
  double detect[4], reset[4];  // seconds, in the order of the tiers; detect 0: never
};

// Times as published for google-30d at 99.9 %, rounded there.
constexpr Steady kSteady[] = {
    {"D1", 10000, {51.8, 129.6, 259.2, 259.2}, {295.7, 1789, 7178, 21578}},
    {"D2", 5000, {103.7, 259, 518, 518}, {291, 1778, 7157, 21557}},
    {"D3", 1000, {518.4, 1296, 2592, 2592}, {256.8, 1692, 6984, 21384}},
    {"D4", 500, {1036.8, 2592, 5184, 5184}, {213.6, 1584, 6768, 21168}},
    {"D5", 200, {2592, 6480, 12960, 12960}, {84, 1260, 6120, 20520}},
    {"D6", 145, {3575, 8938, 17876, 17876}, {2.1, 1055, 5710, 20110}},
    {"D7", 144, {0, 9000, 18000, 18000}, {0, 1050, 5700, 20100}},
    {"D8", 100, {0, 12960, 25920, 25920}, {0, 720, 5040, 19440}},
    {"D9", 50, {0, 0, 51840, 51840}, {0, 0, 2880, 17280}},
    {"D10", 20, {0, 0, 0, 129600}, {0, 0, 0, 10800}},
    {"D11", 11, {0, 0, 0, 235636.4}, {0, 0, 0, 1963.6}},
    {"D12", 10, {0, 0, 0, 0}, {0, 0, 0, 0}},
};

class SteadyFault : public ::testing::TestWithParam<Steady> {};

TEST_P(SteadyFault, FiresAtTheFirstEvaluationAfterItsExactTimeAndNeverBefore) {
  const Steady& vector = GetParam();
  const SloSpec spec = SpecOf();
  DurationMs last = 0;
  for (const double detect : vector.detect) last = std::max(last, DurationMs(detect * 1000));
  // Long enough for every short window to be full of the fault.
  const DurationMs fault = (last / kStep + 2) * kStep + 6 * base::kHour;
  auto firings = Simulate(spec, vector.bad, fault, 6 * base::kHour + kStep);
  for (size_t i = 0; i < 4; ++i) {
    const Tier& tier = spec.tiers[i];
    const std::vector<Firing>& seen = firings[tier.name];
    if (vector.detect[i] == 0) {
      EXPECT_TRUE(seen.empty()) << tier.name;
      continue;
    }
    ASSERT_EQ(seen.size(), 1u) << tier.name;
    EXPECT_EQ(seen[0].from, FirstEvaluationAfterDetection(tier, vector.bad)) << tier.name;
    EXPECT_EQ(seen[0].to - fault, FirstEvaluationAtReset(tier, vector.bad)) << tier.name;
    // And the exact times are those of the table, but for its rounding and one evaluation.
    EXPECT_GT(double(seen[0].from) / 1000, vector.detect[i] - 0.6) << tier.name;
    EXPECT_LE(double(seen[0].from) / 1000, vector.detect[i] + 10.6) << tier.name;
    EXPECT_GE(double(seen[0].to - fault) / 1000, vector.reset[i] - 0.6) << tier.name;
    EXPECT_LE(double(seen[0].to - fault) / 1000, vector.reset[i] + 10.6) << tier.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Vectors, SteadyFault, ::testing::ValuesIn(kSteady),
                         [](const auto& vector) { return std::string(vector.param.id); });

TEST(BurnTier, GreaterOrEqualFiresAtExactlyTheThreshold) {
  // D7 with >=: the fast tier fires after 60 minutes sharp.
  const SloSpec spec = SpecOf("99.9", "30d", "{preset: google-30d, comparator: '>='}");
  auto firings = Simulate(spec, 144, 2 * base::kHour, 0);
  ASSERT_EQ(firings["fast"].size(), 1u);
  EXPECT_EQ(firings["fast"][0].from, base::kHour);
}

struct Incident {
  const char* id;
  int64_t bad;
  DurationMs fault;
  // Seconds from the start of the incident, as published; 0, 0: silent.
  struct {
    double from, to;
  } tiers[4];
};

constexpr Incident kIncidents[] = {
    {"I1", 10000, 30'000, {{0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"I2", 10000, 60'000, {{52, 356}, {0, 0}, {0, 0}, {0, 0}}},
    {"I3", 10000, 120'000, {{52, 416}, {0, 0}, {0, 0}, {0, 0}}},
    {"I4", 10000, 600'000, {{52, 896}, {130, 2390}, {260, 7779}, {260, 22179}}},
    {"I5", 1000, 900'000, {{519, 1157}, {0, 0}, {0, 0}, {0, 0}}},
    {"I6", 1000, 1'800'000, {{519, 2057}, {1297, 3492}, {0, 0}, {0, 0}}},
    {"I7", 200, 7'200'000, {{2592, 7284}, {6480, 8460}, {0, 0}, {0, 0}}},
    {"I8", 100, 28'800'000, {{0, 0}, {12960, 29520}, {25920, 33840}, {25920, 48240}}},
    {"I9", 50, 86'400'000, {{0, 0}, {0, 0}, {51840, 89280}, {51840, 103680}}},
    {"I10", 20, 172'800'000, {{0, 0}, {0, 0}, {0, 0}, {129600, 183600}}},
};

class IncidentOf : public ::testing::TestWithParam<Incident> {};

TEST_P(IncidentOf, FiresAndFallsSilentWhenItShould) {
  const Incident& incident = GetParam();
  const SloSpec spec = SpecOf();
  auto firings = Simulate(spec, incident.bad, incident.fault, 7 * base::kHour);
  for (size_t i = 0; i < 4; ++i) {
    const std::vector<Firing>& seen = firings[spec.tiers[i].name];
    const auto [from, to] = incident.tiers[i];
    if (from == 0) {
      EXPECT_TRUE(seen.empty()) << spec.tiers[i].name;
      continue;
    }
    ASSERT_EQ(seen.size(), 1u) << spec.tiers[i].name;
    EXPECT_GT(double(seen[0].from) / 1000, from - 0.6) << spec.tiers[i].name;
    EXPECT_LE(double(seen[0].from) / 1000, from + 10.6) << spec.tiers[i].name;
    EXPECT_GE(double(seen[0].to) / 1000, to - 0.6) << spec.tiers[i].name;
    EXPECT_LE(double(seen[0].to) / 1000, to + 10.6) << spec.tiers[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Vectors, IncidentOf, ::testing::ValuesIn(kIncidents),
                         [](const auto& vector) { return std::string(vector.param.id); });

WindowCount CountOf(int64_t bad, int64_t total, DurationMs covered = base::kHour) {
  WindowCount count;
  count.bad = EventCount::FromInt(bad);
  count.total = EventCount::FromInt(total);
  count.covered_ms = covered;
  return count;
}

TEST(BurnTier, TrafficWeightSeesWhatTheBudgetReallyLost) {
  const std::string tier = "{name: fast, severity: P0, long: 1h, short: 5m, budget: 2%, weight: ";
  const SloSpec by_time = SpecOf("99.9", "30d", "{tiers: [" + tier + "time}]}");
  const SloSpec by_traffic = SpecOf("99.9", "30d", "{tiers: [" + tier + "traffic}]}");
  const WindowCount period = CountOf(0, 10'800'000, 30 * base::kDay);
  const struct {
    const char* id;
    int64_t bad, total;
    bool time, traffic;
  } cases[] = {{"W1: a quiet hour", 60, 1'200, true, false},
               {"W2: a peak hour", 600, 60'000, false, true},
               {"exactly the share", 216, 1'200, true, false},
               {"one more", 217, 1'200, true, true}};
  for (const auto& c : cases) {
    const WindowCount hour = CountOf(c.bad, c.total);
    const WindowCount minutes = CountOf((c.bad + 11) / 12, c.total / 12);
    EXPECT_EQ(ReadTier(by_time, by_time.tiers[0], hour, minutes, period).fires(), c.time) << c.id;
    EXPECT_EQ(ReadTier(by_traffic, by_traffic.tiers[0], hour, minutes, period).fires(), c.traffic)
        << c.id;
  }
  // Ten days of the same traffic say as much as thirty.
  const WindowCount third = CountOf(0, 3'600'000, 10 * base::kDay);
  EXPECT_TRUE(
      ReadTier(by_traffic, by_traffic.tiers[0], CountOf(217, 1'200), CountOf(19, 100), third)
          .fires());
  EXPECT_FALSE(
      ReadTier(by_traffic, by_traffic.tiers[0], CountOf(216, 1'200), CountOf(19, 100), third)
          .fires());
}

TEST(BurnTier, LowTrafficNeedsEnoughBadEvents) {
  // L1: 99.9 %, ten requests an hour, one failure: a burn rate of 100.
  const SloSpec plain = SpecOf();
  EXPECT_TRUE(
      ReadTier(plain, plain.tiers[0], CountOf(1, 10), CountOf(1, 1), CountOf(1, 7200)).fires());
  EXPECT_DOUBLE_EQ(*BurnRate(CountOf(1, 10), plain.budget), 100);
  EXPECT_NEAR(1 - BudgetOf(CountOf(1, 7200), plain.budget).remaining_ratio, 0.1389, 1e-4);
  const SloSpec guarded =
      SpecOf("99.9", "30d",
             "{tiers: [{name: fast, severity: P0, long: 1h, short: 5m, budget: 2%, min_bad: 3}]}");
  EXPECT_FALSE(
      ReadTier(guarded, guarded.tiers[0], CountOf(2, 10), CountOf(1, 1), CountOf(2, 7200)).fires());
  EXPECT_TRUE(
      ReadTier(guarded, guarded.tiers[0], CountOf(3, 10), CountOf(1, 1), CountOf(3, 7200)).fires());
}

TEST(BurnTier, NoEventsAreNoErrors) {
  const SloSpec spec = SpecOf("99.9", "30d", "{preset: google-30d, comparator: '>='}");
  EXPECT_FALSE(ReadTier(spec, spec.tiers[0], CountOf(0, 0), CountOf(0, 0), CountOf(0, 0)).fires());
  EXPECT_EQ(BurnRate(CountOf(0, 0), spec.budget), std::nullopt);
  EXPECT_EQ(ErrorRatio(CountOf(0, 0)), std::nullopt);
}

TEST(BurnTier, AFiringTierHoldsWhileNobodyMeasures) {
  const SloSpec spec = SpecOf();
  const TierReading dark =
      ReadTier(spec, spec.tiers[0], CountOf(50, 100), CountOf(0, 0, 0), CountOf(50, 100));
  EXPECT_FALSE(dark.fires());
  EXPECT_TRUE(dark.holds());
  const TierReading quiet =
      ReadTier(spec, spec.tiers[0], CountOf(50, 100), CountOf(0, 0, 60'000), CountOf(50, 100));
  EXPECT_FALSE(quiet.holds());  // measured, and there was nothing
  const TierReading over =
      ReadTier(spec, spec.tiers[0], CountOf(0, 0), CountOf(0, 0, 0), CountOf(50, 100));
  EXPECT_FALSE(over.holds());
}

TEST(Budget, IsExactAndMayBeOverspent) {
  const Ratio b{1, 1000};
  const struct {
    int64_t bad, total;
    double allowed, remaining;
    bool exhausted;
  } cases[] = {{0, 0, 0, 1, false},    {0, 1000, 1, 1, false},
               {1, 1000, 1, 0, true},  {500, 1'000'000, 1000, 0.5, false},
               {3, 1000, 1, -2, true}, {1, 1001, 1.001, 1 - 1 / 1.001, false}};
  for (const auto& c : cases) {
    const Budget budget = BudgetOf(CountOf(c.bad, c.total), b);
    EXPECT_NEAR(budget.allowed_bad, c.allowed, 1e-12);
    EXPECT_NEAR(budget.remaining_ratio, c.remaining, 1e-12);
    EXPECT_EQ(budget.exhausted, c.exhausted) << c.bad << "/" << c.total;
  }
}

// Cumulative counts as functions of time.
class FormulaSource final : public CumulativeSource {
 public:
  using Formula = std::function<std::pair<double, double>(TimestampMs)>;
  explicit FormulaSource(Formula formula) : formula_(std::move(formula)) {}
  std::vector<SliLedger::Cumulative> At(std::span<const TimestampMs> edges) const override {
    std::vector<SliLedger::Cumulative> out;
    for (const TimestampMs edge : edges) {
      const auto [bad, total] = formula_(edge);
      out.push_back({edge, EventCount::FromDouble(bad), EventCount::FromDouble(total), 0});
    }
    return out;
  }

 private:
  Formula formula_;
};

TEST(Exhaustion, WaitsForTheBurstThatAgesOut) {
  // T1: 30 d at one a second and 99.9 % (2592 allowed); 2000 bad in a burst 29 d ago; now 0.6 %
  // bad.
  const TimestampMs now = kT0;
  const TimestampMs burst = now - 29 * base::kDay;
  const FormulaSource counts([&](TimestampMs t) {
    return std::pair{t >= burst ? 2000.0 : 0.0, double(t - (now - 40 * base::kDay)) / 1000};
  });
  const auto seconds =
      ForecastExhaustion(counts, {1, 1000}, now, 30 * base::kDay, {0.006 / 1000, 1.0 / 1000});
  ASSERT_TRUE(seconds.has_value());
  EXPECT_NEAR(*seconds / 3600, 120, 1e-6);  // not (2592 - 2000) / 0.006 s = 27.4 h
}

TEST(Exhaustion, OfAFlatBurnIsTheClosedForm) {
  // T2: 27 % left, all of it spent long ago evenly enough not to age out first; burn rate 6.
  const TimestampMs now = kT0;
  const FormulaSource counts([&](TimestampMs t) {
    return std::pair{t >= now - base::kDay ? 0.73 * 2592 : 0.0,
                     double(t - (now - 40 * base::kDay)) / 1000};
  });
  const auto seconds =
      ForecastExhaustion(counts, {1, 1000}, now, 30 * base::kDay, {0.006 / 1000, 1.0 / 1000});
  ASSERT_TRUE(seconds.has_value());
  EXPECT_NEAR(*seconds / 86400, 1.35, 1e-6);
}

TEST(Exhaustion, EqualsALinearSearch) {
  for (int variant = 0; variant < 6; ++variant) {
    // Bad events in waves, traffic in waves of another length.
    const FormulaSource counts([&](TimestampMs t) {
      const double s = double(t - (kT0 - 10 * base::kDay)) / 1000;
      const double total = 10 * s + 20000 * std::sin(s / 9000);
      return std::pair{0.0005 * total * (1 + 0.2 * variant) + 15 * std::sin(s / 20000), total};
    });
    const DurationMs period = base::kDay;
    const Pace pace{0.001 * (5 + 1.6 * variant) / 1000, 10.0 / 1000};
    const auto found = ForecastExhaustion(counts, {1, 1000}, kT0, period, pace);
    std::optional<double> wanted;
    for (DurationMs delta = 0; delta <= period && !wanted.has_value(); delta += 10'000) {
      const std::vector<TimestampMs> edges = {kT0 - period + delta, kT0};
      const auto at = counts.At(edges);
      const double bad = (at[1].bad - at[0].bad).ToDouble() + pace.bad_per_ms * double(delta);
      const double total =
          (at[1].total - at[0].total).ToDouble() + pace.total_per_ms * double(delta);
      if (bad >= 0.001 * total) wanted = double(delta) / 1000;
    }
    ASSERT_EQ(found.has_value(), wanted.has_value()) << variant;
    if (found.has_value()) {
      EXPECT_LE(*found, *wanted + 1e-6) << variant;
      EXPECT_GE(*found, *wanted - 10 - 1e-6) << variant;
    }
  }
}

TEST(Exhaustion, IsUnknownWithoutTrafficAndNeverBelowTheBudget) {
  const SloSpec spec = SpecOf("99.9", "1d", "{tiers: []}");
  SliLedger ledger(spec.sli, {});
  EXPECT_EQ(SecondsToExhaustion(ledger, spec.budget, kT0, spec.period_ms, base::kHour),
            std::nullopt);
  Traffic traffic(ledger);
  TimestampMs t = kT0;
  for (; t < kT0 + 3 * base::kHour; t += kStep) traffic.Step(t, 9999, 1);
  EXPECT_EQ(SecondsToExhaustion(ledger, spec.budget, t, spec.period_ms, base::kHour), std::nullopt);
  for (; t < kT0 + 3 * base::kHour + 600'000; t += kStep) traffic.Step(t, 9900, 100);
  const auto soon = SecondsToExhaustion(ledger, spec.budget, t, spec.period_ms, base::kHour);
  ASSERT_TRUE(soon.has_value());
  EXPECT_GT(*soon, 0);
  for (; t < kT0 + 4 * base::kHour; t += kStep) traffic.Step(t, 0, 10000);
  EXPECT_EQ(SecondsToExhaustion(ledger, spec.budget, t, spec.period_ms, base::kHour), 0);
}

}  // namespace
}  // namespace slowburn::slo
