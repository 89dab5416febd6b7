#include "slo/ledger_pool.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/number.h"
#include "base/status_macros.h"

namespace slowburn::slo {
namespace {

// How far behind the clock the watermark stays: senders lag, and what they send late must be
// counted again after a kill.
constexpr DurationMs kWatermarkLag = 10 * base::kMinute;
// Read before the watermark, to know what came before each series' first sample after it.
constexpr DurationMs kReadMargin = 10 * base::kMinute;
constexpr DurationMs kRecountPause = 5 * base::kMinute;
constexpr DurationMs kRetapInterval = base::kDay;

TimestampMs FloorToMinute(TimestampMs t) {
  return t - ((t % base::kMinute) + base::kMinute) % base::kMinute;
}

}  // namespace

LedgerPool::LedgerPool(const SloManager::Deps& deps, const SloManagerOptions& options,
                       SloMetrics& metrics)
    : deps_(deps),
      options_(options),
      metrics_(metrics),
      store_(deps.state, metrics),
      late_window_ms_(options.late_window_ms) {}

LedgerPool::~LedgerPool() {
  if (tap_ != nullptr) deps_.remove_tap(tap_.get());
}

absl::Status LedgerPool::Open() {
  ASSIGN_OR_RETURN(last_run_, store_.MarkOpen());
  persisted_at_ = tapped_at_ = deps_.clock.Now();
  return absl::OkStatus();
}

SliLedger::Options LedgerPool::LedgerOptions(const Slot& slot) const {
  return {.slices = slot.wanted.slices, .late_window_ms = late_window_ms_};
}

void LedgerPool::Apply(const std::map<std::string, Wanted>& wanted) {
  const TimestampMs now = deps_.clock.Now();
  for (auto it = slots_.begin(); it != slots_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    if (it->second.ready) {  // so that it can be resumed, should it come back
      const absl::Status status = PersistSlot(it->second, now);
      if (!status.ok())
        base::Error("slices of an unused SLI cannot be written",
                    {{"sli", it->first}, {"error", status}});
    }
    tap_outdated_ = true;
    it = slots_.erase(it);
  }
  std::set<std::string> used;
  for (const auto& [sli, want] : wanted) {
    used.insert(sli);
    const auto [it, added] = slots_.try_emplace(sli);
    Slot& slot = it->second;
    const bool longer = !added && want.slices.keep_ms > slot.wanted.slices.keep_ms;
    slot.wanted = want;
    if (added) {
      slot.wanted_build = Build::kResume;
      continue;
    }
    slot.current->Extend(want.slices);
    if (longer) slot.recount_wanted = true;  // the store may hold what the ledger did not keep
  }
  BeginBuilds(now);
  const absl::Status status = store_.DropUnused(used, now);
  if (!status.ok()) base::Warn("unused slices cannot be deleted", {{"error", status}});
  last_run_ = LedgerStore::LastRun::kFirst;
  Report();
}

void LedgerPool::SetLateWindow(DurationMs late_window) {
  late_window_ms_ = late_window;
  for (auto& [sli, slot] : slots_) {
    if (slot.current != nullptr) slot.current->SetLateWindow(late_window);
    if (slot.building != nullptr) slot.building->SetLateWindow(late_window);
  }
}

std::shared_ptr<SliLedger> LedgerPool::LedgerOf(const std::string& sli) const {
  const auto found = slots_.find(sli);
  return found == slots_.end() ? nullptr : found->second.current;
}

bool LedgerPool::Ready(const std::string& sli) const {
  const auto found = slots_.find(sli);
  return found != slots_.end() && found->second.ready;
}

bool LedgerPool::filling() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const auto& entry) { return entry.second.fill != nullptr; });
}

absl::StatusOr<LedgerFill::Options> LedgerPool::Resume(Slot& slot) {
  ASSIGN_OR_RETURN(const std::optional<LedgerStore::Loaded> loaded, store_.Load(*slot.building));
  if (!loaded.has_value()) return LedgerFill::Options{};
  slot.building_cursor = loaded->cursor;
  // Only a clean end of the last process, and only at the start of this one, promises that nothing
  // was stored meanwhile.
  slot.recount_wanted = last_run_ != LedgerStore::LastRun::kClean || loaded->corrupt > 0;
  return LedgerFill::Options{.count_from = loaded->watermark,
                             .read_from = loaded->watermark - kReadMargin - late_window_ms_};
}

