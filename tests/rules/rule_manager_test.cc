#include "rules/rule_manager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/rules/rules_world.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::rules {
namespace {

using testing::IsCode;
using Strings = std::vector<std::string>;

constexpr char kDown[] = R"(
groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: 3m
    labels: {severity: page}
    annotations: {summary: "{{ $labels.job }} is {{ $value }} in {{ $externalLabels.region }}"}
)";

const tsdb::Labels kUp{{"__name__", "up"}, {"job", "api"}};
const tsdb::Labels kAlert{{"alertname", "Down"}, {"job", "api"}, {"severity", "page"}};

tsdb::Labels Named(const char* name, const tsdb::Labels& labels, const char* state = nullptr) {
  tsdb::LabelsBuilder b(labels);
  b.Set("__name__", name);
  if (state != nullptr) b.Set("alertstate", state);
  return b.Build();
}

std::string Get(const LabelPairs& pairs, const std::string& name) {
  for (const auto& [n, v] : pairs) {
    if (n == name) return v;
  }
  return "";
}

TEST(RuleManager, RecordsAtItsSlots) {
  RulesWorld w;
  w.rules =
      "groups:\n- name: g\n  interval: 30s\n  rules:\n  - record: a:sum\n    expr: sum(a)\n    "
      "labels: {x: y, job: ''}\n";
  w.answers["sum(a)"] = [](TimestampMs t) {
    return std::vector<RulesWorld::Element>{
        {tsdb::Labels{{"__name__", "a"}, {"job", "j"}}, static_cast<double>(t % 7)}};
  };
  ASSERT_OK(w.Load());
  w.Tick(30'000);
  w.Tick(30'000);
  w.Tick(30'000);
  const Strings samples = w.Samples({{"__name__", "a:sum"}, {"x", "y"}});
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0].substr(samples[0].find('@')), "@0");
  EXPECT_EQ(samples[2].substr(samples[2].find('@')), "@60");
  ASSERT_EQ(w.queried.size(), 3u);
  EXPECT_EQ(w.queried[1] - w.queried[0], 30'000);
  EXPECT_EQ(w.Metric("prometheus_rule_evaluations_total{rule_group=\"rules.yml;g\"}"), "3");
  EXPECT_EQ(w.Metric("prometheus_rule_group_last_evaluation_samples{rule_group=\"rules.yml;g\"}"),
            "1");
}

TEST(RuleManager, GroupsSpreadOverTheInterval) {
  const TimestampMs now = RulesWorld::kStart;
  std::set<TimestampMs> offsets;
  for (int i = 0; i < 50; ++i) {
    const TimestampMs slot = RuleManager::SlotBefore(absl::StrCat("f;g", i), base::kMinute, now);
    EXPECT_LE(slot, now);
    EXPECT_GT(slot, now - base::kMinute);
    EXPECT_EQ(RuleManager::SlotBefore(absl::StrCat("f;g", i), base::kMinute, slot), slot);
    offsets.insert(slot);
  }
  EXPECT_GT(offsets.size(), 40u);
}

TEST(RuleManager, LaterRulesSeeWhatEarlierOnesStored) {
  RulesWorld w;
  w.rules =
      "groups:\n- name: g\n  rules:\n  - record: a\n    expr: vector(1)\n  - record: b\n    expr: "
      "a\n";
  w.answers["vector(1)"] = RulesWorld::Always({{{}, 1}});
  w.answers["a"] = [&](TimestampMs t) {
    const bool there = !w.Samples({{"__name__", "a"}}).empty();
    return std::vector<RulesWorld::Element>{
        {tsdb::Labels{{"__name__", "a"}}, there ? static_cast<double>(t > 0) : 7}};
  };
  ASSERT_OK(w.Load());
  w.Tick();
  EXPECT_EQ(w.Samples({{"__name__", "b"}}), Strings{"1@0"});
}

TEST(RuleManager, SeriesThatVanishGoStale) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{{"l", "1"}}, 1}, {{{"l", "2"}}, 2}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.answers["x"] = RulesWorld::Always({{{{"l", "2"}}, 2}});
  w.Tick();
  w.Tick();
  EXPECT_EQ(w.Samples({{"__name__", "a"}, {"l", "1"}}), (Strings{"1@0", "stale@60"}));
  EXPECT_EQ(w.Samples({{"__name__", "a"}, {"l", "2"}}), (Strings{"2@0", "2@60", "2@120"}));
}

