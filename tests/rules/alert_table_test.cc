#include "rules/alert_table.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rules/limits.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::rules {
namespace {

using testing::IsCode;

AlertFinding Finding(const std::string& x, double value = 1) {
  return {tsdb::Labels{{"alertname", "A"}, {"x", x}}, {}, value};
}

// One letter a round: '.' not found, 'x' found. Expected: P pending, F firing, R inactive and kept,
// - none.
struct Timeline {
  const char* name;
  DurationMs hold, keep;  // in rounds of a minute
  const char* found;
  const char* states;
};

TEST(AlertTable, Timelines) {
  const Timeline cases[] = {
      {"no for fires at once", 0, 0, "x.x", "FRF"},
      {"for counts from the first sight", 2, 0, "xxxx.", "PPFFR"},
      {"a gap begins anew", 2, 0, "xx.xxx", "PP-PPF"},
      {"pending that vanishes leaves nothing", 3, 0, "x..", "P--"},
      {"keep_firing_for holds", 0, 2, "x....", "FFFRR"},
      {"seen again while kept resets the clock", 0, 2, "x.x...", "FFFFFR"},
      {"flapping fires anew", 0, 0, "x.x.x", "FRFRF"},
      {"flapping with for", 1, 0, "xx.xx.", "PFRPFR"},
      {"keep_firing_for does not help pending", 2, 5, "x.", "P-"},
      {"resolved is forgotten after 15 minutes", 0, 0, "x.................", "FRRRRRRRRRRRRRRRR-"},
  };
  for (const Timeline& c : cases) {
    SCOPED_TRACE(c.name);
    AlertTable table;
    std::string states;
    for (size_t i = 0; c.found[i] != '\0'; ++i) {
      std::vector<AlertFinding> findings;
      if (c.found[i] == 'x') findings.push_back(Finding("1"));
      ASSERT_OK(table.Update(static_cast<TimestampMs>(i) * base::kMinute,
                             {c.hold * base::kMinute, c.keep * base::kMinute, 0},
                             std::move(findings)));
      if (table.all().empty()) {
        states += '-';
      } else {
        const AlertState s = table.all().begin()->second.state;
        states += s == AlertState::kPending ? 'P' : s == AlertState::kFiring ? 'F' : 'R';
      }
    }
    EXPECT_EQ(states, c.states);
  }
}

TEST(AlertTable, TimesAreOfTheirMoments) {
  AlertTable table;
  const AlertTiming timing{2000, 0, 0};
  ASSERT_OK(table.Update(1000, timing, {Finding("1", 5)}));
  ASSERT_OK(table.Update(3000, timing, {Finding("1", 6)}));
  const ActiveAlert& a = table.all().begin()->second;
  EXPECT_EQ(a.active_at, 1000);
  EXPECT_EQ(a.fired_at, 3000);
  EXPECT_EQ(a.value, 6);
  ASSERT_OK(table.Update(4000, timing, {}));
  EXPECT_EQ(a.resolved_at, 4000);
  EXPECT_EQ(a.fired_at, 3000);
  ASSERT_OK(table.Update(5000, timing, {Finding("1")}));
  EXPECT_EQ(a.active_at, 5000);
  EXPECT_FALSE(a.fired_at || a.resolved_at || a.last_sent_at);
}

TEST(AlertTable, ALongerForTakesFiringBack) {
  AlertTable table;
  ASSERT_OK(table.Update(0, {0, 0, 0}, {Finding("1")}));
  EXPECT_EQ(table.State(), AlertState::kFiring);
  ASSERT_OK(table.Update(1000, {5000, 0, 0}, {Finding("1")}));
  EXPECT_EQ(table.State(), AlertState::kPending);
  ASSERT_OK(table.Update(5000, {5000, 0, 0}, {Finding("1")}));
  EXPECT_EQ(table.State(), AlertState::kFiring);
}

TEST(AlertTable, DuplicatesFailAndChangeNothing) {
  AlertTable table;
  ASSERT_OK(table.Update(0, {0, 0, 0}, {Finding("1", 7)}));
  EXPECT_THAT(table.Update(1000, {0, 0, 0}, {Finding("2"), Finding("2")}),
              IsCode(absl::StatusCode::kFailedPrecondition,
                     "vector contains metrics with the same labelset after applying alert labels"));
  ASSERT_EQ(table.all().size(), 1u);
  EXPECT_EQ(table.all().begin()->second.value, 7);
}

TEST(AlertTable, TheLimitIsOfActiveAlerts) {
  AlertTable table;
  ASSERT_OK(table.Update(0, {0, 0, 2}, {Finding("1"), Finding("2")}));
  EXPECT_THAT(table.Update(1000, {0, 0, 2}, {Finding("1"), Finding("2"), Finding("3")}),
              IsCode(absl::StatusCode::kResourceExhausted, "exceeded limit of 2 with 3 alerts"));
  EXPECT_TRUE(table.all().empty());
  ASSERT_OK(table.Update(2000, {0, 0, 1}, {Finding("1")}));
  // A resolved one does not count.
  ASSERT_OK(table.Update(3000, {0, 0, 1}, {Finding("2")}));
}

TEST(AlertTable, SendsOnFireThenEachDelayThenTheEnd) {
  AlertTable table;
  std::string sent;
  for (int i = 0; i < 12; ++i) {
    const TimestampMs ts = i * 30 * base::kSecond;
    std::vector<AlertFinding> findings;
    if (i < 7) findings.push_back(Finding("1"));
    ASSERT_OK(table.Update(ts, {30 * base::kSecond, 0, 0}, std::move(findings)));
    const auto due = table.Due(ts, base::kMinute);
    sent += due.empty() ? '.' : due[0]->state == AlertState::kFiring ? 'F' : 'R';
    std::vector<tsdb::Labels> labels;
    for (const ActiveAlert* a : due) labels.push_back(a->labels);
    table.MarkSent(labels, ts);
  }
  // Pending at 0; sent when more than a minute has passed since the last time, as Prometheus does.
  EXPECT_EQ(sent, ".F..F..R..R.");
}

TEST(AlertTable, WhatWasNotSentIsDueAgain) {
  AlertTable table;
  ASSERT_OK(table.Update(0, {0, 0, 0}, {Finding("1")}));
  EXPECT_EQ(table.Due(0, base::kMinute).size(), 1u);
  ASSERT_OK(table.Update(1000, {0, 0, 0}, {Finding("1")}));
  EXPECT_EQ(table.Due(1000, base::kMinute).size(), 1u);
}

}  // namespace
}  // namespace slowburn::rules