absl::StatusOr<LedgerFill::Options> LedgerPool::Recount(Slot& slot, TimestampMs now) {
  metrics_.rebuilds.Increment();
  slot.recounted_at = now;
  slot.recount_wanted = false;
  if (slot.ready) RETURN_IF_ERROR(PersistSlot(slot, now));
  const TimestampMs oldest = deps_.oldest_time == nullptr ? tsdb::kMinTime : deps_.oldest_time();
  if (oldest == tsdb::kMinTime) return LedgerFill::Options{};
  ASSIGN_OR_RETURN(const std::optional<LedgerStore::Loaded> loaded, store_.Load(*slot.building));
  if (!loaded.has_value()) return LedgerFill::Options{};
  // Slices from before the store's oldest sample stay as they were counted. A little more stays,
  // because the first increase of each series in the store is not known any more.
  const TimestampMs reach = std::min(std::max(oldest, TimestampMs{0}), loaded->watermark);
  const TimestampMs edge = std::min(FloorToMinute(reach) + kReadMargin, loaded->watermark);
  const bool has_older = slot.building->WithSlices([&](SliceLog& slices) {
    const SliceTotals older = slices.Before(FloorToSlice(reach) - kSliceMs);
    const bool any = older.covered > 0 || older.total > EventCount() || older.part > EventCount();
    slices.TruncateAfter(any ? edge : FloorToMinute(slices.Begin()) - kBlockMs);
    return any;
  });
  return has_older ? LedgerFill::Options{.count_from = edge, .read_from = tsdb::kMinTime}
                   : LedgerFill::Options{};
}

absl::Status LedgerPool::BeginBuild(Slot& slot, TimestampMs now) {
  slot.building = std::make_shared<SliLedger>(slot.wanted.sli, LedgerOptions(slot));
  slot.building_cursor = {};
  absl::StatusOr<LedgerFill::Options> options =
      *slot.wanted_build == Build::kResume ? Resume(slot) : Recount(slot, now);
  if (slot.current == nullptr) slot.current = slot.building;
  if (!options.ok()) {
    if (slot.building != slot.current) slot.building = nullptr;
    return options.status();
  }
  if (!slot.ready) slot.current = slot.building;
  slot.fill = std::make_unique<LedgerFill>(slot.building, deps_.storage, *options);
  slot.began_ns = deps_.clock.MonotonicNs();
  slot.wanted_build.reset();
  return absl::OkStatus();
}

void LedgerPool::BeginBuilds(TimestampMs now) {
  for (auto& [sli, slot] : slots_) {
    if (!slot.wanted_build.has_value() || slot.fill != nullptr) continue;
    tap_outdated_ = true;
    const absl::Status status = BeginBuild(slot, now);
    if (status.ok()) continue;
    metrics_.fill_failures.Increment();
    base::Error("the ledger of an SLI cannot be built; tried again at the next evaluation",
                {{"sli", sli}, {"error", status}});
  }
  if (tap_outdated_) Retap(now);
}

void LedgerPool::Retap(TimestampMs now) {
  std::vector<std::shared_ptr<SliLedger>> ledgers;
  for (const auto& [sli, slot] : slots_) {
    if (slot.current != nullptr) ledgers.push_back(slot.current);
    if (slot.building != nullptr && slot.building != slot.current) ledgers.push_back(slot.building);
  }
  for (const auto& ledger : ledgers) ledger->BeginSweep();
  auto tap = std::make_unique<LedgerTap>(ledgers);
  deps_.add_tap(tap.get());
  tap->MarkAdded();
  if (tap_ != nullptr) deps_.remove_tap(tap_.get());
  tap_ = std::move(tap);
  for (const auto& ledger : ledgers) ledger->EndSweep();
  tap_outdated_ = false;
  tapped_at_ = now;
}

void LedgerPool::EndBuild(const std::string& sli, Slot& slot) {
  metrics_.filled_samples.Increment(static_cast<double>(slot.fill->samples()));
  base::Info("SLI counted from the store",
             {{"sli", sli},
              {"series", slot.fill->series()},
              {"samples", slot.fill->samples()},
              {"seconds", static_cast<double>(deps_.clock.MonotonicNs() - slot.began_ns) / 1e9}});
  if (slot.current != slot.building) tap_outdated_ = true;
  slot.current = std::move(slot.building);
  slot.building = nullptr;
  slot.cursor = slot.building_cursor;
  slot.fill.reset();
  slot.ready = true;
}

