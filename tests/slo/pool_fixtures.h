// A store, a state store and a manager or pool over them, that can be killed and started again.
#ifndef SLOWBURN_TESTS_SLO_POOL_FIXTURES_H_
#define SLOWBURN_TESTS_SLO_POOL_FIXTURES_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "slo/ledger_pool.h"
#include "slo/slo_manager.h"
#include "tests/slo/slo_fixtures.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_executor.h"
#include "tests/testing/memory_state_store.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::slo {

// What the law of sli_ledger.h says, computed from the stored samples in the plainest way.
struct BruteForce {
  std::map<int64_t, std::pair<EventCount, EventCount>> slices;  // slice → part, total
  EventCount part, total;

  std::pair<EventCount, EventCount> Window(TimestampMs from, TimestampMs to) const {
    std::pair<EventCount, EventCount> out;
    for (auto it = slices.lower_bound(from / kSliceMs);
         it != slices.end() && it->first < to / kSliceMs; ++it) {
      out.first += it->second.first;
      out.second += it->second.second;
    }
    return out;
  }
};

inline void AddSeries(const Sli& sli, const tsdb::Labels& labels, tsdb::SampleIterator& samples,
                      BruteForce& out) {
  const uint8_t roles = sli.RolesOf(labels);
  bool has_before = false;
  Point before;
  tsdb::SampleBatch batch;
  while (samples.Next(batch)) {
    for (size_t i = 0; i < batch.t.size(); ++i) {
      if (!batch.histograms.empty() && batch.histograms[i] != nullptr) continue;
      if (!std::isfinite(batch.v[i])) continue;
      const Point now{batch.t[i], batch.v[i], batch.starts.empty() ? 0 : batch.starts[i]};
      double delta = 0;
      if (!has_before) {
        const bool recent = now.start != 0 && now.start <= now.t && now.t - now.start <= 300'000;
        delta = recent ? std::max(now.v, 0.0) : 0;
      } else if (now.v < before.v || (now.start > before.t && now.start <= now.t)) {
        delta = std::max(now.v, 0.0);
      } else {
        delta = now.v - before.v;
      }
      auto& slice = out.slices[SliceOf(now.t)];
      if ((roles & Sli::kPart) != 0) slice.first += EventCount::FromDouble(delta);
      if ((roles & Sli::kTotal) != 0) slice.second += EventCount::FromDouble(delta);
      has_before = true;
      before = now;
    }
  }
}

inline BruteForce CountByHand(const Sli& sli, tsdb::Storage& storage) {
  BruteForce out;
  const auto querier = storage.NewQuerier({});
  for (const bool total : {true, false}) {
    auto set = querier->Select(total ? sli.total : sli.part, {});
    EXPECT_TRUE(set.ok());
    while ((*set)->Next()) {
      // A series of both selectors is counted in the first round.
      if (!total && (sli.RolesOf((*set)->labels()) & Sli::kTotal) != 0) continue;
      AddSeries(sli, (*set)->labels(), *(*set)->samples(), out);
    }
  }
  for (const auto& [slice, counts] : out.slices) {
    out.part += counts.first;
    out.total += counts.second;
  }
  return out;
}

struct Row {
  tsdb::Labels labels;
  TimestampMs t = 0;
  double v = 0;
  TimestampMs start = 0;
};

inline size_t Commit(tsdb::Storage& storage, const std::vector<Row>& rows) {
  const auto appender = storage.NewAppender();
  for (const Row& row : rows) {
    const auto ref = appender->Resolve(row.labels, nullptr);
    EXPECT_TRUE(ref.ok());
    appender->Append(*ref, row.t, row.v, row.start);
  }
  const auto result = appender->Commit();
  EXPECT_TRUE(result.ok());
  return result->samples;
}

inline tsdb::Labels Requests(const std::string& code, const std::string& pod = "a") {
  return {{"__name__", "requests_total"}, {"code", code}, {"pod", pod}};
}

class World {
 public:
  explicit World(DurationMs late_window = 0)
      : storage({.out_of_order_window_ms = late_window}),
        executor(clock),
        late_window_(late_window) {
    clock.Set(kT0);
  }

  SloManager::Deps Deps() {
    return {.storage = storage,
            .add_tap = [this](tsdb::CommitTap* tap) { storage.AddTap(tap); },
            .remove_tap = [this](tsdb::CommitTap* tap) { storage.RemoveTap(tap); },
            .oldest_time = nullptr,
            .state = state,
            .executor = executor,
            .clock = clock,
            .sink = sink,
            .registry = registry};
  }
  SloManagerOptions Options() const {
    return {.late_window_ms = late_window_,
            .fill_step_samples = 1000,
            .external_url = "http://slowburn"};
  }

  void Start(std::vector<SloSpec> specs) {
    manager = std::make_unique<SloManager>(Deps(), Options());
    ASSERT_OK(manager->Start(std::move(specs)));
    executor.RunPosted();
  }
  // Nothing is written any more: what a kill leaves behind.
  void Kill() {
    state.FailAfter(0);
    manager.reset();
    state.FailAfter(-1);
  }
  void StopCleanly() { manager.reset(); }

  testing::FakeClock clock;
  tsdb::MemoryStorage storage;
  testing::FakeExecutor executor;
  testing::MemoryStateStore state;
  RecordingSink sink;
  prometheus::Registry registry;
  std::unique_ptr<SloManager> manager;

 private:
  const DurationMs late_window_;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_TESTS_SLO_POOL_FIXTURES_H_
