// PromQL in process: 1000 series over 24 h at 15 s (5.76 M samples) in memory.
//
// Range queries cover the day. `per_sample` is the time divided by the samples that the query must
// read at least once.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "prometheus/registry.h"
#include "query/engine.h"
#include "tsdb/db.h"
#include "tsdb/memory_storage.h"

namespace slowburn::query {
namespace {

constexpr tsdb::TimestampMs kStart = 1'700'000'000'000 / 60'000 * 60'000;
constexpr tsdb::DurationMs kInterval = 15 * base::kSecond;
constexpr int kSamples = 24 * 60 * 4;
constexpr int kSeries = 1000;
constexpr tsdb::TimestampMs kEnd = kStart + (kSamples - 1) * kInterval;

std::string Padded(int i) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "%03d", i);
  return buffer;
}

// Half are counters that start again now and then, half are gauges. A row is what one scrape of all
// targets brings.
void Fill(tsdb::Storage& storage) {
  std::vector<tsdb::Labels> labels;
  for (int s = 0; s < kSeries; ++s) {
    labels.push_back({{"__name__", s % 2 == 0 ? "http_requests_total" : "temperature"},
                      {"instance", "host-" + Padded(s / 10)},
                      {"job", s % 4 < 2 ? "api" : "db"},
                      {"path", "/p" + std::to_string(s % 10)}});
  }
  std::vector<double> values(kSeries, 0);
  uint64_t random = 42;
  for (int i = 0; i < kSamples; ++i) {
    const auto appender = storage.NewAppender();
    for (int s = 0; s < kSeries; ++s) {
      const auto ref = appender->Resolve(labels[size_t(s)], nullptr);
      CHECK(ref.ok());
      random = random * 6364136223846793005 + 1442695040888963407;
      const auto draw = double(random >> 40);
      double& v = values[size_t(s)];
      if (s % 2 != 0) {
        v = draw / 1000;
      } else {
        v = (random >> 33) % 5000 == 0 ? 0 : v + std::floor(draw / 100000);
      }
      appender->Append(*ref, kStart + i * kInterval, v);
    }
    const auto result = appender->Commit();
    CHECK(result.ok() && result->rejected.empty());
  }
}

// SLOWBURN_BENCH_STORAGE=db takes the real store in a temporary directory instead of the one in
// memory.
struct World {
  World() {
    const char* kind = std::getenv("SLOWBURN_BENCH_STORAGE");
    if (kind != nullptr && std::string_view(kind) == "db") {
      directory = std::filesystem::temp_directory_path() / "slowburn_query_bench";
      std::filesystem::remove_all(directory);
      tsdb::DbOptions options;
      options.path = directory;
      options.wal_sync = tsdb::WalSync::kOs;
      options.background = false;
      options.retention_ms = 100 * 365 * base::kDay;
      auto db = tsdb::Db::Open(options, clock, registry);
      CHECK(db.ok());
      storage = *std::move(db);
    } else {
      storage = std::make_unique<tsdb::MemoryStorage>();
    }
    Fill(*storage);
    engine.emplace(*storage, clock, EngineOptions{}, registry);
  }
  ~World() {
    engine.reset();
    storage.reset();
    if (!directory.empty()) std::filesystem::remove_all(directory);
  }

  base::RealClock clock;
  prometheus::Registry registry;
  std::filesystem::path directory;
  std::unique_ptr<tsdb::Storage> storage;
  std::optional<Engine> engine;
};

World& TheWorld() {
  static World world;
  return world;
}

void Report(benchmark::State& state, double samples) {
  state.counters["per_sample"] =
      benchmark::Counter(samples * double(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void RangeQuery(benchmark::State& state, const char* query, int series, tsdb::DurationMs step) {
  World& world = TheWorld();
  for (auto _ : state) {
    const auto result = world.engine->Range(query, kStart, kEnd, step);
    CHECK(result.ok());
    benchmark::DoNotOptimize(result->series.data());
  }
  Report(state, double(series) * kSamples);
}

void InstantQuery(benchmark::State& state, const char* query, int series, int samples) {
  World& world = TheWorld();
  for (auto _ : state) {
    const auto result = world.engine->Instant(query, kEnd);
    CHECK(result.ok());
    benchmark::DoNotOptimize(result->series.data());
  }
  Report(state, double(series) * samples);
}

constexpr tsdb::DurationMs kMinuteStep = base::kMinute;
constexpr tsdb::DurationMs k240Steps = 6 * base::kMinute;

#define RANGE(name, query, series, step) \
  BENCHMARK_CAPTURE(RangeQuery, name, query, series, step)->Unit(benchmark::kMillisecond)
#define INSTANT(name, query, series, samples) \
  BENCHMARK_CAPTURE(InstantQuery, name, query, series, samples)->Unit(benchmark::kMicrosecond)

RANGE(selector_240_steps, "{job=~\"api|db\"}", kSeries, k240Steps);
RANGE(selector_1440_steps, "temperature", kSeries / 2, kMinuteStep);
RANGE(sum_rate_5m, "sum(rate(http_requests_total[5m]))", kSeries / 2, kMinuteStep);
RANGE(sum_by_rate_5m, "sum by (job, path) (rate(http_requests_total[5m]))", kSeries / 2,
      kMinuteStep);
RANGE(rate_1h, "rate(http_requests_total[1h])", kSeries / 2, kMinuteStep);
RANGE(max_over_time_1h, "max_over_time(temperature[1h])", kSeries / 2, kMinuteStep);
RANGE(avg_over_time_5m, "avg_over_time(temperature[5m])", kSeries / 2, kMinuteStep);
RANGE(sum_over_time_1h, "sum_over_time(temperature[1h])", kSeries / 2, kMinuteStep);
RANGE(quantile_over_time_5m, "quantile_over_time(0.9, temperature[5m])", kSeries / 2, kMinuteStep);
RANGE(quantile, "quantile by (job) (0.9, temperature)", kSeries / 2, k240Steps);
RANGE(topk, "topk(10, temperature)", kSeries / 2, k240Steps);
RANGE(avg_by_instance, "avg by (instance) (temperature)", kSeries / 2, kMinuteStep);
RANGE(
    join,
    "rate(http_requests_total[5m]) / on(instance, path) group_left() temperature{path=\"/p1\"} or "
    "temperature > 1000",
    kSeries, k240Steps);
RANGE(arithmetic, "temperature * 2 + 1 > 3000", kSeries / 2, kMinuteStep);
RANGE(subquery, "max_over_time(sum by (job) (rate(http_requests_total[5m]))[1h:5m])", kSeries / 2,
      k240Steps);
INSTANT(instant_selector, "temperature", kSeries / 2, 1);
INSTANT(instant_rate, "sum(rate(http_requests_total[5m]))", kSeries / 2, 20);
INSTANT(instant_rate_1d, "sum(rate(http_requests_total[1d]))", kSeries / 2, kSamples);

}  // namespace
}  // namespace slowburn::query

BENCHMARK_MAIN();