bool LedgerPool::Step() {
  for (auto& [sli, slot] : slots_) {
    if (slot.fill == nullptr) continue;
    const absl::StatusOr<bool> done = slot.fill->Step(options_.fill_step_samples);
    if (done.ok() && *done) EndBuild(sli, slot);
    if (!done.ok()) {
      metrics_.fill_failures.Increment();
      base::Error("counting an SLI from the store failed; tried again at the next evaluation",
                  {{"sli", sli}, {"error", done.status()}});
      slot.fill.reset();
      slot.building.reset();
      slot.wanted_build = slot.ready ? Build::kRecount : Build::kResume;
    }
    return true;
  }
  return false;
}

void LedgerPool::Tick(TimestampMs now) {
  for (auto& [sli, slot] : slots_) {
    if (!slot.ready) continue;
    const absl::Status status = LedgerFill::WarmCold(*slot.current, deps_.storage);
    if (!status.ok())
      base::Error("reading what came before a series' new samples failed", {{"error", status}});
    if (slot.current->TakeRebuildWanted()) slot.recount_wanted = true;
    const bool rested = slot.recounted_at == 0 || now - slot.recounted_at >= kRecountPause;
    if (slot.recount_wanted && rested && slot.fill == nullptr) slot.wanted_build = Build::kRecount;
  }
  if (now - tapped_at_ >= kRetapInterval) tap_outdated_ = true;
  BeginBuilds(now);
  if (now - persisted_at_ >= options_.persist_interval_ms) {
    persisted_at_ = now;
    const absl::Status status = Persist(now);
    ReportBytes();
    if (!status.ok())
      base::Error("slices cannot be written; tried again in a minute", {{"error", status}});
  }
  Report();
}

absl::Status LedgerPool::PersistSlot(Slot& slot, TimestampMs now) {
  // Behind the newest sample as well: a sender that lags an hour is still an hour behind after a
  // restart.
  const TimestampMs covered = std::max(slot.current->CoveredUntil(), TimestampMs{0});
  const TimestampMs reached = std::min(now, covered);
  return store_.Persist(*slot.current, FloorToMinute(reached - kWatermarkLag - late_window_ms_),
                        slot.cursor);
}

absl::Status LedgerPool::Persist(TimestampMs now) {
  absl::Status first;
  for (auto& [sli, slot] : slots_) {
    if (!slot.ready) continue;
    const absl::Status status = PersistSlot(slot, now);
    if (first.ok()) first = status;
  }
  return first;
}

void LedgerPool::Report() {
  double series = 0, filling = 0;
  for (auto& [sli, slot] : slots_) {
    if (slot.fill != nullptr) ++filling;
    if (slot.current == nullptr) continue;
    const LedgerStats stats = slot.current->TakeStats();
    metrics_.samples.Increment(static_cast<double>(stats.samples));
    metrics_.resets.Increment(static_cast<double>(stats.resets));
    metrics_.late_samples.Increment(static_cast<double>(stats.late));
    metrics_.passed_over.Increment(static_cast<double>(stats.passed_over));
    series += static_cast<double>(slot.current->tracks());
  }
  metrics_.ledgers.Set(static_cast<double>(slots_.size()));
  metrics_.ledger_series.Set(series);
  metrics_.ledgers_filling.Set(filling);
}

// Looks at every series, so not at every evaluation.
void LedgerPool::ReportBytes() {
  double bytes = 0;
  for (const auto& [sli, slot] : slots_) {
    if (slot.current != nullptr) bytes += static_cast<double>(slot.current->MemoryBytes());
  }
  metrics_.ledger_bytes.Set(bytes);
}

void LedgerPool::Close(TimestampMs now) {
  if (tap_ != nullptr) {
    deps_.remove_tap(tap_.get());
    tap_.reset();
  }
  bool whole = true;
  for (auto& [sli, slot] : slots_) {
    slot.fill.reset();
    whole = whole && slot.ready && !slot.recount_wanted && slot.building == nullptr &&
            !slot.current->TakeRebuildWanted();
  }
  absl::Status status = Persist(now);
  if (status.ok() && whole) status = store_.MarkClean();
  if (!status.ok())
    base::Error("slices cannot be written at the end; they are counted anew at the next start",
                {{"error", status}});
}

}  // namespace slowburn::slo
