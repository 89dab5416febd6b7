// Sealed blocks: what sealing costs a sample, what reading does, and how many bytes a sample takes.
//
//   build/release/bench/block_store_bench
//
// The data is like ten node exporters': 65 % constants, sparse and busy counters, decimals, gauges;
// each target has times of its own, with a jitter of some milliseconds. A block is two hours of
// 15 s.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "tsdb/block_store.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kTargets = 10, kSeriesPerTarget = 1000;
constexpr size_t kSamples = kHotPartitionMs / (15 * base::kSecond);
constexpr TimestampMs kZero = 1'699'920'000'000 / kColdPartitionMs * kColdPartitionMs;

double NextValue(size_t series, double value, uint64_t random) {
  const uint64_t kind = series % 20;
  if (kind < 13) return static_cast<double>(series % 7);
  switch (kind) {
    case 13:
    case 14:
      return random % 10 == 0 ? value + static_cast<double>(random % 3) : value;
    case 15:
      return value + static_cast<double>(random % 10);
    case 16:
      return value + static_cast<double>(random % 2'000'000);
    case 17:
      return std::round((value + static_cast<double>(random % 1500) / 100) * 100) / 100;
    case 18:
      return static_cast<double>((random % 100'000 + 1'000'000) * 4096);
    default:
      return static_cast<double>(random % 10'000) / 100;
  }
}

struct Series {
  Labels labels;
  size_t target = 0, number = 0;
  double value = 0;
};

std::vector<Series> MakeSeries() {
  std::vector<Series> all;
  for (size_t target = 0; target < kTargets; ++target) {
    for (size_t i = 0; i < kSeriesPerTarget; ++i) {
      Labels labels{{"__name__", absl::StrCat("node_metric_", i / 8, "_total")},
                    {"cpu", absl::StrCat(i % 8)},
                    {"instance", absl::StrCat("host-", target, ".example.net:9100")},
                    {"job", "node"},
                    {"env", "production"},
                    {"region", "eu-central-1"},
                    {"mode", i % 2 == 0 ? "user" : "system"}};
      all.push_back({std::move(labels), target, i, 0});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Series& a, const Series& b) { return a.labels < b.labels; });
  return all;
}

// Two hours of all series.
struct Hours {
  std::vector<std::vector<TimestampMs>> times;  // by target
  std::vector<std::vector<double>> values;      // by series
  TimeRange partition;
};

Hours MakeHours(std::vector<Series>& series, int number, std::mt19937_64& random) {
  Hours hours;
  hours.partition = {kZero + number * kHotPartitionMs, kZero + (number + 1) * kHotPartitionMs};
  for (size_t target = 0; target < kTargets; ++target) {
    std::vector<TimestampMs>& times = hours.times.emplace_back();
    for (size_t k = 0; k < kSamples; ++k) {
      times.push_back(hours.partition.start + static_cast<TimestampMs>(k) * 15'000 +
                      static_cast<TimestampMs>(target * 100 + random() % 5));
    }
  }
  for (Series& one : series) {
    std::vector<double>& values = hours.values.emplace_back();
    for (size_t k = 0; k < kSamples; ++k)
      values.push_back(one.value = NextValue(one.number, one.value, random()));
  }
  return hours;
}

void Seal(BlockStore& store, const std::vector<Series>& series, const Hours& hours) {
  const auto batch = store.NewBatch();
  BlockWriter* const writer = *batch->NewBlock(hours.partition, Temperature::kHot, {});
  for (size_t i = 0; i < series.size(); ++i) {
    absl::Status status = writer->AddSeries(series[i].labels);
    status.Update(writer->AddSamples({hours.times[series[i].target], hours.values[i]}));
    if (!status.ok()) std::abort();
  }
  if (!batch->Commit({hours.partition.end, 1}).ok()) std::abort();
}

class Directory {
 public:
  Directory() {
    static int next = 0;
    path_ = (std::filesystem::temp_directory_path() /
             absl::StrCat("slowburn-blocks-", getpid(), "-", next++))
                .string();
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A day of hot blocks, made once.
struct Day {
  Day() {
    base::SetLogLevel(base::LogLevel::kWarn);
    std::mt19937_64 random{1};
    series = MakeSeries();
    store = *BlockStore::Open(directory.path(), nullptr);
    for (int i = 0; i < 12; ++i) Seal(*store, series, MakeHours(series, i, random));
  }
  Directory directory;
  std::vector<Series> series;
  std::unique_ptr<BlockStore> store;
};
Day& TheDay() {
  static Day day;
  return day;
}

void SetBytes(benchmark::State& state, const BlockStats& stats) {
  const double samples = static_cast<double>(stats.samples);
  state.counters["data_B/sample"] = static_cast<double>(stats.data_bytes) / samples;
  state.counters["index_B/series"] =
      static_cast<double>(stats.index_bytes) / static_cast<double>(stats.series);
  state.counters["file_B/sample"] = static_cast<double>(stats.file_bytes) / samples;
}

void BM_Seal(benchmark::State& state) {
  base::SetLogLevel(base::LogLevel::kWarn);
  std::mt19937_64 random{1};
  std::vector<Series> series = MakeSeries();
  const Hours hours = MakeHours(series, 0, random);
  Directory directory;
  const std::unique_ptr<BlockStore> store = *BlockStore::Open(directory.path(), nullptr);
  for (auto _ : state) {
    Seal(*store, series, hours);
    state.PauseTiming();
    SetBytes(state, store->Stats());
    if (!store->DropBefore(kMaxTime).ok()) std::abort();
    state.ResumeTiming();
  }
  state.counters["ns/sample"] = benchmark::Counter(
      static_cast<double>(series.size() * kSamples) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_Seal)->Unit(benchmark::kMillisecond);

enum class Take { kAll, kLabels };

double Read(const BlockStore& store, const Matchers& matchers, TimeRange range, Take take,
            size_t& samples) {
  SelectHints hints;
  hints.range = range;
  hints.samples_needed = take == Take::kAll;
  const auto view = store.View();
  const std::unique_ptr<SeriesSet> set = *view->Select(matchers, hints);
  double sum = 0;
  while (set->Next()) {
    if (take == Take::kLabels) {
      ++samples;
      continue;
    }
    const std::unique_ptr<SampleIterator> it = set->samples();
    SampleBatch batch;
    while (it->Next(batch)) {
      samples += batch.t.size();
      sum += batch.v.back();
    }
  }
  return sum;
}

void ReadBench(benchmark::State& state, const BlockStore& store, const Matchers& matchers,
               TimeRange range, Take take) {
  size_t samples = 0;
  for (auto _ : state) benchmark::DoNotOptimize(Read(store, matchers, range, take, samples));
  state.counters[take == Take::kAll ? "ns/sample" : "ns/series"] =
      benchmark::Counter(static_cast<double>(samples) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["n"] = static_cast<double>(samples) / static_cast<double>(state.iterations());
}

void BM_ReadAllOfADay(benchmark::State& state) {
  ReadBench(state, *TheDay().store, {}, {}, Take::kAll);
}
BENCHMARK(BM_ReadAllOfADay)->Unit(benchmark::kMillisecond);

// 80 busy counters of a day.
void BM_ReadOneMetricOfADay(benchmark::State& state) {
  const Matchers matchers = {Matcher::Equal("__name__", "node_metric_2_total")};
  ReadBench(state, *TheDay().store, matchers, {}, Take::kAll);
}
BENCHMARK(BM_ReadOneMetricOfADay)->Unit(benchmark::kMicrosecond);

void BM_ReadFiveMinutesOfOneMetric(benchmark::State& state) {
  const Matchers matchers = {Matcher::Equal("__name__", "node_metric_2_total")};
  const TimestampMs t = kZero + 11 * base::kHour;
  ReadBench(state, *TheDay().store, matchers, {t, t + 5 * base::kMinute}, Take::kAll);
}
BENCHMARK(BM_ReadFiveMinutesOfOneMetric)->Unit(benchmark::kMicrosecond);

void BM_SelectAllOfADay(benchmark::State& state) {
  ReadBench(state, *TheDay().store, {}, {}, Take::kLabels);
}
BENCHMARK(BM_SelectAllOfADay)->Unit(benchmark::kMillisecond);

void BM_SelectOneTargetOfADay(benchmark::State& state) {
  const Matchers matchers = {Matcher::Equal("instance", "host-3.example.net:9100")};
  ReadBench(state, *TheDay().store, matchers, {}, Take::kLabels);
}
BENCHMARK(BM_SelectOneTargetOfADay)->Unit(benchmark::kMillisecond);

void BM_Open(benchmark::State& state) {
  Directory directory;
  base::SetLogLevel(base::LogLevel::kWarn);
  std::vector<Series> series = MakeSeries();
  series.resize(200);
  std::mt19937_64 random{1};
  std::unique_ptr<BlockStore> store = *BlockStore::Open(directory.path(), nullptr);
  for (int i = 0; i < state.range(0); ++i) Seal(*store, series, MakeHours(series, i, random));
  for (auto _ : state) {
    store = nullptr;
    store = *BlockStore::Open(directory.path(), nullptr);
  }
}
BENCHMARK(BM_Open)->Arg(100)->Arg(400)->Unit(benchmark::kMillisecond);

void BM_RewriteADay(benchmark::State& state) {
  base::SetLogLevel(base::LogLevel::kWarn);
  const auto go_on = [] { return true; };
  uint64_t samples = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Directory directory;
    if (!TheDay().store->Checkpoint(directory.path()).ok()) std::abort();
    std::unique_ptr<BlockStore> store = *BlockStore::Open(directory.path(), nullptr);
    state.ResumeTiming();
    if (!*store->Rewrite(kZero + 3 * base::kDay, 0, go_on)) std::abort();
    state.PauseTiming();
    SetBytes(state, store->Stats());
    samples += store->Stats().samples;
    store = nullptr;
    state.ResumeTiming();
  }
  state.counters["ns/sample"] =
      benchmark::Counter(static_cast<double>(samples) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_RewriteADay)->Unit(benchmark::kMillisecond)->Iterations(2);

}  // namespace
}  // namespace slowburn::tsdb