TEST(RuleManager, AFailedEvaluationStoresNothingAndMarksNothing) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  ASSERT_OK(w.Load());
  EXPECT_EQ(w.Only().health, RuleHealth::kUnknown);
  w.Tick();
  EXPECT_EQ(w.Only().health, RuleHealth::kOk);
  w.answers["x"] = [](TimestampMs) {
    return absl::DeadlineExceededError("query timed out in expression evaluation");
  };
  w.Tick();
  EXPECT_EQ(w.Only().health, RuleHealth::kError);
  EXPECT_EQ(w.Only().last_error, "query timed out in expression evaluation");
  EXPECT_EQ(w.Samples({{"__name__", "a"}}), Strings{"1@0"});
  EXPECT_EQ(w.Metric("prometheus_rule_evaluation_failures_total{rule_group=\"rules.yml;g\"}"), "1");
  w.answers["x"] = RulesWorld::Always({});
  w.Tick();
  EXPECT_EQ(w.Samples({{"__name__", "a"}}), (Strings{"1@0", "stale@120"}));
  EXPECT_EQ(w.Only().last_error, "");
}

TEST(RuleManager, LimitsAndDuplicatesFailARule) {
  RulesWorld w;
  w.rules =
      "groups:\n- name: g\n  limit: 1\n  rules:\n  - record: a\n    expr: x\n    labels: {l: "
      "same}\n";
  w.answers["x"] = RulesWorld::Always({{{{"l", "1"}}, 1}, {{{"l", "2"}}, 2}});
  ASSERT_OK(w.Load());
  w.Tick();
  EXPECT_EQ(w.Only().last_error,
            "vector contains metrics with the same labelset after applying rule labels");
  w.answers["x"] = RulesWorld::Always({{{{"k", "1"}}, 1}, {{{"k", "2"}}, 2}});
  w.Tick();
  EXPECT_EQ(w.Only().last_error, "exceeded limit of 1 with 2 series");
  EXPECT_TRUE(w.Samples({{"__name__", "a"}, {"l", "same"}}).empty());
}

TEST(RuleManager, TheOffsetMovesQueryAndSamples) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  query_offset: 10s\n  rules:\n  - record: a\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  ASSERT_OK(w.Load());
  w.Tick();
  EXPECT_EQ(w.queried.back(), w.origin - 10'000);
  EXPECT_EQ(w.Samples({{"__name__", "a"}}), Strings{"1@-10"});
}

TEST(RuleManager, ConflictingSamplesMakeARuleUnhealthy) {
  RulesWorld w;
  w.rules =
      "groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n  - record: a\n    expr: y\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  w.answers["y"] = RulesWorld::Always({{{}, 2}});
  ASSERT_OK(w.Load());
  w.Tick();
  const GroupStatus g = w.manager->Groups()[0];
  EXPECT_EQ(g.rules[0].health, RuleHealth::kOk);
  EXPECT_EQ(g.rules[1].health, RuleHealth::kError);
  EXPECT_EQ(g.rules[1].last_error, tsdb::Describe(tsdb::Rejection::kDuplicate));
  EXPECT_EQ(w.Metric("prometheus_rule_evaluation_failures_total{rule_group=\"rules.yml;g\"}"), "0");
}

