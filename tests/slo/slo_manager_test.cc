// The whole engine on a fake clock: samples into the store, evaluations by the executor, alerts
// into a sink.
#include "slo/slo_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "slo/burn_alerts.h"
#include "tests/slo/pool_fixtures.h"

namespace slowburn::slo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsCode;
using ::testing::IsEmpty;

constexpr DurationMs kStep = 10 * base::kSecond;

// A shop of 10 000 requests in ten seconds.
class Shop {
 public:
  explicit Shop(World& world) : world_(world) {}

  // Samples every ten seconds up to and with `until`, `bad` of 10 000 failing; the clock goes
  // along.
  void Serve(TimestampMs until, int64_t bad) {
    for (; next_ <= until; next_ += kStep) {
      good_ += double(10'000 - bad);
      bad_ += double(bad);
      Commit(world_.storage, {{Requests("200"), next_, good_}, {Requests("500"), next_, bad_}});
      world_.executor.AdvanceTo(next_);
      world_.executor.RunPosted();
    }
  }
  // As Serve, without telling the clock: history that was there before.
  void Backfill(TimestampMs from, TimestampMs until) {
    for (next_ = from; next_ <= until; next_ += kStep) {
      good_ += 10'000;
      Commit(world_.storage, {{Requests("200"), next_, good_}, {Requests("500"), next_, bad_}});
    }
  }
  // Nobody scrapes until then.
  void Pause(TimestampMs until) {
    world_.executor.AdvanceTo(until);
    world_.executor.RunPosted();
    next_ = until + kStep;
  }
  TimestampMs next() const { return next_; }

 private:
  World& world_;
  TimestampMs next_ = kT0;
  double good_ = 0, bad_ = 0;
};

std::vector<std::string> Firing(const SloManager& manager,
                                const std::string& id = "checkout-availability") {
  std::vector<std::string> tiers;
  const auto status = manager.Status(id, std::nullopt);
  EXPECT_OK(status);
  for (const AlertStatus& alert : status->alerts) {
    if (alert.firing) tiers.push_back(alert.tier->name);
  }
  return tiers;
}

const rules::Alert* LastOf(const RecordingSink& sink, const std::string& tier) {
  for (size_t i = sink.alerts.size(); i-- > 0;) {
    if (LabelOf(sink.alerts[i], "tier") == tier) return &sink.alerts[i];
  }
  return nullptr;
}

struct Vector {
  const char* id;
  int64_t bad;
  // First evaluation after the exact time, from the start of the fault; 0: never.
  DurationMs fires[4];
};

class SloVector : public ::testing::TestWithParam<Vector> {};

// D1, D3 and D8, through store, tap, executor and sink.
TEST_P(SloVector, PagesAtTheFirstEvaluationAfterItsExactTime) {
  const Vector& vector = GetParam();
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf()});
  const SloSpec spec = SpecOf();
  DurationMs last = 0;
  for (const DurationMs at : vector.fires) last = std::max(last, at);
  shop.Serve(kT0 + last + base::kMinute, vector.bad);
  for (size_t i = 0; i < 4; ++i) {
    const std::string& tier = spec.tiers[i].name;
    const rules::Alert* alert = LastOf(world.sink, tier);
    if (vector.fires[i] == 0) {
      EXPECT_EQ(alert, nullptr) << tier;
      continue;
    }
    ASSERT_NE(alert, nullptr) << tier;
    EXPECT_EQ(alert->starts_at - kT0, vector.fires[i]) << tier;
    EXPECT_EQ(LabelOf(*alert, "severity"), spec.tiers[i].severity);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Vectors, SloVector,
    ::testing::Values(Vector{"D1", 10'000, {60'000, 130'000, 260'000, 260'000}},
                      Vector{"D3", 1'000, {520'000, 1'300'000, 2'600'000, 2'600'000}},
                      Vector{"D8", 100, {0, 12'970'000, 25'930'000, 25'930'000}}),
    [](const auto& vector) { return std::string(vector.param.id); });

