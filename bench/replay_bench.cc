// Restart: how long the log of some series, 40 samples each, takes until the store can be asked.
// The log is written once for each number of series; the pages of its files are in memory.
//
//   build/release/bench/replay_bench --benchmark_filter=Reopen/200000
//   SLOWBURN_BENCH_DIR=/tmp/logs build/release/bench/replay_bench    keeps the logs there, and
//                                                                    finds them again
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "bench/own_process.h"
#include "prometheus/registry.h"
#include "tsdb/db.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kRow = 2000, kRounds = 40;
constexpr DurationMs kInterval = 15 * base::kSecond;

// As in the data set of the comparisons with other stores.
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

std::unique_ptr<Db> OpenAt(const std::string& path, const base::Clock& clock,
                           prometheus::Registry& registry) {
  DbOptions options;
  options.background = false;
  options.path = path;
  return *Db::Open(std::move(options), clock, registry);
}

// Rows of 2,000 samples in order of time; a third each: constant, small counters, large counters.
void WriteLog(const std::string& path, size_t series, const base::Clock& clock) {
  prometheus::Registry registry;
  const std::unique_ptr<Db> db = OpenAt(path, clock, registry);
  std::vector<SeriesRef> refs(series);
  std::vector<double> values(series, 0);
  std::mt19937_64 engine{1};
  TimestampMs t = clock.Now() - static_cast<DurationMs>(kRounds) * kInterval;
  for (size_t round = 0; round < kRounds; ++round, t += kInterval) {
    for (size_t begin = 0; begin < series; begin += kRow) {
      auto appender = db->NewAppender();
      for (size_t i = begin; i < std::min(begin + kRow, series); ++i) {
        if (round == 0) refs[i] = *appender->Resolve(SeriesLabels(i), nullptr);
        const uint64_t random = engine();
        values[i] += i % 3 == 0   ? 0
                     : i % 3 == 1 ? static_cast<double>(random % 16)
                                  : static_cast<double>(random % 100'000);
        appender->Append(refs[i], t, values[i]);
      }
      if (!appender->Commit().ok()) std::abort();
    }
  }
}

class Directory {
 public:
  explicit Directory(size_t series) {
    const char* const kept = std::getenv("SLOWBURN_BENCH_DIR");
    keep_ = kept != nullptr;
    const std::filesystem::path parent =
        keep_ ? std::filesystem::path(kept) : std::filesystem::temp_directory_path();
    path_ = (parent / ("slowburn-replay-" + (keep_ ? "" : std::to_string(getpid()) + "-") +
                       std::to_string(series)))
                .string();
  }
  ~Directory() {
    if (!keep_) std::filesystem::remove_all(path_);
  }
  const std::string& path() const { return path_; }
  bool is_written() const { return std::filesystem::exists(path_); }

 private:
  bool keep_ = false;
  std::string path_;
};

void Reopen(benchmark::State& state) {
  base::SetLogLevel(base::LogLevel::kWarn);
  const auto series = static_cast<size_t>(state.range(0));
  const base::RealClock clock;
  const Directory directory(series);
  if (!directory.is_written()) WriteLog(directory.path(), series, clock);
  double cpu = 0, resident = 0;
  std::unique_ptr<Db> db;
  for (auto _ : state) {
    prometheus::Registry registry;
    const double before = ProcessCpuSeconds(), resident_before = ResidentBytes();
    const int64_t begin = clock.MonotonicNs();
    db = OpenAt(directory.path(), clock, registry);
    state.SetIterationTime(static_cast<double>(clock.MonotonicNs() - begin) * 1e-9);
    cpu += ProcessCpuSeconds() - before;
    resident = std::max(resident, ResidentBytes() - resident_before);
    if (db->Stats(1).samples != series * kRounds) std::abort();
    db = nullptr;
  }
  const double samples = static_cast<double>(state.iterations() * series * kRounds);
  state.counters["cpu_ns_per_sample"] = cpu * 1e9 / samples;
  state.counters["cpu_s"] = cpu / static_cast<double>(state.iterations());
  state.counters["rss_bytes_per_series"] = resident / static_cast<double>(series);
}
BENCHMARK(Reopen)->Arg(10'000)->Arg(200'000)->Arg(1'000'000)->UseManualTime()->Unit(
    benchmark::kMillisecond);

}  // namespace
}  // namespace slowburn::tsdb
