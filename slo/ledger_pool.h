// LedgerPool: the ledgers of all SLIs, from their first count to their last byte on disk.
//
// A ledger is built (slices from disk, the rest from the store), kept up by the tap, persisted, and
// recounted from the store when that is needed: after a kill, when a sample came too late to be
// placed, when more history is wanted. A recount happens beside the ledger in use, which it then
// replaces.
//
// Threads: one thread at a time. Lifetimes: borrows everything in Deps.
#ifndef SLOWBURN_SLO_LEDGER_POOL_H_
#define SLOWBURN_SLO_LEDGER_POOL_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "slo/ledger_fill.h"
#include "slo/ledger_store.h"
#include "slo/ledger_tap.h"
#include "slo/sli_ledger.h"
#include "slo/slo_manager.h"
#include "slo/slo_metrics.h"

namespace slowburn::slo {

class LedgerPool {
 public:
  LedgerPool(const SloManager::Deps& deps, const SloManagerOptions& options, SloMetrics& metrics);
  ~LedgerPool();

  absl::Status Open();

  struct Wanted {
    Sli sli;
    SliceLog::Options slices;
  };
  // By canonical text. Makes what is new, extends what must reach further, drops the rest.
  void Apply(const std::map<std::string, Wanted>& wanted);
  void SetLateWindow(DurationMs late_window);

  // Null when the SLI is not wanted. Until Ready its numbers grow.
  std::shared_ptr<SliLedger> LedgerOf(const std::string& sli) const;
  bool Ready(const std::string& sli) const;

  // One step of filling. False: nothing is left to fill.
  bool Step();
  bool filling() const;
  // Everything that is due besides: late series, recounts, writing, forgetting dropped series.
  void Tick(TimestampMs now);
  // Takes the tap off, writes everything. The pool is then only good for destruction.
  void Close(TimestampMs now);

 private:
  enum class Build { kResume, kRecount };
  struct Slot {
    Wanted wanted;
    std::shared_ptr<SliLedger> current;
    bool ready = false;
    LedgerStore::Cursor cursor;         // of `current`
    std::optional<Build> wanted_build;  // to begin at the next occasion
    bool recount_wanted = false;        // once what is being built is ready and time has passed
    TimestampMs recounted_at = 0;
    // While building:
    std::shared_ptr<SliLedger> building;  // may be `current`
    LedgerStore::Cursor building_cursor;
    std::unique_ptr<LedgerFill> fill;
    int64_t began_ns = 0;
  };

  SliLedger::Options LedgerOptions(const Slot& slot) const;
  // Makes the new ledgers of every slot that wants a build, then the tap that feeds them.
  void BeginBuilds(TimestampMs now);
  absl::Status BeginBuild(Slot& slot, TimestampMs now);
  absl::StatusOr<LedgerFill::Options> Resume(Slot& slot);
  absl::StatusOr<LedgerFill::Options> Recount(Slot& slot, TimestampMs now);
  void EndBuild(const std::string& sli, Slot& slot);
  void Retap(TimestampMs now);
  absl::Status PersistSlot(Slot& slot, TimestampMs now);
  absl::Status Persist(TimestampMs now);
  void Report();
  void ReportBytes();

  const SloManager::Deps& deps_;
  const SloManagerOptions& options_;
  SloMetrics& metrics_;
  LedgerStore store_;
  LedgerStore::LastRun last_run_ = LedgerStore::LastRun::kFirst;
  DurationMs late_window_ms_;
  std::map<std::string, Slot> slots_;
  std::unique_ptr<LedgerTap> tap_;
  bool tap_outdated_ = false;
  TimestampMs tapped_at_ = 0, persisted_at_ = 0;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_LEDGER_POOL_H_
