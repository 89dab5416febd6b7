// What keeps a query from doing harm: deadline and cancellation inside long kernels, the list of
// running queries and kill, memory budgets, the logs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "prometheus/registry.h"
#include "query/concurrency_gate.h"
#include "query/engine.h"
#include "query/query_memory.h"
#include "query/query_registry.h"
#include "query/work_meter.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::query {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::IsCode;
using ::testing::SizeIs;

constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;

TEST(WorkMeter, LooksOncePerPieceOfWorkAndStaysOver) {
  int looks = 0;
  absl::Status next;
  WorkMeter meter([&] {
    ++looks;
    return next;
  });
  for (uint64_t i = 1; i < WorkMeter::kUnitsPerLook; ++i) ASSERT_TRUE(meter.Spend(1));
  EXPECT_EQ(looks, 0);
  EXPECT_TRUE(meter.Spend(1));
  EXPECT_EQ(looks, 1);
  EXPECT_TRUE(meter.Spend(10 * WorkMeter::kUnitsPerLook));  // however much at once
  EXPECT_EQ(looks, 2);
  next = absl::CancelledError("over");
  EXPECT_TRUE(meter.Spend(1));  // not looked yet
  EXPECT_FALSE(meter.Spend(WorkMeter::kUnitsPerLook));
  EXPECT_THAT(meter.status(), IsCode(absl::StatusCode::kCancelled, "over"));
  next = absl::OkStatus();
  EXPECT_FALSE(meter.Spend(0));
  EXPECT_EQ(looks, 3);
}

std::shared_ptr<MemoryPool> Pool(size_t limit) { return std::make_shared<MemoryPool>(limit); }

TEST(QueryMemory, TakesUpToTheLimitAndNotAByteMore) {
  const auto pool = Pool(1 << 30);
  QueryMemory memory(pool, 1000);
  MemoryHold held(memory);
  EXPECT_OK(held.Add(1000));
  EXPECT_THAT(held.Add(1), IsCode(kExhausted, "1001 bytes, limits.query_memory_bytes is 1000"));
  EXPECT_EQ(memory.refusal(), QueryMemory::Refusal::kQuery);
  held.Remove(1);
  EXPECT_OK(held.Add(1));
  EXPECT_OK(held.Set(10));
  EXPECT_EQ(memory.held(), 10u);
  EXPECT_EQ(memory.peak(), 1000u);
  held.Clear();
  EXPECT_EQ(memory.held(), 0u);
}

TEST(QueryMemory, QueriesShareTheTotal) {
  constexpr size_t kMiB = 1 << 20;
  const auto pool = Pool(4 * kMiB + 1);
  auto a = std::make_unique<QueryMemory>(pool, size_t{1} << 30);
  QueryMemory b(pool, size_t{1} << 30);
  EXPECT_OK(a->Take(3 * kMiB));
  EXPECT_OK(b.Take(kMiB));
  EXPECT_OK(b.Take(1));
  EXPECT_THAT(b.Take(1), IsCode(kExhausted, "limits.query_memory_total_bytes is 4194305"));
  EXPECT_EQ(b.refusal(), QueryMemory::Refusal::kTotal);
  a.reset();
  EXPECT_OK(b.Take(3 * kMiB));
  b.Give(4 * kMiB);
  EXPECT_LE(pool->held(), 2 * kMiB);  // a piece or two are kept for what comes
}

TEST(QueryMemory, HoldsMoveAndGiveBackOnce) {
  const auto pool = Pool(1 << 30);
  QueryMemory memory(pool, 1 << 30);
  {
    MemoryHold a(memory);
    EXPECT_OK(a.Add(7));
    MemoryHold b = std::move(a);
    MemoryHold c;
    EXPECT_OK(c.Add(100));  // of no memory: not counted
    c = std::move(b);
    EXPECT_EQ(memory.held(), 7u);
  }
  EXPECT_EQ(memory.held(), 0u);
  {
    MemoryHold a(memory);
    EXPECT_OK(a.Add(5));
    a.Leave();
  }
  EXPECT_EQ(memory.held(), 5u);
}

