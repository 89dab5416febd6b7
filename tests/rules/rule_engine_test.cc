// Rules over the real query engine, and over real threads.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "base/executor.h"
#include "query/engine.h"
#include "tests/rules/rules_world.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::rules {
namespace {

struct EngineWorld {
  testing::FakeClock clock{1'000'000};
  tsdb::MemoryStorage storage;
  prometheus::Registry registry;
  query::Engine engine{storage, clock, {}, registry};
  RecordingSink sink;
  RuleMetrics metrics{registry};
  RuleServices services{clock,   storage, EngineRuleQuery(engine),       sink,
                        nullptr, metrics, {.external_url = "http://h/x"}};

  void Append(const tsdb::Labels& labels, TimestampMs t, double v) {
    const auto appender = storage.NewAppender();
    appender->Append(*appender->Resolve(labels, nullptr), t, v);
    ASSERT_OK(appender->Commit());
  }
  std::unique_ptr<RuleGroup> Group(const std::string& rules) {
    RuleFile file = ParseRuleFile("groups:\n- name: g\n  rules:\n" + rules, "r.yml", {});
    EXPECT_OK(file.status());
    return std::make_unique<RuleGroup>(file.groups.at(0), GroupSettings{}, services);
  }
};

TEST(RuleEngine, RecordingAndAlertingOverRealQueries) {
  EngineWorld w;
  for (const char* job : {"a", "b"}) {
    for (int i = 0; i <= 4; ++i) {
      w.Append({{"__name__", "up"}, {"job", job}}, 1'000'000 + i * 60'000, job[0] == 'a' ? 1 : 0);
    }
  }
  const auto group = w.Group(R"yaml(
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {level: job}
  - alert: Down
    expr: job:up:sum == 0
    for: 1m
    annotations:
      summary: '{{ $labels.job }}: {{ with query "sum(up)" }}{{ . | first | value }} of {{ end }}{{ query "count(up)" | first | value }} up, level {{ $labels.level }}'
  - record: now
    expr: time()
  - record: broken
    expr: up * on(nope) group_left() (up or vector(1))
)yaml");
  for (int i = 0; i <= 2; ++i) {
    w.clock.Set(1'000'000 + i * 60'000);
    group->Evaluate(w.clock.Now());
  }
  ASSERT_EQ(w.sink.sent.size(), 1u);
  EXPECT_EQ(w.sink.sent[0].annotations, (LabelPairs{{"summary", "b: 1 of 2 up, level job"}}));
  EXPECT_EQ(w.sink.sent[0].starts_at, 1'060'000);
  const GroupStatus status = group->Status();
  EXPECT_EQ(status.rules[0].health, RuleHealth::kOk);
  EXPECT_EQ(status.rules[2].health, RuleHealth::kOk);
  EXPECT_EQ(status.rules[3].health, RuleHealth::kError);
  EXPECT_NE(status.rules[3].last_error.find("found duplicate series for the match group"),
            std::string::npos)
      << status.rules[3].last_error;
  ASSERT_OK_AND_ASSIGN(
      const query::QueryResult alerts,
      w.engine.Instant("ALERTS{alertstate=\"firing\"} * on() group_left() now", 1'120'000));
  ASSERT_EQ(alerts.series.size(), 1u);
  EXPECT_EQ(alerts.series[0].floats[0].v, 1120);
}

TEST(RuleEngine, AResolvedAlertIsStaleAtOnce) {
  EngineWorld w;
  w.Append({{"__name__", "x"}}, 1'000'000, 1);
  const auto group = w.Group("  - alert: A\n    expr: x == 1\n");
  group->Evaluate(1'000'000);
  w.Append({{"__name__", "x"}}, 1'010'000, 2);
  group->Evaluate(1'010'000);
  ASSERT_OK_AND_ASSIGN(const query::QueryResult before, w.engine.Instant("ALERTS", 1'009'999));
  EXPECT_EQ(before.series.size(), 1u);
  ASSERT_OK_AND_ASSIGN(const query::QueryResult after, w.engine.Instant("ALERTS", 1'010'000));
  EXPECT_TRUE(after.series.empty());
}

// Many groups on several threads, reloaded while they run, and stopped while a query waits.
TEST(RuleEngine, ThreadsReloadsAndStop) {
  base::RealClock clock;
  tsdb::MemoryStorage storage;
  testing::MemoryStateStore state;
  prometheus::Registry registry;
  RecordingSink sink;
  RuleMetrics metrics(registry);
  std::atomic<int> evaluations{0};
  std::atomic<bool> block{false}, blocked{false};
  const RuleQuery query =
      [&](const GroupSpec&, std::string_view, TimestampMs t,
          const std::atomic<bool>* cancelled) -> absl::StatusOr<query::QueryResult> {
    ++evaluations;
    while (block) {
      blocked = true;
      if (*cancelled) return absl::CancelledError("query was canceled");
      std::this_thread::yield();
    }
    query::QueryResult r;
    r.type = query::ValueType::kScalar;
    r.scalar = {t, 1};
    return r;
  };
  base::ThreadPoolExecutor executor(clock, 3);
  RuleManager manager(executor, RuleServices{clock, storage, query, sink, &state, metrics, {}});
  const auto config = [&](int n) {
    std::string text = "groups:\n";
    for (int g = 0; g < 10; ++g) {
      text += "- name: g" + std::to_string(g) + "\n  interval: 5ms\n  rules:\n  - record: r" +
              std::to_string(g) + "\n    expr: vector(" + std::to_string(n) + ")\n";
    }
    RuleConfig c;
    c.groups = ParseRuleFile(text, "r.yml", {}).groups;
    return c;
  };
  for (int n = 0; n < 20; ++n) {
    ASSERT_OK(manager.Update(config(n % 3)));
    const int seen = evaluations;
    while (evaluations < seen + 20) std::this_thread::yield();
    EXPECT_EQ(manager.Groups().size(), 10u);
  }
  block = true;
  while (!blocked) std::this_thread::yield();
  manager.Stop();
  const int stopped = evaluations;
  ASSERT_OK(manager.Update(config(1)));
  block = false;
  EXPECT_EQ(evaluations, stopped);
}

}  // namespace
}  // namespace slowburn::rules
