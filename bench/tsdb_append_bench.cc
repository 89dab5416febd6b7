// The path of a remote-write request behind its decoder: look-up of raw keys, append, commit with
// the log, in rows of 2,000 samples. And what a million series cost in memory, and how long they
// take to come back.
//
//   build/release/bench/tsdb_append_bench --benchmark_filter=Append
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "bench/own_process.h"
#include "prometheus/registry.h"
#include "tsdb/db.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kRow = 2000;
constexpr DurationMs kInterval = 15 * base::kSecond;

// Seven labels and about 190 bytes, as the data set of the comparisons with other stores.
Labels SeriesLabels(size_t i) {
  const std::string instance = "host-" + std::to_string(i / 500) + ".region-1.example.net:9100";
  return Labels{
      {"__name__", "bench_metric_with_a_longer_name_" + std::to_string(i % 500 / 4) + "_total"},
      {"job", "node-exporter"},
      {"instance", instance},
      {"cluster", "production-europe-west-1"},
      {"device", "device-" + std::to_string(i % 4)},
      {"mode", "steady"},
      {"team", "platform"}};
}

struct Store {
  explicit Store(size_t series_count)
      : directory((std::filesystem::temp_directory_path() /
                   ("slowburn-bench-" + std::to_string(getpid())))
                      .string()),
        keys(series_count),
        values(series_count, 0),
        t(clock.Now() - 12 * base::kHour) {
    base::SetLogLevel(base::LogLevel::kWarn);
    std::filesystem::remove_all(directory);
    Open();
    for (size_t i = 0; i < series_count; i += kRow) {
      auto appender = db->NewAppender();
      for (size_t k = i; k < std::min(i + kRow, series_count); ++k) {
        const Labels labels = SeriesLabels(k);
        keys[k] = HashRawKey(labels.ToString());
        appender->Append(*appender->Resolve(labels, &keys[k]), t, 0);
      }
      if (!appender->Commit().ok()) std::abort();
    }
    t += kInterval;
  }
  ~Store() {
    db = nullptr;
    std::filesystem::remove_all(directory);
  }

  void Open() {
    db = nullptr;
    registry = std::make_unique<prometheus::Registry>();
    DbOptions options;
    options.background = false;
    options.path = directory;
    db = *Db::Open(std::move(options), clock, *registry);
  }

  // One request: the next 2,000 series; time moves on when all had their sample.
  void WriteRow() {
    const size_t n = std::min(kRow, keys.size() - next);
    refs.resize(n);
    auto appender = db->NewAppender();
    appender->Lookup({&keys[next], n}, refs);
    for (size_t i = 0; i < n; ++i) {
      double& value = values[next + i];
      const uint64_t random = engine();
      // A third each: constant, small counters, large counters.
      const size_t kind = (next + i) % 3;
      value += kind == 0   ? 0
               : kind == 1 ? static_cast<double>(random % 16)
                           : static_cast<double>(random % 100'000);
      appender->Append(refs[i], t, value);
    }
    if (!appender->Commit().ok()) std::abort();
    next += n;
    if (next == keys.size()) next = 0, t += kInterval;
  }

  base::RealClock clock;
  const std::string directory;
  std::unique_ptr<prometheus::Registry> registry;
  std::unique_ptr<Db> db;
  std::vector<RawKey> keys;
  std::vector<double> values;
  std::vector<SeriesRef> refs;
  TimestampMs t;
  size_t next = 0;
  std::mt19937_64 engine{1};
};

void Append(benchmark::State& state) {
  Store store(static_cast<size_t>(state.range(0)));
  const double cpu = ProcessCpuSeconds();
  for (auto _ : state) store.WriteRow();
  const double samples = static_cast<double>(state.iterations()) * kRow;
  // Of all threads: the flushes of the log count too.
  state.counters["cpu_ns_per_sample"] = (ProcessCpuSeconds() - cpu) * 1e9 / samples;
  state.counters["samples/s"] = benchmark::Counter(samples, benchmark::Counter::kIsRate);
}
BENCHMARK(Append)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->UseRealTime()->Unit(
    benchmark::kMicrosecond);

void Memory(benchmark::State& state) {
  for (auto _ : state) {
    const double before = ResidentBytes();
    const auto series = static_cast<size_t>(state.range(0));
    Store store(series);
    for (size_t row = 0; row < series / kRow * 39; ++row) store.WriteRow();
    const double keys_and_values = static_cast<double>(series) * (sizeof(RawKey) + sizeof(double));
    state.counters["rss_bytes_per_series"] =
        (ResidentBytes() - before - keys_and_values) / static_cast<double>(series);
    const int64_t begin = store.clock.MonotonicNs();
    store.Open();
    state.counters["reopen_s"] = static_cast<double>(store.clock.MonotonicNs() - begin) * 1e-9;
    state.counters["wal_bytes_per_sample"] =
        static_cast<double>(store.db->Stats(1).wal_bytes) / (40.0 * static_cast<double>(series));
  }
}
BENCHMARK(Memory)->Arg(200'000)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kSecond);

void NewSeries(benchmark::State& state) {
  const double cpu = ProcessCpuSeconds();
  size_t made = 0;
  for (auto _ : state) {
    Store store(200'000);
    made += 200'000;
  }
  state.counters["cpu_ns_per_series"] =
      (ProcessCpuSeconds() - cpu) * 1e9 / static_cast<double>(made);
}
BENCHMARK(NewSeries)->Iterations(3)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slowburn::tsdb
