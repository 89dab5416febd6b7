#include "query/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "prometheus/registry.h"
#include "query/concurrency_gate.h"
#include "query/promqltest/test_runner.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::query {
namespace {

using ::testing::ElementsAre;
using testing::IsCode;
using ::testing::IsEmpty;

constexpr int64_t kMinute = base::kMinute;

void Add(tsdb::Storage& storage, const tsdb::Labels& labels,
         const std::vector<std::pair<tsdb::TimestampMs, double>>& samples) {
  const auto appender = storage.NewAppender();
  const auto ref = appender->Resolve(labels, nullptr);
  ASSERT_OK(ref);
  for (const auto& [t, v] : samples) appender->Append(*ref, t, v);
  ASSERT_OK(appender->Commit());
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    for (const char* instance : {"a", "b"}) {
      std::vector<std::pair<tsdb::TimestampMs, double>> samples;
      for (int i = 0; i <= 10; ++i)
        samples.emplace_back(i * kMinute, instance[0] == 'a' ? i : 2 * i);
      Add(storage_, {{"__name__", "m_total"}, {"instance", instance}}, samples);
    }
    Remake({});
  }

  void Remake(EngineOptions options) {
    options_ = options;
    engine_ = std::make_unique<Engine>(storage_, clock_, options, registry_);
  }

  testing::FakeClock clock_;
  tsdb::MemoryStorage storage_;
  prometheus::Registry registry_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, TypesOfAnswers) {
  const auto type = [&](const char* query) {
    const auto r = engine_->Instant(query, 5 * kMinute);
    return r.ok() ? r->type : ValueType::kNone;
  };
  EXPECT_EQ(type("m_total"), ValueType::kVector);
  EXPECT_EQ(type("m_total[2m]"), ValueType::kMatrix);
  EXPECT_EQ(type("m_total[2m:1m]"), ValueType::kMatrix);
  EXPECT_EQ(type("1 + 1"), ValueType::kScalar);
  EXPECT_EQ(type("\"text\""), ValueType::kString);
  ASSERT_OK_AND_ASSIGN(const QueryResult text, engine_->Instant("\"text\"", 7));
  EXPECT_EQ(text.string, "text");
  EXPECT_EQ(text.scalar.t, 7);
  ASSERT_OK_AND_ASSIGN(const QueryResult scalar, engine_->Instant("2 ^ 3", 7));
  EXPECT_EQ(scalar.scalar, (tsdb::Sample{7, 8}));
  ASSERT_OK_AND_ASSIGN(const QueryResult range, engine_->Range("2", 0, 2, 1));
  ASSERT_EQ(range.series.size(), 1u);
  EXPECT_EQ(range.type, ValueType::kMatrix);
  EXPECT_EQ(range.series[0].floats.size(), 3u);
}