TEST(RuleManager, AnAlertGoesItsWay) {
  RulesWorld w;
  w.rules = kDown;
  w.config.external_labels = tsdb::Labels{{"region", "eu"}, {"severity", "no"}};
  w.answers["up == 0"] = RulesWorld::Always({{kUp, 0}});
  ASSERT_OK(w.Load());
  for (int i = 0; i < 3; ++i) w.Tick();
  EXPECT_TRUE(w.sink.sent.empty());
  ASSERT_EQ(w.Only().alerts.size(), 1u);
  EXPECT_EQ(w.Only().alerts[0].state, AlertState::kPending);
  EXPECT_EQ(w.Only().alerts[0].labels, kAlert);
  w.Tick();  // 3 minutes after the first sight
  ASSERT_EQ(w.sink.sent.size(), 1u);
  const Alert fired = w.sink.sent[0];
  EXPECT_EQ(
      fired.labels,
      (LabelPairs{{"alertname", "Down"}, {"job", "api"}, {"region", "eu"}, {"severity", "page"}}));
  EXPECT_EQ(fired.annotations, (LabelPairs{{"summary", "api is 0 in eu"}}));
  EXPECT_EQ(fired.starts_at, w.origin + 3 * base::kMinute);
  EXPECT_EQ(fired.ends_at, w.origin + 7 * base::kMinute);
  EXPECT_EQ(fired.generator_url, "http://h/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
  w.answers["up == 0"] = RulesWorld::Always({});
  w.Tick();
  ASSERT_EQ(w.sink.sent.size(), 2u);
  EXPECT_EQ(w.sink.sent[1].ends_at, w.origin + 4 * base::kMinute);
  EXPECT_EQ(w.sink.sent[1].starts_at, fired.starts_at);
  EXPECT_TRUE(w.Only().alerts.empty());

  const std::string since = base::FormatFloat(static_cast<double>(w.origin / 1000));
  EXPECT_EQ(w.Samples(Named("ALERTS", kAlert, "pending")),
            (Strings{"1@0", "1@60", "1@120", "stale@180"}));
  EXPECT_EQ(w.Samples(Named("ALERTS", kAlert, "firing")), (Strings{"1@180", "stale@240"}));
  EXPECT_EQ(w.Samples(Named("ALERTS_FOR_STATE", kAlert)),
            (Strings{since + "@0", since + "@60", since + "@120", since + "@180", "stale@240"}));
}

TEST(RuleManager, ResolvedAlertsAreToldForFifteenMinutes) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.answers.clear();
  for (int i = 0; i < 30; ++i) w.Tick();
  EXPECT_EQ(w.sink.sent.front().ends_at, w.origin + 4 * base::kMinute);
  // Every other minute, because Prometheus waits for more than resend_delay.
  ASSERT_EQ(w.sink.sent.size(), 9u);
  for (size_t i = 1; i < w.sink.sent.size(); ++i)
    EXPECT_EQ(w.sink.sent[i].ends_at, w.origin + base::kMinute);
}

TEST(RuleManager, AFailingSinkGetsThemAgain) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  w.sink.failing = true;
  ASSERT_OK(w.Load());
  w.Tick();
  w.sink.failing = false;
  w.Tick();
  EXPECT_EQ(w.sink.sent.size(), 1u);
}

TEST(RuleManager, RelabellingMayDropAlerts) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{{"l", "1"}}, 1}, {{{"l", "2"}}, 1}});
  w.config.relabel = [](LabelPairs& labels) {
    if (Get(labels, "l") == "1") return false;
    labels.emplace_back("z", "added");
    return true;
  };
  ASSERT_OK(w.Load());
  w.Tick();
  ASSERT_EQ(w.sink.sent.size(), 1u);
  EXPECT_EQ(Get(w.sink.sent[0].labels, "z"), "added");
}

