// The law of the ledger, case by case; the same law over random series is in ledger_model_test.cc.
#include "slo/sli_ledger.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/slo/slo_fixtures.h"
#include "tests/testing/random.h"
#include "tsdb/sample.h"

namespace slowburn::slo {
namespace {

struct Arrived {
  TimestampMs t;
  double v;
  TimestampMs start = 0;
};

struct Case {
  const char* what;
  std::vector<Arrived> samples;  // seconds after kT0; in order of arrival
  double total;
  std::vector<std::pair<int64_t, double>> slices;  // slice after kT0 → count
  DurationMs late_window = base::kHour;
};

TEST(SliLedger, CountsEachIncreaseAtItsLaterSample) {
  const double stale = tsdb::StaleNaN();
  const double nan = std::nan("");
  const double infinity = HUGE_VAL;
  const Case cases[] = {
      {"the first sample counts nothing", {{5, 100}}, 0, {}},
      {"an increase", {{5, 100}, {20, 103}}, 3, {{1, 3}}},
      {"an increase of nothing", {{5, 100}, {20, 100}}, 0, {}},
      {"a reset counts the new value", {{5, 100}, {20, 7}}, 7, {{1, 7}}},
      {"a reset to zero", {{5, 100}, {20, 0}, {35, 4}}, 4, {{3, 4}}},
      {"a gap changes nothing", {{5, 100}, {50'000, 130}}, 30, {{4999, 30}}},
      {"a staleness marker ends nothing", {{5, 100}, {15, stale}, {35, 110}}, 10, {{3, 10}}},
      {"NaN and infinities are passed over",
       {{5, 100}, {15, nan}, {25, infinity}, {26, -infinity}, {35, 110}},
       10,
       {{3, 10}}},
      {"a negative value counts nothing", {{5, 100}, {15, -3}, {25, 2}}, 5, {{2, 5}}},
      {"a start in the last five minutes counts the first sample", {{305, 40, 5}}, 40, {{30, 40}}},
      {"an older one does not", {{306, 40, 5}}, 0, {}},
      {"nor one of the future", {{6, 40, 7}}, 0, {}},
      {"a start after the sample before is a reset", {{5, 100}, {25, 150, 10}}, 150, {{2, 150}}},
      {"a start before it is none", {{5, 100}, {25, 150, 5}}, 50, {{2, 50}}},
      {"a late sample goes to its own slice",
       {{5, 100}, {45, 140}, {25, 110}},
       40,
       {{2, 10}, {4, 30}}},
      {"a late sample can show a reset", {{5, 100}, {45, 140}, {25, 10}}, 140, {{2, 10}, {4, 130}}},
      {"a late sample can hide one",
       {{5, 100}, {15, 20}, {45, 30}, {25, 25}},
       30,
       {{1, 20}, {2, 5}, {4, 5}}},
      {"a late first sample", {{25, 100}, {5, 70}}, 30, {{2, 30}}},
      {"a late first sample with a start", {{25, 100, 5}, {15, 70, 5}}, 100, {{1, 70}, {2, 30}}},
      {"a repeated sample",
       {{5, 100}, {15, 110}, {15, 110}, {5, 100}, {25, 115}},
       15,
       {{1, 10}, {2, 5}}},
      {"a repeated sample without a late window",
       {{5, 100}, {15, 110}, {15, 110}, {25, 115}},
       15,
       {{1, 10}, {2, 5}},
       0},
      {"fractions", {{5, 0.25}, {15, 0.5}, {25, 0.75}}, 0.5, {{1, 0.25}, {2, 0.25}}},
      {"whole numbers up to 2^53",
       {{5, 0}, {15, 9007199254740991.0}},
       9007199254740991.0,
       {{1, 9007199254740991.0}}},
      {"times that no calendar has are passed over", {{5, 100}, {int64_t{1} << 60, 110}}, 0, {}},
  };
  for (const Case& c : cases) {
    SliLedger ledger(SpecOf().sli, {.late_window_ms = c.late_window});
    const tsdb::Labels labels{{"__name__", "requests_total"}, {"code", "500"}};
    SliLedger::Track* track = ledger.TrackOf(tsdb::SeriesRef(1), labels,
                                             ledger.sli().RolesOf(labels), SliLedger::Origin::kNew);
    for (const Arrived& s : c.samples) {
      const TimestampMs t = s.t > (int64_t{1} << 50) ? s.t : kT0 + s.t * 1000;
      const SliLedger::Arrival arrival{
          track, {t, s.v, s.start == 0 ? 0 : kT0 + s.start * 1000}, true};
      ledger.Add({&arrival, 1});
    }
    const WindowCount all = ledger.Window(kT0 + 60'000'000, 61'000'000);
    EXPECT_EQ(all.total, EventCount::FromDouble(c.total)) << c.what;
    EXPECT_EQ(all.bad, all.total) << c.what;  // this series is in both selectors
    for (const auto& [slice, count] : c.slices) {
      EXPECT_EQ(ledger.Window(kT0 + (slice + 1) * 10'000, 10'000).total,
                EventCount::FromDouble(count))
          << c.what << ", slice " << slice;
    }
    EXPECT_FALSE(ledger.TakeRebuildWanted()) << c.what;
  }
}

TEST(SliLedger, ASampleThatCannotBePlacedAsksForARecount) {
  SliLedger ledger(SpecOf().sli, {.late_window_ms = 60'000});
  Traffic traffic(ledger);
  for (int i = 0; i < 20; ++i) traffic.Step(kT0 + i * 10'000, 10, 1);
  traffic.Step(kT0 + 145'001, 10, 1);  // within the window
  EXPECT_FALSE(ledger.TakeRebuildWanted());
  traffic.Step(kT0 + 95'000, 10, 1);
  EXPECT_TRUE(ledger.TakeRebuildWanted());
  EXPECT_FALSE(ledger.TakeRebuildWanted());
}

TEST(SliLedger, AReferenceCanComeToNameAnotherSeries) {
  using Origin = SliLedger::Origin;
  SliLedger ledger(SpecOf().sli, {});
  const tsdb::Labels first{{"__name__", "requests_total"}, {"code", "200"}};
  const tsdb::Labels second{{"__name__", "requests_total"}, {"code", "201"}};
  SliLedger::Track* track = ledger.TrackOf(tsdb::SeriesRef(1), first, Sli::kTotal, Origin::kNew);
  const auto add = [&](TimestampMs t, double v) {
    const SliLedger::Arrival arrival{track, {t, v, 0}, true};
    ledger.Add({&arrival, 1});
  };
  add(kT0, 100), add(kT0 + 10'000, 110);
  // Asked again by another tap: nothing changes.
  EXPECT_EQ(ledger.TrackOf(tsdb::SeriesRef(1), first, Sli::kTotal, Origin::kStored), track);
  add(kT0 + 20'000, 120);
  EXPECT_EQ(ledger.Window(kT0 + base::kHour, 2 * base::kHour).total, EventCount::FromInt(20));
  // Dropped and made again: its first sample counts nothing.
  EXPECT_EQ(ledger.TrackOf(tsdb::SeriesRef(1), second, Sli::kTotal, Origin::kNew), track);
  EXPECT_EQ(ledger.TrackOf(tsdb::SeriesRef(1), first, Sli::kTotal, Origin::kRead), nullptr);
  add(kT0 + 30'000, 500), add(kT0 + 40'000, 501);
  EXPECT_EQ(ledger.Window(kT0 + base::kHour, 2 * base::kHour).total, EventCount::FromInt(21));
}

TEST(SliLedger, GoodOverTotalIsTotalMinusGood) {
  SloFiles files;
  LoadSloText(
      "kind: SLO\nname: a\nservice: b\nsli: {events: {good: 'requests_total{code=\"500\"}', total: "
      "requests_total}}\n"
      "objective: {target: 99, period: 1d}\n",
      "f", files);
  SliLedger ledger(files.specs.at(0).sli, {});
  Traffic traffic(ledger);
  traffic.Step(kT0, 0, 0);
  traffic.Step(kT0 + 10'000, 30, 70);
  const WindowCount window = ledger.Window(kT0 + 10'000, base::kHour);
  EXPECT_EQ(window.total, EventCount::FromInt(100));
  EXPECT_EQ(window.bad, EventCount::FromInt(30));
  EXPECT_FALSE(window.inconsistent);
}

TEST(SliLedger, MoreBadThanTotalIsClampedAndTold) {
  SloFiles files;
  LoadSloText(
      "kind: SLO\nname: a\nservice: b\nsli: {events: {bad: 'requests_total{code=\"500\"}', total: "
      "'requests_total{code=\"200\"}'}}\n"
      "objective: {target: 99, period: 1d}\n",
      "f", files);
  SliLedger ledger(files.specs.at(0).sli, {});
  Traffic traffic(ledger);
  traffic.Step(kT0, 0, 0);
  traffic.Step(kT0 + 10'000, 5, 9);
  const WindowCount window = ledger.Window(kT0 + 10'000, base::kHour);
  EXPECT_EQ(window.total, EventCount::FromInt(5));
  EXPECT_EQ(window.bad, EventCount::FromInt(5));
  EXPECT_TRUE(window.inconsistent);
}

TEST(SliLedger, CoverageIsWhereSomebodyMeasured) {
  SliLedger ledger(SpecOf().sli, {});
  Traffic traffic(ledger);
  traffic.Step(kT0 + 10'000, 1, 0);
  EXPECT_EQ(ledger.Window(kT0 + base::kHour, base::kHour).covered_ms, 10'000);
  traffic.Step(kT0 + 70'000, 1, 0);  // a minute between two scrapes is no hole
  EXPECT_EQ(ledger.Window(kT0 + base::kHour, base::kHour).covered_ms, 70'000);
  traffic.Step(kT0 + 1'270'000, 1, 0);  // twenty are, but for the last five
  EXPECT_EQ(ledger.Window(kT0 + base::kHour, base::kHour).covered_ms, 370'000);
  EXPECT_EQ(ledger.CoveredUntil(), kT0 + 1'270'000);
}

TEST(SliLedger, WindowsEndWithTheSliceOfTheirEnd) {
  SliLedger ledger(SpecOf().sli, {});
  Traffic traffic(ledger);
  for (int i = 0; i <= 60; ++i) traffic.Step(kT0 + i * 10'000, 10, 0);
  const WindowCount on_grid = ledger.Window(kT0 + 300'000, 100'000);
  EXPECT_EQ(on_grid.from, kT0 + 200'000);
  EXPECT_EQ(on_grid.to, kT0 + 300'000);
  EXPECT_EQ(on_grid.total, EventCount::FromInt(100));
  const WindowCount between = ledger.Window(kT0 + 300'001, 100'000);
  EXPECT_EQ(between.from, kT0 + 210'000);
  EXPECT_EQ(between.to, kT0 + 310'000);
}

}  // namespace
}  // namespace slowburn::slo
