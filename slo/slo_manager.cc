#include "slo/slo_manager.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "slo/burn_alerts.h"
#include "slo/ledger_pool.h"
#include "slo/limits.h"
#include "slo/slo_reader.h"
#include "tsdb/db.h"

namespace slowburn::slo {
namespace {

// Ten-second slices reach a day further back than the longest window, so that the recent past can
// be judged again.
constexpr DurationMs kMaxFine = 4 * base::kDay;

SliceLog::Options SlicesFor(const SloSpec& spec) {
  const std::vector<DurationMs> windows = spec.Windows();
  const DurationMs longest = windows.empty() ? base::kHour : windows.back();
  // Two periods and a day: a plot of the last period needs the period before it.
  return {.keep_ms = 2 * spec.period_ms + base::kDay,
          .fine_ms = std::min(longest + base::kDay, kMaxFine)};
}

}  // namespace

class SloManager::Impl : public std::enable_shared_from_this<SloManager::Impl> {
 public:
  Impl(Deps deps, SloManagerOptions options)
      : deps_(std::move(deps)),
        options_(std::move(options)),
        metrics_(deps_.registry),
        pool_(deps_, options_, metrics_),
        alerts_(deps_.state, deps_.sink, metrics_, options_.external_url) {
    CHECK(options_.evaluation_interval_ms > 0 && options_.evaluation_interval_ms % kSliceMs == 0);
  }

  absl::Status Start(std::vector<SloSpec> specs);
  void ApplySpecs(std::vector<SloSpec> specs) ABSL_LOCKS_EXCLUDED(run_mu_);
  void SetLateWindow(DurationMs late_window);
  void Stop();

  // What readers see, replaced whole.
  struct View {
    std::shared_ptr<const SloSpec> spec;
    std::shared_ptr<const SliLedger> ledger;
    bool ready = false;    // the ledger is complete
    bool filling = false;  // a ledger for this SLO is being built
  };
  std::shared_ptr<const std::vector<View>> views() const {
    base::MutexLock lock(views_mu_);
    return views_;
  }
  absl::StatusOr<View> ViewOf(const std::string& id) const;
  SloStatus StatusOf(const View& view, std::optional<TimestampMs> at) const;
  const base::Clock& clock() const { return deps_.clock; }

 private:
  struct Entry {
    std::shared_ptr<const SloSpec> spec;
    std::string sli;       // canonical text
    std::string previous;  // judges until the ledger of `sli` is ready; empty: none
  };