TEST(RuleManager, FailedEvaluationsKeepAlerts) {
  RulesWorld w;
  w.rules = kDown;
  w.answers["up == 0"] = RulesWorld::Always({{kUp, 0}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.Tick();
  w.answers["up == 0"] = [](TimestampMs) { return absl::InternalError("broken"); };
  w.Tick();
  EXPECT_EQ(w.Only().alerts.size(), 1u);
  w.answers["up == 0"] = RulesWorld::Always({{kUp, 0}});
  w.Tick();
  EXPECT_EQ(w.Only().alerts[0].state, AlertState::kFiring);
  EXPECT_EQ(w.Only().alerts[0].active_at, w.origin);
}

TEST(RuleManager, FailingTemplatesStandInTheirPlace) {
  RulesWorld w;
  w.rules =
      "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    annotations: {s: 'a {{ "
      "humanize \"q\" }}', t: ok}\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  ASSERT_OK(w.Load());
  w.Tick();
  ASSERT_EQ(w.sink.sent.size(), 1u);
  const std::string text = Get(w.sink.sent[0].annotations, "s");
  EXPECT_EQ(text.rfind("<error expanding template: error executing template __alert_A: template: "
                       "__alert_A:1:6: ",
                       0),
            0u)
      << text;
  EXPECT_EQ(Get(w.sink.sent[0].annotations, "t"), "ok");
  EXPECT_EQ(w.Metric("prometheus_template_text_expansion_failures_total"), "1");
}

TEST(RuleManager, SlotsThatPassAreSkippedAndCounted) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n";
  DurationMs takes = 0;
  w.answers["x"] = [&](TimestampMs) {
    w.clock.Advance(takes);
    return std::vector<RulesWorld::Element>{{{}, 1}};
  };
  ASSERT_OK(w.Load());
  w.Tick();
  takes = 150'000;  // two and a half slots
  w.Tick();
  takes = 0;
  w.Tick();
  w.Tick();
  const Strings samples = w.Samples({{"__name__", "a"}});
  EXPECT_EQ(samples, (Strings{"1@0", "1@60", "1@180", "1@240", "1@300"}));
  EXPECT_EQ(w.Metric("prometheus_rule_group_iterations_missed_total{rule_group=\"rules.yml;g\"}"),
            "1");
  EXPECT_EQ(w.Metric("prometheus_rule_group_iterations_total{rule_group=\"rules.yml;g\"}"), "6");
}

TEST(RuleManager, ReloadKeepsClocksOfRulesThatStay) {
  RulesWorld w;
  w.rules = kDown;
  w.answers["up == 0"] = w.answers["up == 0 or x"] = RulesWorld::Always({{kUp, 0}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.Tick();
  // Same name and labels, another expression and annotation, and a rule more in front.
  w.rules = R"(
groups:
- name: g
  rules:
  - record: y
    expr: x
  - alert: Down
    expr: up == 0 or x
    for: 3m
    labels: {severity: page}
)";
  ASSERT_OK(w.Load());
  w.Tick();
  w.Tick();
  const RuleStatus rule = w.manager->Groups()[0].rules[1];
  ASSERT_EQ(rule.alerts.size(), 1u);
  EXPECT_EQ(rule.alerts[0].active_at, w.origin);
  EXPECT_EQ(rule.alerts[0].state, AlertState::kFiring);
  EXPECT_EQ(w.Samples(Named("ALERTS", kAlert, "firing")), Strings{"1@180"});
}

TEST(RuleManager, AnUnchangedGroupIsNotDisturbed) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  ASSERT_OK(w.Load());
  const size_t timers = w.executor->timers();
  for (int i = 0; i < 5; ++i) {
    w.Tick();
    ASSERT_OK(w.Load());
    EXPECT_EQ(w.executor->timers(), timers);
  }
  EXPECT_EQ(w.Samples({{"__name__", "a"}}).size(), 5u);
}

TEST(RuleManager, RemovedRulesAndGroupsGoStale) {
  RulesWorld w;
  w.rules =
      "groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n  - record: b\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.rules = "groups:\n- name: g\n  rules:\n  - record: b\n    expr: x\n";
  ASSERT_OK(w.Load());
  w.Tick();
  EXPECT_EQ(w.Samples({{"__name__", "a"}}), (Strings{"1@0", "stale@60"}));
  EXPECT_EQ(w.Samples({{"__name__", "b"}}), (Strings{"1@0", "1@60"}));
  w.executor->AdvanceBy(5000);
  w.rules = "groups: []";
  ASSERT_OK(w.Load());
  EXPECT_EQ(w.Metric("prometheus_rule_evaluations_total{rule_group=\"rules.yml;g\"}"), "");
  w.executor->AdvanceBy(119'000);
  EXPECT_EQ(w.Samples({{"__name__", "b"}}).size(), 2u);
  w.executor->AdvanceBy(1'000);
  EXPECT_EQ(w.Samples({{"__name__", "b"}}), (Strings{"1@0", "1@60", "stale@65"}));
}

TEST(RuleManager, ARenamedGroupGoesOnWithItsSeries) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: x\n";
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.rules = "groups:\n- name: other\n  rules:\n  - record: a\n    expr: x\n";
  ASSERT_OK(w.Load());
  w.executor->AdvanceBy(5 * base::kMinute);
  const Strings samples = w.Samples({{"__name__", "a"}});
  EXPECT_EQ(samples.size(), 6u);
  for (const std::string& s : samples) EXPECT_EQ(s.substr(0, 2), "1@") << s;
}

// Every group and rule runs on after `kills` at any point as if nothing had happened.
TEST(RuleManagerRestart, AlertsAreBackWhateverTheirFor) {
  struct Case {
    const char* name;
    const char* hold;
    const char* keep;
    int kill_after;      // ticks before the kill
    std::string found;   // one letter a tick
    const char* states;  // after each tick
  };
  const Case cases[] = {
      {"pending", "3m", "0s", 2, "xxxx", "PPPF"},
      {"pending with a short for", "1m", "0s", 1, "xx", "PF"},
      {"firing", "0s", "0s", 1, "xx", "FF"},
      {"firing that resolves", "0s", "0s", 1, "x..", "F--"},
      {"firing with a long for", "10m", "0s", 12, "xxxxxxxxxxxxxx", "PPPPPPPPPPFFFF"},
      {"kept firing", "0s", "3m", 2, "x....", "FFFF-"},
      {"resolved and back", "1m", "0s", 3, "xx.xx", "PF-PF"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<std::string> sent[2];
    for (const bool killed : {false, true}) {
      SCOPED_TRACE(killed);
      RulesWorld w;
      w.rules = absl::StrCat(
          "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    for: ", c.hold,
          "\n    keep_firing_for: ", c.keep, "\n    annotations: {v: '{{ $value }}'}\n");
      ASSERT_OK(w.Load());
      std::string states;
      for (size_t i = 0; i < c.found.size(); ++i) {
        if (killed && static_cast<int>(i) == c.kill_after) {
          w.Kill();
          ASSERT_OK(w.Load());
        }
        w.answers["x"] = c.found[i] == 'x' ? RulesWorld::Always({{tsdb::Labels{{"l", "1"}}, 1}})
                                           : RulesWorld::Always({});
        w.Tick();
        const auto alerts = w.Only().alerts;
        states += alerts.empty() ? '-' : alerts[0].state == AlertState::kPending ? 'P' : 'F';
      }
      EXPECT_EQ(states, c.states);
      for (const Alert& a : w.sink.sent) {
        sent[killed].push_back(absl::StrCat(a.starts_at - w.origin, " ", a.ends_at - w.origin, " ",
                                            Get(a.annotations, "v")));
      }
    }
    EXPECT_EQ(sent[0], sent[1]);
  }
}

TEST(RuleManagerRestart, RestoredAlertsAreSeenBeforeTheFirstEvaluation) {
  RulesWorld w;
  w.rules = kDown;
  w.answers["up == 0"] = RulesWorld::Always({{kUp, 0}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.Kill();
  ASSERT_OK(w.Load());
  ASSERT_EQ(w.Only().alerts.size(), 1u);
  EXPECT_EQ(w.Only().alerts[0].active_at, w.origin);
  EXPECT_EQ(w.Metric("slowburn_rule_alerts_restored_total"), "1");
}

TEST(RuleManagerRestart, SeriesOfAlertsThatEndMeanwhileGoStale) {
  RulesWorld w;
  w.rules = kDown;
  w.answers["up == 0"] = RulesWorld::Always({{kUp, 0}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.Kill();
  ASSERT_OK(w.Load());
  w.answers.clear();
  w.Tick();
  EXPECT_EQ(w.Samples(Named("ALERTS", kAlert, "pending")), (Strings{"1@0", "stale@60"}));
}

TEST(RuleManagerRestart, LongOutages) {
  struct Case {
    DurationMs outage;
    DurationMs active_for;  // of the alert at the first tick afterwards; 0: begun anew
  };
  const Case cases[] = {
      {5 * base::kMinute, 6 * base::kMinute},  // counted into `for`
      {30 * base::kMinute, base::kMinute},     // not counted
      {2 * base::kHour, 0},                    // too long: nobody knows what was
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.outage);
    RulesWorld w;
    w.rules =
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    for: 6h\n  - alert: B\n    "
        "expr: x\n";
    w.answers["x"] = RulesWorld::Always({{{}, 1}});
    ASSERT_OK(w.Load());
    w.Tick();
    const TimestampMs b_fired = *w.manager->Groups()[0].rules[1].alerts[0].fired_at;
    w.Kill();
    w.clock.Advance(c.outage);
    ASSERT_OK(w.Load());
    w.Tick();
    const auto rules = w.manager->Groups()[0].rules;
    ASSERT_EQ(rules[0].alerts.size(), 1u);
    const TimestampMs now = w.clock.Now();
    EXPECT_NEAR(static_cast<double>(now - rules[0].alerts[0].active_at),
                static_cast<double>(c.active_for), 1.0);
    // What fired goes on, however long we were away.
    EXPECT_EQ(rules[1].alerts[0].fired_at, b_fired);
  }
}

TEST(RuleManagerRestart, BadRecordsAreLeftOut) {
  RulesWorld w;
  w.rules = kDown;
  w.answers["up == 0"] = RulesWorld::Always({{kUp, 0}, {{{"job", "b"}}, 0}});
  ASSERT_OK(w.Load());
  w.Tick();
  std::vector<std::string> keys;
  ASSERT_OK(w.state.Scan(base::Space::kRules, "", "", [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  ASSERT_EQ(keys.size(), 3u);
  ASSERT_OK(w.state.Apply(
      base::Space::kRules,
      {{keys[0], "garbage", base::StateChange::kPut}, {"v1/alert/", "x", base::StateChange::kPut}},
      base::Durability::kDisk));
  w.Kill();
  ASSERT_OK(w.Load());
  EXPECT_EQ(w.Only().alerts.size(), 1u);
  EXPECT_EQ(w.Metric("slowburn_rule_state_bad_records_total"), "1");
  w.Tick();
  EXPECT_EQ(w.Only().alerts.size(), 2u);
}

TEST(RuleManagerRestart, RemovedRulesLeaveNothingBehind) {
  RulesWorld w;
  w.rules = kDown;
  w.answers["up == 0"] = RulesWorld::Always({{kUp, 0}});
  ASSERT_OK(w.Load());
  w.Tick();
  w.Kill();
  w.rules = "groups:\n- name: g\n  rules:\n  - alert: Other\n    expr: x\n";
  ASSERT_OK(w.Load());
  EXPECT_TRUE(w.Only().alerts.empty());
  w.Tick();
  int left = 0;
  ASSERT_OK(w.state.Scan(base::Space::kRules, "", "",
                         [&](std::string_view, std::string_view) { return ++left > 0; }));
  EXPECT_EQ(left, 0);
}

TEST(RuleManagerRestart, AFullDiskCostsNothingWhenItHasSpaceAgain) {
  RulesWorld w;
  w.rules = kDown;
  w.answers["up == 0"] = RulesWorld::Always({{kUp, 0}});
  ASSERT_OK(w.Load());
  w.state.FailAfter(0);
  w.Tick();
  EXPECT_EQ(w.Metric("slowburn_rule_state_write_failures_total"), "1");
  w.state.FailAfter(-1);
  w.Tick();
  w.Kill();
  ASSERT_OK(w.Load());
  ASSERT_EQ(w.Only().alerts.size(), 1u);
  EXPECT_EQ(w.Only().alerts[0].active_at, w.origin);
}

TEST(RuleManagerRestart, NothingChangedWritesOnlyTheTime) {
  RulesWorld w;
  w.rules = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    for: 1d\n";
  ASSERT_OK(w.Load());
  w.Tick();
  EXPECT_EQ(w.state.applied(), 0);
  w.answers["x"] = RulesWorld::Always({{{}, 1}});
  w.Tick();
  EXPECT_EQ(w.state.applied(), 1);
}

// The model: a world that is never killed. The other is killed at random; both must tell the same.
TEST(RuleManagerRestart, RandomKillsChangeNothing) {
  testing::Random random;
  for (int round = 0; round < 20; ++round) {
    const uint64_t seed = random.Next();
    std::vector<std::string> told[2];
    for (const bool kills : {false, true}) {
      testing::Random flips(seed), when(seed + 1);
      RulesWorld w;
      w.rules =
          "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    for: 2m\n    "
          "keep_firing_for: 2m\n"
          "  - alert: B\n    expr: x\n";
      ASSERT_OK(w.Load());
      for (int i = 0; i < 40; ++i) {
        if (kills && when.OneIn(4)) {
          w.Kill();
          ASSERT_OK(w.Load());
        }
        std::vector<RulesWorld::Element> found;
        for (const char* l : {"1", "2", "3"}) {
          if (!flips.OneIn(3)) found.push_back({tsdb::Labels{{"l", l}}, 1});
        }
        w.answers["x"] = RulesWorld::Always(found);
        w.Tick();
        const std::vector<RuleStatus> rules = w.manager->Groups()[0].rules;
        for (const RuleStatus& rule : rules) {
          for (const ActiveAlert& a : rule.alerts) {
            told[kills].push_back(absl::StrCat(i, a.labels.ToString(), std::string(Name(a.state)),
                                               a.active_at - w.origin));
          }
        }
      }
      for (const Alert& a : w.sink.sent) {
        told[kills].push_back(absl::StrCat(Get(a.labels, "alertname"), Get(a.labels, "l"),
                                           a.starts_at - w.origin, " ", a.ends_at - w.origin));
      }
    }
    ASSERT_EQ(told[0], told[1]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace slowburn::rules
