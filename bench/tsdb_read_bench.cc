// Reading from the head: a day of 15 s samples of some hundred series, and a single fresh one; what
// they cost in memory.
//
//   build/release/bench/tsdb_read_bench
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "prometheus/registry.h"
#include "tsdb/db.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kSeries = 500, kSamples = 5700;
constexpr DurationMs kInterval = 15 * base::kSecond;

// Like an exporter's: constants, small and large counters, gauges of two decimals, ratios.
double NextValue(size_t series, double value, uint64_t random) {
  switch (series % 8) {
    case 0:
    case 1:
    case 2:
      return static_cast<double>(series);
    case 3:
    case 4:
      return value + static_cast<double>(random % 16);
    case 5:
      return value + static_cast<double>(random % 100'000);
    case 6:
      return static_cast<double>(random % 10'000) / 100;
    default:
      return static_cast<double>(random >> 11) * 0x1p-53;
  }
}

struct Store {
  Store()
      : directory(
            (std::filesystem::temp_directory_path() / ("slowburn-read-" + std::to_string(getpid())))
                .string()),
        zero(clock.Now() - static_cast<DurationMs>(kSamples) * kInterval) {
    base::SetLogLevel(base::LogLevel::kWarn);
    DbOptions options;
    options.path = directory;
    options.wal_sync = WalSync::kOs;
    options.background = false;
    db = *Db::Open(std::move(options), clock, registry);
    std::mt19937_64 engine{1};
    std::vector<double> values(kSeries, 0);
    std::vector<SeriesRef> refs(kSeries);
    for (size_t n = 0; n < kSamples; ++n) {
      auto appender = db->NewAppender();
      for (size_t i = 0; i < kSeries; ++i) {
        if (n == 0) {
          refs[i] = *appender->Resolve(Labels{{"__name__", "metric"},
                                              {"i", std::to_string(i)},
                                              {"job", "job-" + std::to_string(i % 5)}},
                                       nullptr);
        }
        values[i] = NextValue(i, values[i], engine());
        appender->Append(refs[i], zero + static_cast<TimestampMs>(n) * kInterval, values[i]);
      }
      if (!appender->Commit().ok()) std::abort();
    }
  }
  ~Store() {
    db = nullptr;
    std::filesystem::remove_all(directory);
  }

  size_t Read(const Matchers& matchers, TimeRange range) {
    const auto querier = db->NewQuerier(range);
    auto set = *querier->Select(matchers, {});
    size_t samples = 0;
    while (set->Next()) {
      const auto it = set->samples();
      SampleBatch batch;
      while (it->Next(batch)) samples += batch.t.size();
    }
    return samples;
  }

  base::RealClock clock;
  prometheus::Registry registry;
  const std::string directory;
  const TimestampMs zero;
  std::unique_ptr<Db> db;
};

Store& SharedStore() {
  static Store store;
  return store;
}

void WholeDay(benchmark::State& state) {
  Store& store = SharedStore();
  size_t samples = 0;
  for (auto _ : state) samples += store.Read({Matcher::Equal("__name__", "metric")}, {});
  state.counters["ns_per_sample"] =
      benchmark::Counter(static_cast<double>(samples) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(WholeDay)->Unit(benchmark::kMillisecond);

void LastFiveMinutes(benchmark::State& state) {
  Store& store = SharedStore();
  const TimestampMs end = store.zero + static_cast<TimestampMs>(kSamples) * kInterval;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        store.Read({Matcher::Equal("__name__", "metric"), Matcher::Equal("job", "job-1")},
                   {end - 300'000, end}));
  }
  state.counters["series"] = static_cast<double>(kSeries) / 5;
}
BENCHMARK(LastFiveMinutes)->Unit(benchmark::kMicrosecond);

void OneSeries(benchmark::State& state) {
  Store& store = SharedStore();
  const TimestampMs end = store.zero + static_cast<TimestampMs>(kSamples) * kInterval;
  for (auto _ : state) {
    benchmark::DoNotOptimize(store.Read(
        {Matcher::Equal("__name__", "metric"), Matcher::Equal("i", "123")}, {end - 300'000, end}));
  }
}
BENCHMARK(OneSeries)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace slowburn::tsdb