TEST(MemoryPool, ManyThreadsNeverPassTheLimit) {
  const auto pool = Pool(10 << 20);
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&, n] {
      for (size_t i = 0; i < 2000; ++i) {
        QueryMemory memory(pool, size_t{1} << 30);
        MemoryHold held(memory);
        held.Add((i * 7919 + size_t(n)) % (4 << 20)).IgnoreError();
        EXPECT_LE(pool->held(), size_t{10} << 20);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(pool->held(), 0u);
}

// Counts how often the time is looked at, and sets a flag at a chosen look.
class CountingClock final : public base::Clock {
 public:
  base::TimestampMs Now() const override { return 0; }
  int64_t MonotonicNs() const override {
    if (++looks_ == cancel_at_) cancelled_ = true;
    return 0;
  }
  void CancelAt(int64_t look) {
    cancel_at_ = look;
    looks_ = 0;
    cancelled_ = false;
  }
  int64_t looks() const { return looks_; }
  const std::atomic<bool>* flag() const { return &cancelled_; }

 private:
  mutable int64_t looks_ = 0;
  int64_t cancel_at_ = -1;
  mutable std::atomic<bool> cancelled_{false};
};

tsdb::HistogramPtr SomeHistogram(double n) {
  tsdb::Histogram h;
  h.count = 4 * n;
  h.sum = n;
  h.positive_spans = {{0, 4}};
  h.positive_buckets = {n, n, n, n};
  return std::make_shared<const tsdb::Histogram>(std::move(h));
}

// One heavy query over very few series is stopped within a bounded amount of work, wherever it is.
TEST(Cancellation, IsLookedAtInsideLongKernels) {
  constexpr int64_t kSamples = 30'000;
  tsdb::MemoryStorage storage;
  {
    const auto appender = storage.NewAppender();
    const auto floats = appender->Resolve({{"__name__", "m"}}, nullptr);
    const auto noise = appender->Resolve({{"__name__", "noise"}}, nullptr);
    const auto h = appender->Resolve({{"__name__", "h"}}, nullptr);
    for (int64_t i = 0; i < kSamples; ++i) {
      appender->Append(*floats, i * 1000, double(i % 1000));
      appender->Append(*noise, i * 1000, double(i * 7919 % 1000) + 0.5);
      if (i % 10 == 0) appender->AppendHistogram(*h, i * 1000, SomeHistogram(double(i + 1)));
    }
    ASSERT_OK(appender->Commit());
  }
  CountingClock clock;
  prometheus::Registry registry;
  EngineOptions options;
  options.parser.experimental_functions = true;
  options.parser.extended_range_selectors = true;
  Engine engine(storage, clock, options, registry);

  struct Row {
    const char* query;
    int64_t units;  // of work at least
  };
  // Each a range query of 3,000 steps of a second.
  const Row rows[] = {
      {"sum_over_time(noise[1000s])", 2'500'000},
      {"avg_over_time(noise[1000s])", 2'500'000},
      {"stddev_over_time(noise[300s])", 750'000},
      {"quantile_over_time(0.5, noise[10000s])", 1'250'000},
      {"mad_over_time(noise[300s])", 750'000},
      {"deriv(noise[300s])", 750'000},
      {"double_exponential_smoothing(noise[300s], 0.5, 0.5)", 750'000},
      {"rate(noise[1000s])", 1'000'000},  // half of its samples are resets
      {"rate(m[300s] smoothed)", 750'000},
      {"sum_over_time(h[300s])", 750'000},
      {"max_over_time(sum_over_time(noise[300s])[5000s:1s])", 1'000'000},
      {"absent_over_time(sum_over_time(noise[300s])[5000s:1s])", 1'000'000},
      {"count_values(\"v\", noise)", 150'000},
      {"histogram_quantile(0.9, h)", 150'000},
      {"sum(h) + on() h", 150'000},
      {"min_over_time(vector(time())[100000s:1s])", 25'000},
  };
  constexpr int64_t kOutside = 5;  // looks that measure times, before and after
  for (const Row& row : rows) {
    SCOPED_TRACE(row.query);
    const auto run = [&] {
      QueryOptions query;
      query.cancelled = clock.flag();
      return engine.Range(row.query, 12'000'000, 14'999'000, 1000, query).status();
    };
    clock.CancelAt(-1);
    ASSERT_OK(run());
    const int64_t looks = clock.looks();
    EXPECT_GE(looks, row.units / int64_t(WorkMeter::kUnitsPerLook) + 2 * kOutside);
    for (int64_t at = kOutside; at + kOutside < looks; at += looks / 3 + 1) {
      clock.CancelAt(at);
      EXPECT_THAT(run(), IsCode(absl::StatusCode::kCancelled, "query was canceled in "));
      EXPECT_LE(clock.looks(), at + kOutside);
    }
  }
}

// A store whose queries wait until they are let go.
class GatedStorage final : public tsdb::Storage {
 public:
  std::unique_ptr<tsdb::Appender> NewAppender() override { return inner_.NewAppender(); }
  std::unique_ptr<tsdb::Querier> NewQuerier(tsdb::TimeRange range) override {
    base::MutexLock lock(mu_);
    ++arrived_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mu_);
    return inner_.NewQuerier(range);
  }
  std::vector<tsdb::MetricMetadata> AllMetadata() const override { return {}; }
  void AwaitArrival() {
    base::MutexLock lock(mu_);
    while (arrived_ == 0) changed_.Wait(mu_);
  }
  void Open() {
    base::MutexLock lock(mu_);
    open_ = true;
    changed_.NotifyAll();
  }

 private:
  tsdb::MemoryStorage inner_;
  base::Mutex mu_;
  base::CondVar changed_;
  int arrived_ ABSL_GUARDED_BY(mu_) = 0;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
};

TEST(RunningQueries, AreListedAndKilled) {
  GatedStorage storage;
  testing::FakeClock clock(1000);
  prometheus::Registry registry;
  EngineOptions options;
  options.max_concurrency = 1;
  Engine engine(storage, clock, options, registry);
  EXPECT_THAT(engine.running().List(), SizeIs(0));
  EXPECT_FALSE(engine.running().Kill(1));

  absl::Status first, second;
  std::thread one([&] {
    QueryOptions query;
    query.origin = {"10.0.0.7", "GET", "/api/v1/query_range", "", ""};
    first = engine.Range("up", 0, 60'000, 15'000, query).status();
  });
  storage.AwaitArrival();
  clock.Advance(2500);
  std::thread two([&] { second = engine.Instant("sum(up)", 77).status(); });
  while (engine.running().List().size() < 2) std::this_thread::yield();

  const std::vector<RunningQuery> list = engine.running().List();
  ASSERT_THAT(list, SizeIs(2));
  EXPECT_EQ(list[0].description.query, "up");
  EXPECT_EQ(list[0].description.kind, QueryKind::kRange);
  EXPECT_EQ(list[0].description.end, 60'000);
  EXPECT_EQ(list[0].description.step, 15'000);
  EXPECT_EQ(list[0].description.origin.client, "10.0.0.7");
  EXPECT_EQ(list[0].started_at, 1000);
  EXPECT_DOUBLE_EQ(list[0].elapsed_seconds, 2.5);
  EXPECT_FALSE(list[0].waiting);
  EXPECT_TRUE(list[1].waiting);
  EXPECT_EQ(list[1].description.start, 77);
  EXPECT_EQ(list[1].description.step, 0);

  EXPECT_TRUE(engine.running().Kill(list[1].id));
  two.join();
  EXPECT_THAT(second, IsCode(absl::StatusCode::kCancelled, "query was canceled in query queue"));
  EXPECT_TRUE(engine.running().Kill(list[0].id));
  EXPECT_TRUE(engine.running().List().at(0).killed);
  storage.Open();
  one.join();
  EXPECT_THAT(first,
              IsCode(absl::StatusCode::kCancelled, "query was canceled in expression evaluation"));
  EXPECT_THAT(engine.running().List(), SizeIs(0));
  EXPECT_FALSE(engine.running().Kill(list[0].id));
}

class BudgetTest : public ::testing::Test {
 protected:
  BudgetTest() {
    const auto appender = storage_.NewAppender();
    for (int s = 0; s < 50; ++s) {
      const auto ref = appender->Resolve(
          {{"__name__", "m"}, {"s", std::to_string(s)}, {"g", std::to_string(s % 5)}}, nullptr);
      for (int i = 0; i < 100; ++i) appender->Append(*ref, i * 10'000, double(s * i));
    }
    EXPECT_OK(appender->Commit());
  }

  void Remake(size_t per_query, size_t total) {
    EngineOptions options;
    options.query_memory_bytes = per_query;
    options.query_memory_total_bytes = total;
    engine_ = std::make_unique<Engine>(storage_, clock_, options, registry_);
  }
  absl::StatusOr<QueryResult> Run(const std::string& query) {
    return engine_->Range(query, 0, 1'000'000, 1000);
  }

  testing::FakeClock clock_;
  tsdb::MemoryStorage storage_;
  prometheus::Registry registry_;
  std::unique_ptr<Engine> engine_;
};

// Values that double with each level: neither memory nor time goes before somebody looks.
TEST_F(BudgetTest, LabelsThatGrowAreCountedAndBounded) {
  const auto nested = [](const std::string& head, const std::string& tail, int levels) {
    std::string query = "m";
    for (int i = 0; i < levels; ++i) query = head + query + tail;
    return query;
  };
  const std::string join = nested("label_join(", ", 'x', '', 'g', 'x', 'x')", 40);
  const std::string replace = nested("label_replace(", ", 'g', '$1$1$1$1', 'g', '(.*)')", 20);
  Remake(size_t{1} << 30, size_t{1} << 30);
  EXPECT_THAT(Run("m and " + join), IsCode(kExhausted, "label_join() would make a value"));
  EXPECT_THAT(Run("m and " + replace), IsCode(kExhausted, "label_replace() would make a value"));
  // 50 values of a quarter of a MiB, at each of the last levels.
  Remake(size_t{16} << 20, size_t{1} << 30);
  EXPECT_THAT(Run("m and " + nested("label_replace(", ", 'g', '$1$1$1$1', 'g', '(.*)')", 10)),
              IsCode(kExhausted, "limits.query_memory_bytes"));
}

TEST_F(BudgetTest, EveryOperatorCountsWhatItHolds) {
  const size_t column = 1001 * sizeof(double);
  const std::pair<const char*, size_t> rows[] = {
      // Query, columns that are held at once at least.
      {"m", 50},
      {"m + m", 150},
      {"m or m", 50},
      {"sort(m)", 50},
      {"topk(3, m)", 100},
      {"quantile(0.5, m)", 50},
      {"sum by (s) (m)", 50},
      {"stddev by (s) (m)", 150},
      {"count_values(\"v\", m)", 1000},
      {"label_replace(m, \"s\", \"\", \"\", \"\") and on(x) vector(1)", 0},
      {"sum_over_time(m[100s])", 50},
      {"sum_over_time(m[100s:1s])", 50},
  };
  for (const auto& [query, columns] : rows) {
    SCOPED_TRACE(query);
    Remake(size_t{1} << 30, size_t{1} << 30);
    const auto free = Run(query);
    size_t peak = 0;
    if (free.ok()) {
      peak = free->stats.memory_peak;
      EXPECT_GE(peak, columns * column);
      EXPECT_LE(free->memory->held(), peak);
    } else {
      continue;  // not a question of memory
    }
    // Threads that share the series of a range function hold a little more or less at once each
    // time.
    const bool shared = std::string_view(query).starts_with("sum_over_time");
    Remake(shared ? 2 * peak : peak, size_t{1} << 30);
    EXPECT_OK(Run(query));
    Remake(shared ? columns * column - 1 : peak - 1, size_t{1} << 30);
    EXPECT_THAT(Run(query), IsCode(kExhausted, "limits.query_memory_bytes"));
  }
}

TEST_F(BudgetTest, AnswersCountUntilTheyGo) {
  Remake(size_t{1} << 30, 8 << 20);
  {
    std::vector<QueryResult> answers;
    absl::Status status;
    while (status.ok() && answers.size() < 100) {
      auto r = Run("m");
      status = r.status();
      if (r.ok()) answers.push_back(*std::move(r));
    }
    EXPECT_THAT(status, IsCode(kExhausted, "limits.query_memory_total_bytes"));
    EXPECT_GE(answers.size(), 2u);
  }
  EXPECT_OK(Run("m"));
  const std::string text = base::ExposeText(registry_);
  EXPECT_THAT(text, HasSubstr("slowburn_engine_queries_over_memory_total{limit=\"total\"} 1\n"));
}

// Each look at the time takes a millisecond.
class TickingClock final : public base::Clock {
 public:
  base::TimestampMs Now() const override { return 1'700'000'000'123; }
  int64_t MonotonicNs() const override { return ++ticks_ * 1'000'000; }

 private:
  mutable std::atomic<int64_t> ticks_{0};
};

class LogTest : public ::testing::Test {
 protected:
  LogTest() : path_(::testing::TempDir() + "/queries-" + std::to_string(getpid()) + ".log") {
    unlink(path_.c_str());
  }
  ~LogTest() override { unlink(path_.c_str()); }

  std::vector<base::JsonValue> Lines() {
    std::vector<base::JsonValue> out;
    const std::string text = base::ReadFile(path_).value_or("");
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      EXPECT_NE(end, text.npos);
      auto value = base::ParseJson(text.substr(at, end - at));
      EXPECT_OK(value);
      if (value.ok()) out.push_back(*std::move(value));
      at = end + 1;
    }
    return out;
  }

  const std::string path_;
  TickingClock clock_;
  tsdb::MemoryStorage storage_;
  prometheus::Registry registry_;
};

TEST_F(LogTest, EveryQueryIsALineInPrometheusShape) {
  Engine engine(storage_, clock_, {}, registry_);
  EXPECT_OK(engine.Instant("1", 0));  // before there is a file
  ASSERT_OK(engine.SetQueryLogFile(path_));
  QueryOptions http;
  http.origin = {"127.0.0.1", "POST", "/api/v1/query_range", "", ""};
  EXPECT_FALSE(engine.Instant("vector(", 0, http).ok());
  EXPECT_OK(engine.Range("vector(1)", 10'000, 20'000, 2500, http));
  QueryOptions rule;
  rule.origin.rule_file = "/etc/r.yml";
  rule.origin.rule_group = "g";
  EXPECT_FALSE(engine.Instant("topk(NaN, vector(1))", 1500, rule).ok());
  EXPECT_OK(engine.SetQueryLogFile(""));
  EXPECT_OK(engine.Instant("2", 0));

  const std::vector<base::JsonValue> lines = Lines();
  ASSERT_THAT(lines, SizeIs(2));  // what does not parse is no query
  const base::JsonValue& a = lines[0];
  EXPECT_EQ(a.StringAt("time"), "2023-11-14T22:13:20.123000000Z");
  EXPECT_EQ(a.StringAt("msg"), "promql query logged");
  const base::JsonValue* params = a.Find("params");
  ASSERT_NE(params, nullptr);
  EXPECT_EQ(params->StringAt("query"), "vector(1)");
  EXPECT_EQ(params->StringAt("start"), "1970-01-01T00:00:10.000Z");
  EXPECT_EQ(params->StringAt("end"), "1970-01-01T00:00:20.000Z");
  EXPECT_EQ(params->Find("step")->number, 2);
  EXPECT_EQ(a.Find("error"), nullptr);
  ASSERT_NE(a.Find("stats"), nullptr);
  EXPECT_GT(a.Find("stats")->Find("timings")->Find("execTotalTime")->number, 0);
  EXPECT_GE(a.Find("stats")->Find("samples")->Find("peakSamples")->number, 5);
  EXPECT_EQ(a.Find("httpRequest")->StringAt("clientIP"), "127.0.0.1");
  EXPECT_EQ(a.Find("httpRequest")->StringAt("path"), "/api/v1/query_range");
  EXPECT_EQ(a.Find("ruleGroup"), nullptr);
  const base::JsonValue& b = lines[1];
  EXPECT_EQ(b.StringAt("error"), "Parameter value is NaN");
  EXPECT_EQ(b.Find("ruleGroup")->StringAt("file"), "/etc/r.yml");
  EXPECT_EQ(b.Find("ruleGroup")->StringAt("name"), "g");
  EXPECT_EQ(b.Find("httpRequest"), nullptr);
}

TEST_F(LogTest, AFileThatCannotBeOpenedLeavesTheFormerOne) {
  Engine engine(storage_, clock_, {}, registry_);
  ASSERT_OK(engine.SetQueryLogFile(path_));
  EXPECT_THAT(engine.SetQueryLogFile("/nowhere/at/all.log"),
              IsCode(absl::StatusCode::kFailedPrecondition, "/nowhere/at/all.log"));
  EXPECT_OK(engine.Instant("1", 0));
  EXPECT_OK(engine.SetQueryLogFile(path_));  // opened anew, as after it was moved away
  EXPECT_OK(engine.Instant("1", 0));
  EXPECT_THAT(Lines(), SizeIs(2));
}

TEST_F(LogTest, SlowQueriesAreTold) {
  const auto logged = [&](base::DurationMs threshold) {
    prometheus::Registry registry;
    EngineOptions options;
    options.slow_query_ms = threshold;
    Engine engine(storage_, clock_, options, registry);
    ::testing::internal::CaptureStderr();
    QueryOptions query;
    query.origin.client = "10.1.2.3";
    EXPECT_OK(engine.Range("vector(1) + 1", 0, 60'000, 15'000, query));
    const std::string text = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(base::ExposeText(registry),
                HasSubstr(std::string("slowburn_engine_slow_queries_total ") +
                          (text.empty() ? "0\n" : "1\n")));
    return text;
  };
  EXPECT_EQ(logged(0), "");
  EXPECT_EQ(logged(base::kHour), "");
  const std::string line = logged(1);
  EXPECT_THAT(line, AllOf(HasSubstr("msg=\"slow query\" query=\"vector(1) + 1\" kind=range"),
                          HasSubstr("step=15s"), HasSubstr(" client=10.1.2.3")));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

}  // namespace
}  // namespace slowburn::query