  void ApplyLocked(std::vector<SloSpec> specs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void WantLedgers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void Refresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void PostFill() ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void FillStep();
  void ScheduleEvaluation(TimestampMs after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(run_mu_);
  void Evaluate(TimestampMs planned);
  TimestampMs GridBefore(TimestampMs t) const {
    return t - ((t % options_.evaluation_interval_ms) + options_.evaluation_interval_ms) %
                   options_.evaluation_interval_ms;
  }

  const Deps deps_;
  const SloManagerOptions options_;
  SloMetrics metrics_;
  base::Mutex run_mu_;  // one task at a time
  bool stopped_ ABSL_GUARDED_BY(run_mu_) = true;
  bool fill_posted_ ABSL_GUARDED_BY(run_mu_) = false;
  base::TimerId timer_ ABSL_GUARDED_BY(run_mu_) = base::TimerId::kNone;
  LedgerPool pool_ ABSL_GUARDED_BY(run_mu_);
  BurnAlerts alerts_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(run_mu_);
  mutable base::Mutex views_mu_;
  std::shared_ptr<const std::vector<View>> views_ ABSL_GUARDED_BY(views_mu_) =
      std::make_shared<std::vector<View>>();
};

absl::Status SloManager::Impl::Start(std::vector<SloSpec> specs) {
  base::MutexLock lock(run_mu_);
  RETURN_IF_ERROR(base::Annotate(alerts_.Load(), "loading the states of SLO alerts"));
  RETURN_IF_ERROR(base::Annotate(pool_.Open(), "opening the SLO ledgers"));
  stopped_ = false;
  ApplyLocked(std::move(specs));
  ScheduleEvaluation(deps_.clock.Now());
  return absl::OkStatus();
}

void SloManager::Impl::ApplySpecs(std::vector<SloSpec> specs) {
  base::MutexLock lock(run_mu_);
  if (!stopped_) ApplyLocked(std::move(specs));
}

void SloManager::Impl::ApplyLocked(std::vector<SloSpec> specs) {
  std::map<std::string, Entry> before;
  for (Entry& entry : entries_) before[entry.spec->id] = std::move(entry);
  entries_.clear();
  std::vector<std::shared_ptr<const SloSpec>> all;
  for (SloSpec& spec : specs) {
    Entry entry{std::make_shared<const SloSpec>(std::move(spec)), {}, {}};
    entry.sli = entry.spec->sli.CanonicalText();
    const auto old = before.find(entry.spec->id);
    if (old != before.end()) {
      const std::string& judged_by =
          old->second.previous.empty() ? old->second.sli : old->second.previous;
      if (judged_by != entry.sli && pool_.Ready(judged_by)) entry.previous = judged_by;
    }
    all.push_back(entry.spec);
    entries_.push_back(std::move(entry));
  }
  WantLedgers();
  alerts_.Retire(all, deps_.clock.Now());
  metrics_.objectives.Set(static_cast<double>(entries_.size()));
  Refresh();
  PostFill();
}

void SloManager::Impl::WantLedgers() {
  std::map<std::string, LedgerPool::Wanted> wanted;
  for (const Entry& entry : entries_) {
    const SliceLog::Options slices = SlicesFor(*entry.spec);
    const auto [it, added] =
        wanted.try_emplace(entry.sli, LedgerPool::Wanted{entry.spec->sli, slices});
    it->second.slices.keep_ms = std::max(it->second.slices.keep_ms, slices.keep_ms);
    it->second.slices.fine_ms = std::max(it->second.slices.fine_ms, slices.fine_ms);
  }
  for (const Entry& entry : entries_) {
    if (entry.previous.empty() || wanted.contains(entry.previous)) continue;
    wanted.emplace(entry.previous, LedgerPool::Wanted{pool_.LedgerOf(entry.previous)->sli(),
                                                      SlicesFor(*entry.spec)});
  }
  pool_.Apply(wanted);
}

void SloManager::Impl::Refresh() {
  auto views = std::make_shared<std::vector<View>>();
  bool replaced = false;
  for (Entry& entry : entries_) {
    const bool ready = pool_.Ready(entry.sli);
    if (ready && !entry.previous.empty()) {
      entry.previous.clear();
      replaced = true;
    }
    const std::string& judged_by = entry.previous.empty() ? entry.sli : entry.previous;
    views->push_back(
        {entry.spec, pool_.LedgerOf(judged_by), ready || !entry.previous.empty(), !ready});
  }
  if (replaced) WantLedgers();  // lets go of what nobody is judged by any more
  base::MutexLock lock(views_mu_);
  views_ = std::move(views);
}

void SloManager::Impl::PostFill() {
  if (fill_posted_ || stopped_ || !pool_.filling()) return;
  fill_posted_ = true;
  deps_.executor.Post([weak = weak_from_this()] {
    if (const std::shared_ptr<Impl> self = weak.lock()) self->FillStep();
  });
}

void SloManager::Impl::FillStep() {
  base::MutexLock lock(run_mu_);
  fill_posted_ = false;
  if (stopped_) return;
  if (pool_.Step()) Refresh();
  PostFill();
}

void SloManager::Impl::ScheduleEvaluation(TimestampMs after) {
  const TimestampMs when = GridBefore(after) + options_.evaluation_interval_ms;
  timer_ = deps_.executor.RunAt(when, [weak = weak_from_this(), when] {
    if (const std::shared_ptr<Impl> self = weak.lock()) self->Evaluate(when);
  });
}

void SloManager::Impl::Evaluate(TimestampMs planned) {
  base::MutexLock lock(run_mu_);
  if (stopped_) return;
  const int64_t began_ns = deps_.clock.MonotonicNs();
  const TimestampMs now = GridBefore(deps_.clock.Now());
  if (now > planned) {
    metrics_.evaluations_missed.Increment(
        static_cast<double>((now - planned) / options_.evaluation_interval_ms));
  }
  pool_.Tick(now);
  Refresh();
  for (const View& view : *views()) {
    // A ledger that is still being counted says too little: what fires goes on firing, what does
    // not waits.
    if (!view.ready) continue;
    const SloReading reading = ReadSlo(*view.spec, *view.ledger, now);
    for (size_t i = 0; i < view.spec->tiers.size(); ++i) {
      alerts_.Judge(*view.spec, view.spec->tiers[i], reading.tiers[i], reading.period, now);
    }
  }
  alerts_.Settle(now);
  PostFill();
  metrics_.evaluations.Increment();
  metrics_.evaluation_seconds.Set(static_cast<double>(deps_.clock.MonotonicNs() - began_ns) / 1e9);
  ScheduleEvaluation(std::max(deps_.clock.Now(), now));
}

void SloManager::Impl::SetLateWindow(DurationMs late_window) {
  base::MutexLock lock(run_mu_);
  pool_.SetLateWindow(late_window);
}

void SloManager::Impl::Stop() {
  base::MutexLock lock(run_mu_);
  if (stopped_) return;
  stopped_ = true;
  deps_.executor.Cancel(timer_);
  pool_.Close(deps_.clock.Now());
}

absl::StatusOr<SloManager::Impl::View> SloManager::Impl::ViewOf(const std::string& id) const {
  const auto all = views();
  const auto found =
      std::find_if(all->begin(), all->end(), [&](const View& view) { return view.spec->id == id; });
  if (found == all->end())
    return absl::NotFoundError(absl::StrCat("there is no SLO with the id \"", id, "\""));
  return *found;
}

SloStatus SloManager::Impl::StatusOf(const View& view, std::optional<TimestampMs> at) const {
  SloStatus status = StatusAt(view.spec, *view.ledger, at.value_or(deps_.clock.Now()));
  status.filling = view.filling;
  if (at.has_value()) {
    AlertsInPast(*view.ledger, *at, status);
  } else {
    for (AlertStatus& alert : status.alerts) {
      const BurnAlerts::State state = alerts_.Find(view.spec->id, alert.tier->name);
      alert.firing = state.firing;
      alert.since = state.since;
    }
  }
  status.state = StateOf(status);
  return status;
}

SloManager::Deps SloManager::DepsOf(tsdb::Db& db, const base::Clock& clock,
                                    base::Executor& executor, rules::AlertSink& sink,
                                    prometheus::Registry& registry) {
  return {.storage = db,
          .add_tap = [&db](tsdb::CommitTap* tap) { db.AddTap(tap); },
          .remove_tap = [&db](tsdb::CommitTap* tap) { db.RemoveTap(tap); },
          .oldest_time = [&db] { return db.Stats(0).min_time; },
          .state = db.state(),
          .executor = executor,
          .clock = clock,
          .sink = sink,
          .registry = registry};
}

SloManager::SloManager(Deps deps, SloManagerOptions options)
    : impl_(std::make_shared<Impl>(std::move(deps), std::move(options))) {}
SloManager::~SloManager() { Stop(); }

absl::Status SloManager::Start(std::vector<SloSpec> specs) {
  return impl_->Start(std::move(specs));
}

absl::Status SloManager::ApplySpecs(std::vector<SloSpec> specs) {
  impl_->ApplySpecs(std::move(specs));
  return absl::OkStatus();
}

void SloManager::SetLateWindow(DurationMs late_window) { impl_->SetLateWindow(late_window); }
void SloManager::Stop() { impl_->Stop(); }

std::vector<SloStatus> SloManager::Statuses(std::optional<TimestampMs> at) const {
  std::vector<SloStatus> out;
  for (const Impl::View& view : *impl_->views()) out.push_back(impl_->StatusOf(view, at));
  return out;
}

absl::StatusOr<SloStatus> SloManager::Status(const std::string& id,
                                             std::optional<TimestampMs> at) const {
  ASSIGN_OR_RETURN(const Impl::View view, impl_->ViewOf(id));
  return impl_->StatusOf(view, at);
}

absl::StatusOr<SloHistory> SloManager::History(const std::string& id, TimestampMs start,
                                               TimestampMs end, DurationMs step) const {
  ASSIGN_OR_RETURN(const Impl::View view, impl_->ViewOf(id));
  if (end < start) return absl::InvalidArgumentError("end is before start");
  if (step < kSliceMs) {
    return absl::InvalidArgumentError(
        absl::StrCat("step is ", base::FormatDuration(std::max<DurationMs>(step, 0)),
                     ", wanted at least ", base::FormatDuration(kSliceMs)));
  }
  if (static_cast<uint64_t>(end - start) / static_cast<uint64_t>(step) >= kMaxHistoryPoints) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kMaxHistoryPoints, " points: use a longer step"));
  }
  return HistoryOf(view.spec, *view.ledger, start, end, step);
}

std::vector<std::shared_ptr<const SloSpec>> SloManager::Specs() const {
  std::vector<std::shared_ptr<const SloSpec>> out;
  for (const Impl::View& view : *impl_->views()) out.push_back(view.spec);
  return out;
}

bool SloManager::Filled() const {
  const auto views = impl_->views();
  return std::all_of(views->begin(), views->end(),
                     [](const Impl::View& view) { return !view.filling; });
}

}  // namespace slowburn::slo
