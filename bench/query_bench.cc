// PromQL in process: 1000 series over 24 h at 15 s (5.76 M samples) in a MemoryStorage.
//
// Range queries cover the day. `per_sample` is the time divided by the samples that the query must
// read at least once.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/clock.h"
#include "prometheus/registry.h"
#include "query/engine.h"
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

// Half are counters (http_requests_total, which start again now and then), a tenth of the series
// each; the others are gauges (temperature) and classic buckets.
void Fill(tsdb::Storage& storage) {
  const auto appender = storage.NewAppender();
  uint64_t random = 42;
  for (int s = 0; s < kSeries; ++s) {
    const bool counter = s % 2 == 0;
    const tsdb::Labels labels{{"__name__", counter ? "http_requests_total" : "temperature"},
                              {"instance", "host-" + Padded(s / 10)},
                              {"job", s % 4 < 2 ? "api" : "db"},
                              {"path", "/p" + std::to_string(s % 10)}};
    const auto ref = appender->Resolve(labels, nullptr);
    CHECK(ref.ok());
    double v = 0;
    for (int i = 0; i < kSamples; ++i) {
      random = random * 6364136223846793005 + 1442695040888963407;
      const auto draw = double(random >> 40);
      v = counter ? (random >> 33) % 5000 == 0 ? 0 : v + std::floor(draw / 100000) : draw / 1000;
      appender->Append(*ref, kStart + i * kInterval, v);
    }
  }
  CHECK(appender->Commit().ok());
}

struct World {
  World() { Fill(storage); }
  tsdb::MemoryStorage storage;
  base::RealClock clock;
  prometheus::Registry registry;
  Engine engine{storage, clock, EngineOptions{}, registry};
};

World& TheWorld() {
  static auto* world = new World;
  return *world;
}

void Report(benchmark::State& state, double samples) {
  state.counters["per_sample"] =
      benchmark::Counter(samples * double(state.iterations()) / 1e9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void RangeQuery(benchmark::State& state, const char* query, int series, tsdb::DurationMs step) {
  World& world = TheWorld();
  for (auto _ : state) {
    const auto result = world.engine.Range(query, kStart, kEnd, step);
    CHECK(result.ok());
    benchmark::DoNotOptimize(result->series.data());
  }
  Report(state, double(series) * kSamples);
}

void InstantQuery(benchmark::State& state, const char* query, int series, int samples) {
  World& world = TheWorld();
  for (auto _ : state) {
    const auto result = world.engine.Instant(query, kEnd);
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
