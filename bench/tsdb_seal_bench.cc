// Sealing: what it costs a sample, what commits feel of it meanwhile, and what reading costs when a
// part is in blocks.
//
//   build/release/bench/tsdb_seal_bench
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "prometheus/registry.h"
#include "tsdb/db.h"

namespace slowburn::tsdb {
namespace {

constexpr DurationMs kInterval = 15 * base::kSecond;

// Like an exporter's: constants, counters, gauges of two decimals.
double NextValue(size_t series, double value, uint64_t random) {
  switch (series % 6) {
    case 0:
    case 1:
      return static_cast<double>(series);
    case 2:
    case 3:
      return value + static_cast<double>(random % 16);
    case 4:
      return value + static_cast<double>(random % 100'000);
    default:
      return static_cast<double>(random % 10'000) / 100;
  }
}

class Store {
 public:
  explicit Store(size_t series) : values_(series), refs_(series) {
    base::SetLogLevel(base::LogLevel::kWarn);
    static int number = 0;
    directory_ = (std::filesystem::temp_directory_path() /
                  ("slowburn-seal-" + std::to_string(getpid()) + "-" + std::to_string(number++)))
                     .string();
    DbOptions options;
    options.path = directory_;
    options.wal_sync = WalSync::kOs;
    options.background = false;
    options.limits.min_free_bytes = 0;
    db_ = *Db::Open(std::move(options), clock_, registry_);
    zero_ = clock_.Now() - clock_.Now() % (2 * base::kHour) - 2 * base::kHour;
  }
  ~Store() {
    db_ = nullptr;
    std::filesystem::remove_all(directory_);
  }

  // A sample of each series, in rows of a thousand. Calls after(row) after each.
  template <typename After>
  void Step(After after) {
    static constexpr size_t kRow = 1000;
    for (size_t begin = 0; begin < refs_.size(); begin += kRow) {
      const auto appender = db_->NewAppender();
      const size_t end = std::min(begin + kRow, refs_.size());
      for (size_t i = begin; i < end; ++i) {
        if (refs_[i] == SeriesRef::kUnknown) {
          refs_[i] = *appender->Resolve(Labels{{"__name__", "metric_" + std::to_string(i % 40)},
                                               {"instance", "host-" + std::to_string(i / 200)},
                                               {"job", "job-" + std::to_string(i / 200 % 5)},
                                               {"i", std::to_string(i % 200)}},
                                        nullptr);
        }
        values_[i] = NextValue(i, values_[i], engine_());
        appender->Append(refs_[i], zero_ + static_cast<TimestampMs>(steps_) * kInterval,
                         values_[i]);
      }
      if (!appender->Commit().ok()) std::abort();
      after();
    }
    ++steps_;
  }
  void Fill(size_t steps) {
    for (size_t n = 0; n < steps; ++n) Step([] {});
  }
  void Seal() {
    if (!db_->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait).ok()) std::abort();
  }

  size_t Read() {
    const auto querier = db_->NewQuerier({});
    auto set = *querier->Select({}, {});
    size_t samples = 0;
    while (set->Next()) {
      const auto it = set->samples();
      SampleBatch batch;
      while (it->Next(batch)) samples += batch.t.size();
    }
    return samples;
  }
  Db& db() { return *db_; }

 private:
  const base::RealClock clock_;
  prometheus::Registry registry_;
  std::string directory_;
  std::unique_ptr<Db> db_;
  TimestampMs zero_ = 0;
  size_t steps_ = 0;
  std::mt19937_64 engine_{1};
  std::vector<double> values_;
  std::vector<SeriesRef> refs_;
};

void BM_Seal(benchmark::State& state) {
  const auto series = static_cast<size_t>(state.range(0)),
             steps = static_cast<size_t>(state.range(1));
  uint64_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto store = std::make_unique<Store>(series);
    store->Fill(steps);
    state.ResumeTiming();
    store->Seal();
    state.PauseTiming();
    bytes = store->db().Stats(0).block_bytes;
    store = nullptr;
    state.ResumeTiming();
  }
  const auto samples = static_cast<double>(series * steps);
  state.SetItemsProcessed(static_cast<int64_t>(samples) * state.iterations());
  state.counters["bytes_a_sample"] = static_cast<double>(bytes) / samples;
}
BENCHMARK(BM_Seal)->Args({20'000, 480})->Args({200'000, 40})->Unit(benchmark::kMillisecond);

// Commits of a thousand samples, while another thread seals all the time (1) or does nothing (0).
void BM_CommitWhileSealing(benchmark::State& state) {
  const bool seals = state.range(0) == 1;
  Store store(100'000);
  store.Fill(60);
  std::atomic<bool> done{false};
  std::thread sealer;
  if (seals) {
    sealer = std::thread([&] {
      while (!done) store.Seal();
    });
  }
  const base::RealClock clock;
  std::vector<int64_t> took;
  for (auto _ : state) {
    int64_t last = clock.MonotonicNs();
    store.Step([&] {
      const int64_t now = clock.MonotonicNs();
      took.push_back(now - last);
      last = now;
    });
  }
  done = true;
  if (sealer.joinable()) sealer.join();
  std::sort(took.begin(), took.end());
  const auto at = [&](double share) {
    return static_cast<double>(
               took[static_cast<size_t>(share * static_cast<double>(took.size() - 1))]) *
           1e-6;
  };
  state.counters["ms_p50"] = at(0.5);
  state.counters["ms_p99"] = at(0.99);
  state.counters["ms_max"] = at(1);
}
BENCHMARK(BM_CommitWhileSealing)
    ->Arg(0)
    ->Arg(1)
    ->Iterations(30)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// All in the head (0), all in blocks (1), the older half in blocks (2).
void BM_Read(benchmark::State& state) {
  Store store(5'000);
  store.Fill(240);
  if (state.range(0) == 2) store.Seal();
  store.Fill(240);
  if (state.range(0) == 1) store.Seal();
  size_t samples = 0;
  for (auto _ : state) samples += store.Read();
  state.SetItemsProcessed(static_cast<int64_t>(samples));
}
BENCHMARK(BM_Read)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace slowburn::tsdb
