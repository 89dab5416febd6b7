// SloManager: all SLOs of one server: their specs, ledgers, evaluations and alerts.
//
//   SloManager slos(SloManager::DepsOf(db, clock, executor, sink, registry), options);
//   RETURN_IF_ERROR(slos.Start(files.specs));  // after the store is open, before samples arrive
//   RETURN_IF_ERROR(slos.ApplySpecs(files.specs));  // at reload
//   slos.Stop();  // when no samples arrive any more, before the store closes
//
// Every ten seconds, on the clock's multiples of ten, all SLOs are judged; what is judged at t is
// the windows (t - W, t]. Targets, tiers and labels are read at that moment, so editing them
// changes no history. A new or changed SLI gets a new ledger, counted from what the store holds;
// until it is complete the SLO is judged by the old one, and an SLO that never had one is not
// judged. Two SLOs over the same SLI share a ledger.
//
// After a kill the slices up to the last write are loaded, what came later is counted from the
// store at once, and then everything that the store still holds is counted anew in the background:
// nothing late can be missing.
//
// Threads: thread-safe. Work runs on the executor, one task at a time; a fill is cut into steps.
// Lifetimes: borrows what is in Deps; tasks that still wait in the executor after Stop do nothing.
// Errors: Start: the state store's. ApplySpecs: none so far.
#ifndef SLOWBURN_SLO_SLO_MANAGER_H_
#define SLOWBURN_SLO_SLO_MANAGER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/executor.h"
#include "base/metrics.h"
#include "base/state_store.h"
#include "rules/alert_sink.h"
#include "slo/slo_spec.h"
#include "slo/slo_status.h"
#include "tsdb/commit_tap.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {
class Db;
}

namespace slowburn::slo {

struct SloManagerOptions {
  DurationMs evaluation_interval_ms = 10 * base::kSecond;  // a multiple of kSliceMs
  DurationMs persist_interval_ms = base::kMinute;
  // How much older than the newest sample of its series a sample may be and still be placed at
  // once: the store's out-of-order window. Older ones make the ledger count anew from the store.
  DurationMs late_window_ms = 0;
  size_t fill_step_samples = 500'000;
  std::string external_url;  // for the alerts' generator_url; empty: none
};

class SloManager {
 public:
  struct Deps {
    tsdb::Storage& storage;
    std::function<void(tsdb::CommitTap*)> add_tap, remove_tap;  // as Db::AddTap and Db::RemoveTap
    // The earliest time of which the store has everything; empty: it never drops anything.
    std::function<TimestampMs()> oldest_time;
    base::StateStore& state;
    base::Executor& executor;
    const base::Clock& clock;
    rules::AlertSink& sink;
    prometheus::Registry& registry;
  };
  static Deps DepsOf(tsdb::Db& db, const base::Clock& clock, base::Executor& executor,
                     rules::AlertSink& sink, prometheus::Registry& registry);

  SloManager(Deps deps, SloManagerOptions options);
  ~SloManager();  // Stop()
  SloManager(const SloManager&) = delete;
  SloManager& operator=(const SloManager&) = delete;

  absl::Status Start(std::vector<SloSpec> specs);
  absl::Status ApplySpecs(std::vector<SloSpec> specs);
  void SetLateWindow(DurationMs late_window);  // when the store's out-of-order window changes
  // Persists everything. Idempotent.
  void Stop();

  // `at`: nullopt is now. In the order of the specs.
  std::vector<SloStatus> Statuses(std::optional<TimestampMs> at) const;
  // kNotFound: there is no such SLO.
  absl::StatusOr<SloStatus> Status(const std::string& id, std::optional<TimestampMs> at) const;
  // kInvalidArgument: end before start, step below ten seconds, more than kMaxHistoryPoints.
  absl::StatusOr<SloHistory> History(const std::string& id, TimestampMs start, TimestampMs end,
                                     DurationMs step) const;
  std::vector<std::shared_ptr<const SloSpec>> Specs() const;
  // True when no ledger is being filled.
  bool Filled() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLO_MANAGER_H_
