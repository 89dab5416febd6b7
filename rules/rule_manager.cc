#include "rules/rule_manager.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "rules/alert_codec.h"

namespace slowburn::rules {
namespace {

std::string GroupPart(const GroupSpec& spec) {
  std::string part = spec.file;
  part += '\0';
  part += spec.name;
  return part;
}

bool SameRules(const GroupSpec& a, const GroupSpec& b) {
  if (a.limit != b.limit || a.rules.size() != b.rules.size()) return false;
  for (size_t i = 0; i < a.rules.size(); ++i) {
    if (!SameDefinition(*a.rules[i], *b.rules[i])) return false;
  }
  return true;
}

// A relabelling function cannot be compared: groups that have one are always rebuilt, which costs
// nothing but a moment.
bool SameSettings(const GroupSettings& a, const GroupSettings& b) {
  return a.interval == b.interval && a.query_offset == b.query_offset &&
         a.external_labels == b.external_labels && !a.relabel && !b.relabel;
}

}  // namespace

// A group and its place in time. Tasks on the executor share it, so it may outlive its group's
// removal.
struct RuleManager::Scheduled {
  explicit Scheduled(std::unique_ptr<RuleGroup> g) : group(std::move(g)) {}

  const std::unique_ptr<RuleGroup> group;
  base::Mutex mu;
  base::CondVar idle;
  bool halted ABSL_GUARDED_BY(mu) = false;
  bool running ABSL_GUARDED_BY(mu) = false;
  base::TimerId timer ABSL_GUARDED_BY(mu) = base::TimerId::kNone;
};

RuleManager::RuleManager(base::Executor& executor, RuleServices services)
    : executor_(executor), services_(std::move(services)) {}

RuleManager::~RuleManager() { Stop(); }

TimestampMs RuleManager::SlotBefore(const std::string& key, DurationMs interval, TimestampMs now) {
  const auto offset = static_cast<DurationMs>(StableHash(key) % static_cast<uint64_t>(interval));
  DurationMs since = (now - offset) % interval;
  if (since < 0) since += interval;
  return now - since;
}

GroupSettings RuleManager::SettingsOf(const GroupSpec& spec, const RuleConfig& config) const {
  GroupSettings settings;
  settings.interval = std::max<DurationMs>(spec.interval.value_or(config.evaluation_interval), 1);
  settings.query_offset = spec.query_offset.value_or(config.query_offset);
  settings.external_labels = config.external_labels;
  settings.relabel = config.relabel;
  return settings;
}

void RuleManager::Schedule(const ScheduledPtr& scheduled, TimestampMs slot) {
  base::MutexLock lock(scheduled->mu);
  if (scheduled->halted) return;
  scheduled->timer = executor_.RunAt(slot, [this, scheduled, slot] {
    {
      base::MutexLock task_lock(scheduled->mu);
      if (scheduled->halted) return;  // the manager may be gone
      scheduled->running = true;
      scheduled->timer = base::TimerId::kNone;
    }
    Run(scheduled, slot);
  });
}

void RuleManager::Run(const ScheduledPtr& scheduled, TimestampMs slot) {
  // Slots that passed while the one before was evaluated, or while the machine slept, are given up.
  RuleGroup& group = *scheduled->group;
  const DurationMs interval = group.settings().interval;
  const int64_t missed = std::max<int64_t>((services_.clock.Now() - slot) / interval, 0);
  slot += missed * interval;
  group.CountIterations(1 + missed, missed);
  group.Evaluate(slot, &stopping_);
  Schedule(scheduled, slot + interval);
  base::MutexLock lock(scheduled->mu);
  scheduled->running = false;
  scheduled->idle.NotifyAll();
}

void RuleManager::Halt(Scheduled& scheduled) {
  base::MutexLock lock(scheduled.mu);
  scheduled.halted = true;
  if (scheduled.timer != base::TimerId::kNone) executor_.Cancel(scheduled.timer);
  scheduled.timer = base::TimerId::kNone;
  while (scheduled.running) scheduled.idle.Wait(scheduled.mu);
}

absl::StatusOr<RuleManager::Stored> RuleManager::ReadState() const {
  Stored stored;
  if (services_.state == nullptr) return stored;
  for (const std::string_view keys : {kAlertKeys, kGroupKeys}) {
    std::string end(keys);
    end.back() = static_cast<char>(end.back() + 1);
    RETURN_IF_ERROR(services_.state->Scan(
        base::Space::kRules, keys, end, [&stored](std::string_view key, std::string_view value) {
          stored[std::string(GroupPartOf(key))].emplace(std::string(key), std::string(value));
          return true;
        }));
  }
  return stored;
}

void RuleManager::DeleteState(const std::vector<std::string>& keys) {
  if (keys.empty() || services_.state == nullptr) return;
  std::vector<base::StateChange> changes;
  for (const std::string& key : keys) changes.push_back({key, "", base::StateChange::kDelete});
  const absl::Status status =
      services_.state->Apply(base::Space::kRules, changes, base::Durability::kProcess);
  if (!status.ok()) {  // the next start finds them again, and deletes them
    services_.metrics.state_writes_failed.Increment();
    base::Warn("Deleting alert state failed", {{"err", status}});
  }
}

// Two intervals give a renamed rule time to go on with the same series: its newer samples then win
// over the marker, which bears the time of the removal.
void RuleManager::MarkStaleLater(std::vector<tsdb::Labels> series, DurationMs after) {
  if (series.empty()) return;
  const TimestampMs now = services_.clock.Now();
  executor_.RunAt(
      now + after, [alive = alive_, &storage = services_.storage, series = std::move(series), now] {
        base::MutexLock lock(alive->mu);
        if (!alive->alive) return;
        const std::unique_ptr<tsdb::Appender> appender = storage.NewAppender();
        for (const tsdb::Labels& labels : series) {
          const absl::StatusOr<tsdb::SeriesRef> ref = appender->Resolve(labels, nullptr);
          if (ref.ok()) appender->Append(*ref, now, tsdb::StaleNaN());
        }
        const auto result = appender->Commit();
        if (!result.ok())
          base::Warn("Storing staleness markers failed", {{"err", result.status()}});
      });
}

absl::Status RuleManager::Update(RuleConfig config) {
  base::MutexLock update_lock(update_mu_);
  if (stopping_) return absl::OkStatus();
  absl::Status status;
  Stored stored;
  if (!restored_) {
    absl::StatusOr<Stored> read = ReadState();
    status = read.status();
    if (read.ok()) stored = *std::move(read);
  }
  std::map<std::string, ScheduledPtr> old;
  {
    base::MutexLock lock(mu_);
    old = groups_;
  }
  const TimestampMs now = services_.clock.Now();
  std::map<std::string, ScheduledPtr> next;
  std::vector<ScheduledPtr> fresh;
  for (const auto& spec : config.groups) {
    const std::string key = GroupPart(*spec);
    if (next.find(key) != next.end()) continue;  // the loader refuses this
    GroupSettings settings = SettingsOf(*spec, config);
    const auto before = old.find(key);
    if (before != old.end() && SameRules(*spec, before->second->group->spec()) &&
        SameSettings(settings, before->second->group->settings())) {
      next[key] = before->second;
      old.erase(before);
      continue;
    }
    auto scheduled = std::make_shared<Scheduled>(
        std::make_unique<RuleGroup>(spec, std::move(settings), services_));
    if (before != old.end()) {
      Halt(*before->second);
      scheduled->group->TakeStateFrom(*before->second->group);
      old.erase(before);
    } else if (const auto kept = stored.find(key); kept != stored.end()) {
      scheduled->group->Restore(kept->second, now);
    }
    stored.erase(key);
    next[key] = scheduled;
    fresh.push_back(std::move(scheduled));
  }
  for (const auto& [key, gone] : old) {
    Halt(*gone);
    DeleteState(gone->group->StoredKeys());
    MarkStaleLater(gone->group->TakeSeries(), 2 * gone->group->settings().interval);
  }
  for (const auto& [key, state] : stored) {  // of groups that were removed while we were down
    std::vector<std::string> keys;
    for (const auto& [name, value] : state) keys.push_back(name);
    DeleteState(keys);
  }
  restored_ = true;
  {
    base::MutexLock lock(mu_);
    groups_ = std::move(next);
  }
  for (const ScheduledPtr& scheduled : fresh) {
    const DurationMs interval = scheduled->group->settings().interval;
    Schedule(scheduled, SlotBefore(scheduled->group->spec().Key(), interval, now) + interval);
  }
  return status;
}

void RuleManager::Stop() {
  base::MutexLock update_lock(update_mu_);
  stopping_ = true;
  {
    base::MutexLock lock(alive_->mu);
    alive_->alive = false;
  }
  std::map<std::string, ScheduledPtr> groups;
  {
    base::MutexLock lock(mu_);
    groups = groups_;
  }
  for (const auto& [key, scheduled] : groups) Halt(*scheduled);
}

std::vector<GroupStatus> RuleManager::Groups() const {
  std::vector<ScheduledPtr> groups;
  {
    base::MutexLock lock(mu_);
    for (const auto& [key, scheduled] : groups_) groups.push_back(scheduled);
  }
  std::vector<GroupStatus> out;
  out.reserve(groups.size());
  for (const ScheduledPtr& scheduled : groups) out.push_back(scheduled->group->Status());
  return out;
}

}  // namespace slowburn::rules