TEST(SloManager, AlertsCarryTheirLabelsAndNumbers) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  SloSpec spec = SpecOf("99.9", "30d", "{preset: google-30d}", "availability",
                        "description: What for.\nannotations: {runbook_url: there}\n");
  spec.labels.emplace_back("tier", "1");
  world.Start({spec});
  shop.Serve(kT0 + 60'000, 10'000);
  ASSERT_EQ(world.sink.alerts.size(), 1u);
  const rules::Alert& alert = world.sink.alerts[0];
  EXPECT_EQ(alert.labels, (rules::LabelPairs{{"alertname", "ErrorBudgetBurn"},
                                             {"exported_tier", "1"},
                                             {"long", "1h"},
                                             {"service", "checkout"},
                                             {"severity", "P0"},
                                             {"short", "5m"},
                                             {"slo", "availability"},
                                             {"team", "pay"},
                                             {"tier", "fast"}}));
  EXPECT_EQ(alert.starts_at, kT0 + 60'000);
  EXPECT_EQ(alert.ends_at, kT0 + 60'000 + kFiringHorizon);
  EXPECT_EQ(alert.generator_url, "http://slowburn/api/slo/v1/slos/checkout-availability");
  ASSERT_EQ(alert.annotations.size(), 3u);
  EXPECT_EQ(alert.annotations[0].first, "description");
  EXPECT_THAT(alert.annotations[0].second, HasSubstr("60000 of 3600000 events were bad (1.66667%"));
  EXPECT_THAT(alert.annotations[0].second, HasSubstr("fires above 1.44% (factor 14.4)"));
  EXPECT_THAT(alert.annotations[0].second, HasSubstr("What for."));
  EXPECT_EQ(alert.annotations[1], (std::pair<std::string, std::string>("runbook_url", "there")));
  EXPECT_THAT(alert.annotations[2].second,
              HasSubstr("checkout/availability burns its error budget 16.67 times as fast as it "
                        "may (1h), 200 times"));
}

TEST(SloManager, FiringIsSentEveryMinuteAndResolvedForAQuarterOfAnHour) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf("99.9", "30d",
                      "{tiers: [{name: fast, severity: P0, long: 1h, short: 5m, budget: 2%}]}")});
  shop.Serve(kT0 + 60'000, 10'000);
  EXPECT_EQ(world.sink.sends, 1);
  shop.Serve(kT0 + 175'000, 0);
  EXPECT_EQ(world.sink.sends, 2);
  EXPECT_EQ(world.sink.alerts.back().ends_at, kT0 + 120'000 + kFiringHorizon);
  // I2: silent again after 5:55.68, i.e. at the evaluation of 6:00.
  shop.Serve(kT0 + 355'000, 0);
  EXPECT_THAT(Firing(*world.manager), ElementsAre("fast"));
  world.sink.alerts.clear();
  shop.Serve(kT0 + 360'000, 0);
  EXPECT_THAT(Firing(*world.manager), IsEmpty());
  ASSERT_EQ(world.sink.alerts.size(), 1u);
  EXPECT_EQ(world.sink.alerts[0].starts_at, kT0 + 60'000);
  EXPECT_EQ(world.sink.alerts[0].ends_at, kT0 + 360'000);
  shop.Serve(kT0 + 360'000 + 20 * base::kMinute, 0);
  EXPECT_EQ(world.sink.alerts.size(), 16u);  // at once, and after each of 15 minutes
  for (const rules::Alert& alert : world.sink.alerts) EXPECT_EQ(alert.ends_at, kT0 + 360'000);
  const auto status = world.manager->Status("checkout-availability", std::nullopt);
  EXPECT_EQ(status->alerts[0].since, kT0 + 360'000);
}

TEST(SloManager, WhatTheSinkRefusesIsSentAtTheNextEvaluation) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf()});
  world.sink.fail = true;
  shop.Serve(kT0 + 60'000, 10'000);
  EXPECT_THAT(world.sink.alerts, IsEmpty());
  world.sink.fail = false;
  shop.Serve(kT0 + 70'000, 10'000);
  ASSERT_EQ(world.sink.alerts.size(), 1u);
  EXPECT_EQ(world.sink.alerts[0].starts_at, kT0 + 60'000);
}

TEST(SloManager, AFullDiskDoesNotSilenceAPage) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf()});
  world.state.FailAfter(0);
  shop.Serve(kT0 + 60'000, 10'000);
  EXPECT_EQ(world.sink.alerts.size(), 1u);
  world.state.FailAfter(-1);
  shop.Serve(kT0 + 70'000, 10'000);
  world.Kill();
  world.Start({SpecOf()});
  EXPECT_THAT(Firing(*world.manager), ElementsAre("fast"));  // written when it could be
}

TEST(SloManager, AKillChangesNothingButAGap) {
  for (const bool kill : {true, false}) {
    World world;
    Shop shop(world);
    shop.Backfill(kT0 - 73 * base::kHour, kT0);
    world.Start({SpecOf()});
    shop.Serve(kT0 + 100'000, 10'000);
    EXPECT_THAT(Firing(*world.manager), ElementsAre("fast"));
    const SloStatus before = *world.manager->Status("checkout-availability", std::nullopt);
    kill ? world.Kill() : world.StopCleanly();
    world.sink.alerts.clear();
    world.Start({SpecOf()});
    const SloStatus after = *world.manager->Status("checkout-availability", std::nullopt);
    EXPECT_EQ(after.period.total, before.period.total);
    EXPECT_EQ(after.period.bad, before.period.bad);
    EXPECT_EQ(after.burn_rates, before.burn_rates);
    EXPECT_EQ(after.coverage, before.coverage);
    EXPECT_THAT(Firing(*world.manager), ElementsAre("fast"));
    shop.Serve(kT0 + 120'000, 10'000);
    ASSERT_EQ(world.sink.alerts.size(), 1u);  // sent again, not begun again
    EXPECT_EQ(world.sink.alerts[0].starts_at, kT0 + 60'000);
    shop.Serve(kT0 + 130'000, 10'000);
    EXPECT_THAT(Firing(*world.manager), ElementsAre("fast", "medium"));
    EXPECT_EQ(LastOf(world.sink, "medium")->starts_at, kT0 + 130'000);
    // Killed again while a resolved alert is still being sent.
    shop.Serve(kT0 + 130'000 + 6 * base::kMinute, 0);
    EXPECT_THAT(Firing(*world.manager), ElementsAre("medium"));
    kill ? world.Kill() : world.StopCleanly();
    world.sink.alerts.clear();
    world.Start({SpecOf()});
    shop.Serve(shop.next(), 0);
    ASSERT_NE(LastOf(world.sink, "fast"), nullptr);
    EXPECT_LT(LastOf(world.sink, "fast")->ends_at, world.clock.Now());
  }
}

TEST(SloManager, AnSloThatIsAddedIsCountedFromTheStore) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({});
  shop.Serve(kT0 + 60'000, 10'000);
  EXPECT_THAT(world.sink.alerts, IsEmpty());
  ASSERT_OK(world.manager->ApplySpecs({SpecOf()}));
  EXPECT_FALSE(world.manager->Filled());
  EXPECT_TRUE(world.manager->Status("checkout-availability", std::nullopt)->filling);
  world.executor.RunPosted();
  EXPECT_TRUE(world.manager->Filled());
  const SloStatus status = *world.manager->Status("checkout-availability", std::nullopt);
  EXPECT_EQ(status.period.bad, EventCount::FromInt(60'000));
  // The first sample counts nothing.
  EXPECT_EQ(status.period.total, EventCount::FromInt(10'000 * (73 * 360 + 6)));
  EXPECT_NEAR(status.coverage, 73.0 / 720, 1e-3);
  shop.Serve(kT0 + 70'000, 10'000);
  EXPECT_THAT(Firing(*world.manager), ElementsAre("fast"));
}

TEST(SloManager, EditsOfTargetsAndLabelsRecountNothing) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf()});
  shop.Serve(kT0 + 60'000, 10'000);
  world.sink.alerts.clear();
  // A stricter target: nothing changes for the page that burns.
  SloSpec edited = SpecOf("99.95");
  edited.description = "New words.";
  ASSERT_OK(world.manager->ApplySpecs({edited}));
  EXPECT_TRUE(world.manager->Filled());
  shop.Serve(kT0 + 120'000, 10'000);
  ASSERT_NE(LastOf(world.sink, "fast"), nullptr);
  EXPECT_EQ(LastOf(world.sink, "fast")->starts_at, kT0 + 60'000);
  for (const rules::Alert& alert : world.sink.alerts) EXPECT_GT(alert.ends_at, world.clock.Now());
  // Another label is another alert: the old one ends, the new one keeps the start.
  world.sink.alerts.clear();
  edited.labels = {{"team", "checkout"}};
  ASSERT_OK(world.manager->ApplySpecs({edited}));
  shop.Serve(kT0 + 130'000, 10'000);
  int ended = 0, begun = 0;
  for (const rules::Alert& alert : world.sink.alerts) {
    if (LabelOf(alert, "tier") != "fast") continue;
    EXPECT_EQ(alert.starts_at, kT0 + 60'000);
    const bool is_old = LabelOf(alert, "team") == "pay";
    ++(is_old ? ended : begun);
    if (is_old) {
      EXPECT_EQ(alert.ends_at, kT0 + 130'000);
    } else {
      EXPECT_GT(alert.ends_at, kT0 + 130'000);
    }
  }
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(begun, 1);
}

TEST(SloManager, AnEditedSliIsJudgedByTheOldLedgerUntilTheNewOneIsFull) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf()});
  shop.Serve(kT0 + 60'000, 10'000);
  SloSpec edited = SpecOf();
  edited.sli.part = {tsdb::Matcher::Equal("__name__", "requests_total"),
                     tsdb::Matcher::Equal("code", "404")};
  ASSERT_OK(world.manager->ApplySpecs({edited}));
  const SloStatus during = *world.manager->Status("checkout-availability", std::nullopt);
  EXPECT_TRUE(during.filling);
  EXPECT_EQ(during.period.bad, EventCount::FromInt(60'000));
  EXPECT_THAT(Firing(*world.manager), ElementsAre("fast"));
  world.executor.RunPosted();
  const SloStatus after = *world.manager->Status("checkout-availability", std::nullopt);
  EXPECT_FALSE(after.filling);
  EXPECT_EQ(after.period.bad, EventCount());
  EXPECT_EQ(after.period.total, during.period.total);
  shop.Serve(kT0 + 70'000, 10'000);
  EXPECT_THAT(Firing(*world.manager), IsEmpty());  // by the new numbers
}

TEST(SloManager, ARemovedSloOrTierResolves) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf()});
  shop.Serve(kT0 + 140'000, 10'000);
  EXPECT_THAT(Firing(*world.manager), ElementsAre("fast", "medium"));
  ASSERT_OK(world.manager->ApplySpecs({SpecOf(
      "99.9", "30d", "{tiers: [{name: fast, severity: P0, long: 1h, short: 5m, budget: 2%}]}")}));
  world.sink.alerts.clear();
  shop.Serve(kT0 + 150'000, 10'000);
  ASSERT_NE(LastOf(world.sink, "medium"), nullptr);
  EXPECT_LE(LastOf(world.sink, "medium")->ends_at, world.clock.Now());
  ASSERT_OK(world.manager->ApplySpecs({}));
  world.sink.alerts.clear();
  shop.Serve(kT0 + 160'000, 10'000);
  ASSERT_NE(LastOf(world.sink, "fast"), nullptr);
  EXPECT_LE(LastOf(world.sink, "fast")->ends_at, world.clock.Now());
  EXPECT_THAT(
      world.manager->Status("checkout-availability", std::nullopt),
      IsCode(absl::StatusCode::kNotFound, "there is no SLO with the id \"checkout-availability\""));
}

TEST(SloManager, AnOutageOfMeasuringDoesNotResolveAPageAtOnce) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf("99.9", "30d",
                      "{tiers: [{name: fast, severity: P0, long: 1h, short: 5m, budget: 2%}]}")});
  shop.Serve(kT0 + 120'000, 10'000);
  shop.Pause(kT0 + 40 * base::kMinute);
  EXPECT_THAT(Firing(*world.manager), ElementsAre("fast"));
  shop.Serve(kT0 + 41 * base::kMinute, 0);  // measured again, and clean
  EXPECT_THAT(Firing(*world.manager), IsEmpty());
}

TEST(SloManager, StatesFollowTheBudget) {
  World world;
  world.Start({SpecOf("99", "1h", "{tiers: []}")});
  Shop shop(world);
  const auto state = [&] {
    return world.manager->Status("checkout-availability", std::nullopt)->state;
  };
  EXPECT_EQ(state(), SloState::kNoData);
  shop.Serve(kT0 + 10 * base::kMinute, 0);
  EXPECT_EQ(state(), SloState::kOk);
  shop.Serve(kT0 + 11 * base::kMinute, 10'000);
  EXPECT_EQ(state(), SloState::kExhausted);
  const SloStatus status = *world.manager->Status("checkout-availability", std::nullopt);
  EXPECT_EQ(status.seconds_to_exhaustion, 0);
  EXPECT_NEAR(status.budget.allowed_bad, 10'000 * 66 * 0.01, 1e-9);
  EXPECT_NEAR(status.budget.remaining_ratio, 1 - 60'000 / 6'600.0, 1e-12);
  world.StopCleanly();
  world.Start({SpecOf("90", "1h")});  // fast tier: floor of 1, 10 % of errors
  shop.Serve(kT0 + 12 * base::kMinute, 900);
  shop.Serve(kT0 + 13 * base::kMinute, 10'000);
  EXPECT_EQ(state(), SloState::kExhausted);
}

TEST(SloManager, ThePastIsToldFromTheLedger) {
  World world;
  Shop shop(world);
  shop.Backfill(kT0 - 73 * base::kHour, kT0);
  world.Start({SpecOf()});
  shop.Serve(kT0 + 600'000, 10'000);
  shop.Serve(kT0 + 3 * base::kHour, 0);
  const auto at = [&](DurationMs after) {
    return *world.manager->Status("checkout-availability", kT0 + after);
  };
  EXPECT_EQ(at(50'000).period.bad, EventCount::FromInt(50'000));
  EXPECT_EQ(at(50'000).state, SloState::kOk);
  EXPECT_FALSE(at(50'000).alerts[0].firing);
  EXPECT_EQ(at(60'000).state, SloState::kBurning);
  EXPECT_EQ(at(600'000).alerts[0].since, kT0 + 60'000);
  EXPECT_EQ(at(600'000).alerts[1].since, kT0 + 130'000);
  EXPECT_TRUE(at(890'000).alerts[0].firing);  // I4: until 14:56
  EXPECT_FALSE(at(900'000).alerts[0].firing);
  EXPECT_EQ(at(-73 * base::kHour - base::kDay).state, SloState::kNoData);

  ASSERT_OK_AND_ASSIGN(const SloHistory history,
                       world.manager->History("checkout-availability", kT0 - base::kHour,
                                              kT0 + base::kHour, base::kHour));
  EXPECT_THAT(history.times, ElementsAre(kT0 - base::kHour, kT0, kT0 + base::kHour));
  EXPECT_THAT(history.bad, ElementsAre(EventCount(), EventCount(), EventCount::FromInt(600'000)));
  EXPECT_EQ(history.good[2], EventCount::FromInt(3'000'000));
  EXPECT_EQ(history.remaining_ratio[1], 1);
  EXPECT_LT(*history.remaining_ratio[2], 0);
  EXPECT_NEAR(*history.burn_rate[2], 1000.0 / 6, 1e-9);
  EXPECT_EQ(history.burn_window, base::kHour);
}

TEST(SloManager, HistoriesHaveLimits) {
  World world;
  world.Start({SpecOf()});
  const auto history = [&](DurationMs length, DurationMs step) {
    return world.manager->History("checkout-availability", kT0, kT0 + length, step);
  };
  EXPECT_EQ(history(10'999 * kStep, kStep)->times.size(), 11'000u);
  EXPECT_THAT(history(11'000 * kStep, kStep),
              IsCode(absl::StatusCode::kInvalidArgument, "more than 11000 points"));
  EXPECT_THAT(history(kStep, kStep - 1),
              IsCode(absl::StatusCode::kInvalidArgument, "wanted at least 10s"));
  EXPECT_THAT(history(-1, kStep),
              IsCode(absl::StatusCode::kInvalidArgument, "end is before start"));
  EXPECT_THAT(world.manager->History("x", kT0, kT0, kStep),
              IsCode(absl::StatusCode::kNotFound, "no SLO"));
}

TEST(SloManager, CoverageReachesOneWhileSamplesArrive) {
  World world;
  Shop shop(world);
  world.Start({SpecOf("99.9", "1h", "{tiers: []}")});
  shop.Serve(kT0 + 2 * base::kHour, 0);
  world.clock.Advance(7000);
  EXPECT_EQ(world.manager->Status("checkout-availability", std::nullopt)->coverage, 1);
  shop.Pause(kT0 + 2 * base::kHour + 30 * base::kMinute);
  EXPECT_NEAR(world.manager->Status("checkout-availability", std::nullopt)->coverage, 0.5, 1e-9);
}

TEST(SloManager, SlosOverOneSliShareALedger) {
  World world;
  Shop shop(world);
  world.Start({SpecOf(), SpecOf("99.5", "7d", "{preset: google-30d}", "weekly")});
  shop.Serve(kT0 + base::kHour, 5);
  const std::vector<SloStatus> all = world.manager->Statuses(std::nullopt);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].period.bad, all[1].period.bad);
  EXPECT_NE(all[0].budget.remaining_ratio, all[1].budget.remaining_ratio);
  EXPECT_EQ(
      base::AddGauge(world.registry, "slowburn_slo_ledgers", "Distinct SLIs that are counted.")
          .Value(),
      1);
}

}  // namespace
}  // namespace slowburn::slo