TEST_F(EngineTest, VectorsCarryTheTimeOfTheQuery) {
  ASSERT_OK_AND_ASSIGN(const QueryResult r, engine_->Instant("m_total", 5 * kMinute + 30'000));
  ASSERT_EQ(r.series.size(), 2u);
  EXPECT_THAT(r.series[1].floats, ElementsAre(tsdb::Sample{5 * kMinute + 30'000, 10}));
  EXPECT_EQ(r.series[1].labels.Get("instance"), "b");
}

TEST_F(EngineTest, MatricesAreSortedByLabels) {
  ASSERT_OK_AND_ASSIGN(const QueryResult r,
                       engine_->Range("m_total{instance=\"b\"} or m_total", 0, kMinute, kMinute));
  ASSERT_EQ(r.series.size(), 2u);
  EXPECT_EQ(r.series[0].labels.Get("instance"), "a");
}

TEST_F(EngineTest, BothEndsOfARangeAreEvaluated) {
  ASSERT_OK_AND_ASSIGN(const QueryResult r, engine_->Range("time()", 0, 2 * kMinute, kMinute));
  EXPECT_THAT(r.series[0].floats, ElementsAre(tsdb::Sample{0, 0}, tsdb::Sample{kMinute, 60},
                                              tsdb::Sample{2 * kMinute, 120}));
}

TEST_F(EngineTest, BadRequests) {
  const auto bad = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(engine_->Instant("m_total{", 0), IsCode(bad, "parse error"));
  EXPECT_THAT(engine_->Instant("rate(m_total)", 0), IsCode(bad, "expected type range vector"));
  EXPECT_THAT(engine_->Range("m_total[1m]", 0, 1, 1), IsCode(bad, "invalid expression type"));
  EXPECT_THAT(engine_->Range("1", 0, 1, 0), IsCode(bad, "zero or negative query resolution step"));
  EXPECT_THAT(engine_->Range("1", 1, 0, 1), IsCode(bad, "end timestamp must not be before"));
}

TEST_F(EngineTest, ExecutionErrors) {
  const auto execution = absl::StatusCode::kFailedPrecondition;
  const std::pair<const char*, const char*> rows[] = {
      {"m_total + on() m_total", "found duplicate series for the match group {} on the right"},
      {"m_total * ignoring(instance) group_left() m_total", "found duplicate series"},
      {"m_total == on() group_right() m_total", "hand-side of the operation"},
      {"m_total + on() (m_total{instance=\"a\"})", "multiple matches for labels: many-to-one"},
      {"topk(NaN, m_total)", "Parameter value is NaN"},
      {"topk(1e30, m_total)", "Scalar value 1e+30 overflows int64"},
      {"count_values(\"\", m_total)", "invalid label name"},
      {"label_replace(m_total, \"x\", \"$1\", \"instance\", \"(\")", "invalid regular expression"},
      {"label_replace(m_total, \"instance\", \"\", \"instance\", \".*\")",
       "vector cannot contain metrics with the same labelset"},
      {"label_join(m_total, \"\", \"-\", \"instance\")", "invalid destination label name"},
  };
  for (const auto& [query, message] : rows) {
    EXPECT_THAT(engine_->Instant(query, kMinute), IsCode(execution, message)) << query;
    EXPECT_THAT(engine_->Range(query, 0, kMinute, kMinute), IsCode(execution, message)) << query;
  }
}

TEST_F(EngineTest, DuplicatesMatterOnlyWhereTheyMeet) {
  Add(storage_, {{"__name__", "early"}, {"x", "1"}}, {{0, 1}});
  Add(storage_, {{"__name__", "late"}, {"x", "1"}}, {{20 * kMinute, 2}});
  // Without their names the two are one series, and never have a point at the same step.
  ASSERT_OK_AND_ASSIGN(const QueryResult r, engine_->Range("-{__name__=~\"early|late\"}", 0,
                                                           20 * kMinute, 10 * kMinute));
  ASSERT_EQ(r.series.size(), 1u);
  EXPECT_THAT(r.series[0].floats, ElementsAre(tsdb::Sample{0, -1}, tsdb::Sample{20 * kMinute, -2}));
  // Functions of range vectors do not merge.
  EXPECT_THAT(engine_->Range("max_over_time({__name__=~\"early|late\"}[1m])", 0, 20 * kMinute,
                             10 * kMinute),
              IsCode(absl::StatusCode::kFailedPrecondition, "same labelset"));
}

TEST_F(EngineTest, TooManySamples) {
  EngineOptions options;
  options.max_samples = 10;
  Remake(options);
  const auto too_many = [](const auto& r) {
    return r.status().code() == absl::StatusCode::kResourceExhausted &&
           std::string(r.status().message()).find("would load too many samples") !=
               std::string::npos;
  };
  ASSERT_OK(engine_->Range("m_total", 0, 4 * kMinute, kMinute));              // 10 points
  EXPECT_TRUE(too_many(engine_->Range("m_total", 0, 5 * kMinute, kMinute)));  // 12
  ASSERT_OK(engine_->Instant("rate(m_total[8m])", 10 * kMinute));
  EXPECT_TRUE(too_many(engine_->Instant("rate(m_total[11m])", 10 * kMinute)));
  EXPECT_TRUE(too_many(engine_->Instant("m_total[11m]", 10 * kMinute)));
}

TEST_F(EngineTest, StatsCountSamples) {
  const auto total = [&](const char* query) {
    const auto r = engine_->Range(query, 5 * kMinute, 7 * kMinute, kMinute);
    return r.ok() ? r->stats.samples_total : -1;
  };
  EXPECT_EQ(total("m_total"), 6);
  EXPECT_EQ(total("rate(m_total[2m])"), 12);
  EXPECT_EQ(total("sum(m_total)"), 6);
  EXPECT_EQ(total("m_total @ 60"), 6);  // once, seen at three steps
  EXPECT_EQ(total("sum_over_time(m_total[2m:1m])"), 12);
  EXPECT_EQ(total("1"), 0);
}

TEST_F(EngineTest, LookbackOfOneQuery) {
  QueryOptions options;
  EXPECT_EQ(engine_->Instant("m_total", 14 * kMinute, options)->series.size(), 2u);
  options.lookback_ms = kMinute;
  EXPECT_EQ(engine_->Instant("m_total", 14 * kMinute, options)->series.size(), 0u);
  // (t - lookback, t]: a sample exactly that old is out.
  EXPECT_EQ(engine_->Instant("m_total", 11 * kMinute, options)->series.size(), 0u);
  EXPECT_EQ(engine_->Instant("m_total", 11 * kMinute - 1, options)->series.size(), 2u);
}

TEST_F(EngineTest, Cancelled) {
  const std::atomic<bool> cancelled{true};
  QueryOptions options;
  options.cancelled = &cancelled;
  EXPECT_THAT(engine_->Instant("m_total", 0, options),
              IsCode(absl::StatusCode::kCancelled, "query was canceled"));
}

// Storage in which time passes with every look.
class SlowStorage final : public tsdb::Storage {
 public:
  SlowStorage(tsdb::Storage& inner, testing::FakeClock& clock) : inner_(inner), clock_(clock) {}
  std::unique_ptr<tsdb::Appender> NewAppender() override { return inner_.NewAppender(); }
  std::unique_ptr<tsdb::Querier> NewQuerier(tsdb::TimeRange range) override {
    clock_.Advance(kMinute);
    return inner_.NewQuerier(range);
  }
  std::vector<tsdb::MetricMetadata> AllMetadata() const override { return {}; }

 private:
  tsdb::Storage& inner_;
  testing::FakeClock& clock_;
};

TEST_F(EngineTest, TimesOut) {
  SlowStorage slow(storage_, clock_);
  Engine engine(slow, clock_, EngineOptions{}, registry_);
  QueryOptions options;
  options.timeout_ms = 59'000;
  EXPECT_THAT(
      engine.Instant("m_total", 0, options),
      IsCode(absl::StatusCode::kDeadlineExceeded, "query timed out in expression evaluation"));
  options.timeout_ms = 61'000;
  EXPECT_OK(engine.Instant("m_total", 0, options));
  options.timeout_ms = 10 * kMinute;  // not longer than the engine's two minutes
  clock_.Advance(0);
  EXPECT_OK(engine.Instant("m_total", 0, options));
}

TEST(ConcurrencyGate, LetsOneInAfterTheOther) {
  base::RealClock clock;
  ConcurrencyGate gate(1, clock);
  ASSERT_OK(gate.Enter({}));
  EXPECT_THAT(gate.Enter({.deadline_ns = clock.MonotonicNs()}),
              IsCode(absl::StatusCode::kDeadlineExceeded, "query timed out in query queue"));
  std::atomic<bool> cancelled{true};
  EXPECT_THAT(gate.Enter({.client_gone = &cancelled}),
              IsCode(absl::StatusCode::kCancelled, "query was canceled in query queue"));
  std::atomic<bool> entered{false};
  std::thread other([&] {
    EXPECT_OK(gate.Enter({}));
    entered = true;
    gate.Leave();
  });
  EXPECT_FALSE(entered);
  gate.Leave();
  other.join();
  EXPECT_TRUE(entered);
}

TEST_F(EngineTest, AnnotationsHavePositions) {
  ASSERT_OK_AND_ASSIGN(
      const QueryResult r,
      engine_->Instant("quantile(1.5, m_total) +\n  quantile(2, m_total) + rate(g[5m])", kMinute));
  EXPECT_THAT(
      r.annotations.warnings,
      ElementsAre("PromQL warning: quantile value should be between 0 and 1, got 1.5 (1:10)",
                  "PromQL warning: quantile value should be between 0 and 1, got 2 (2:12)"));
  EXPECT_THAT(r.annotations.infos, IsEmpty());
  Add(storage_, {{"__name__", "g"}}, {{0, 1}, {kMinute, 2}});
  ASSERT_OK_AND_ASSIGN(const QueryResult g, engine_->Instant("rate(g[5m])", kMinute));
  EXPECT_THAT(g.annotations.infos,
              ElementsAre("PromQL info: metric might not be a counter, name does not end in "
                          "_total/_sum/_count/_bucket: \"g\" (1:6)"));
}

TEST_F(EngineTest, SortsInstantVectorsOnly) {
  const auto names = [](const absl::StatusOr<QueryResult>& r) {
    std::string out;
    for (const Series& s : r->series) out += s.labels.Get("instance");
    return out;
  };
  EXPECT_EQ(names(engine_->Instant("sort_desc(m_total)", kMinute)), "ba");
  EXPECT_EQ(names(engine_->Instant("sort(m_total)", kMinute)), "ab");
  EXPECT_EQ(names(engine_->Instant("topk(2, m_total)", kMinute)), "ba");
  EXPECT_EQ(names(engine_->Instant("bottomk(2, m_total)", kMinute)), "ab");
  const auto range = engine_->Range("sort_desc(m_total)", 0, kMinute, kMinute);
  EXPECT_EQ(names(range), "ab");
  EXPECT_THAT(range->annotations.warnings,
              ElementsAre(::testing::HasSubstr("sort is ineffective")));
}

TEST_F(EngineTest, FarTimesDoNotOverflow) {
  const tsdb::TimestampMs far = std::numeric_limits<int64_t>::max();
  EXPECT_OK(engine_->Instant("m_total + rate(m_total[5m])", far));
  EXPECT_OK(engine_->Instant("m_total offset 200y", -far));
  EXPECT_OK(engine_->Range("m_total", far - 10, far, 1));
}

TEST_F(EngineTest, GiantSubqueriesAreRefused) {
  EXPECT_THAT(engine_->Instant("max_over_time(m_total[1y:1ms])", kMinute),
              IsCode(absl::StatusCode::kResourceExhausted, "too many samples"));
}

// --- names are dropped at once, as servers do by default ---

class DefaultModeEvaluator final : public Evaluator {
 public:
  explicit DefaultModeEvaluator(tsdb::Storage& storage)
      : engine_(storage, clock_, EngineOptions{}, registry_) {}
  absl::StatusOr<QueryResult> Instant(std::string_view query, tsdb::TimestampMs at) override {
    return engine_.Instant(query, at);
  }
  absl::StatusOr<QueryResult> Range(std::string_view query, tsdb::TimestampMs start,
                                    tsdb::TimestampMs end, tsdb::DurationMs step) override {
    return engine_.Range(query, start, end, step);
  }

 private:
  base::RealClock clock_;
  prometheus::Registry registry_;
  Engine engine_;
};

constexpr char kDefaultMode[] = R"test(
load 5m
  a_total{env="1"} 0 60 120
  b_total{env="1"} 60 120 180

eval instant at 10m -a_total
  {env="1"} -120

eval instant at 10m sum by (__name__, env) (rate(a_total[10m]))
  {env="1"} 0.2

eval instant at 10m sum by (__name__) (rate({env="1"}[10m]))
  expect fail msg: vector cannot contain metrics with the same labelset

eval instant at 10m abs({env="1"})
  expect fail msg: vector cannot contain metrics with the same labelset

eval instant at 10m {env="1"} * 2
  expect fail msg: vector cannot contain metrics with the same labelset

eval instant at 10m {env="1"} > bool 2
  expect fail msg: vector cannot contain metrics with the same labelset

eval instant at 10m {env="1"} > 150
  b_total{env="1"} 180

eval instant at 10m last_over_time(a_total[10m])
  a_total{env="1"} 120

eval instant at 10m label_replace(rate(a_total[10m]), "__name__", "rate_$1", "__name__", "(.+)")
  {env="1"} 0.2

eval instant at 10m label_replace(a_total, "__name__", "new", "env", ".*")
  new{env="1"} 120

eval instant at 10m a_total + b_total
  {env="1"} 300

eval instant at 10m a_total <= bool b_total
  {env="1"} 1

eval instant at 10m a_total < b_total
  a_total{env="1"} 120

eval instant at 10m timestamp(a_total)
  {env="1"} 600

eval instant at 10m absent_over_time(c_total{env="1"}[10m])
  {env="1"} 1

eval range from 0 to 10m step 5m clamp_max(a_total, 100)
  {env="1"} 0 60 100
)test";

TEST(DefaultMode, NamesGoAtOnce) {
  const auto report = RunTestScript(
      kDefaultMode,
      [](tsdb::Storage& storage) { return std::make_unique<DefaultModeEvaluator>(storage); }, {});
  ASSERT_OK(report);
  for (const TestFailure& f : report->failures)
    ADD_FAILURE() << f.line << ": " << f.expr << f.reason;
  EXPECT_EQ(report->passed, 16u);
}

}  // namespace
}  // namespace slowburn::query
