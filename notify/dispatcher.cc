#include "notify/dispatcher.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "notify/limits.h"

namespace slowburn::notify {

Dispatcher::Dispatcher(Notifier::Deps deps)
    : deps_(std::move(deps)),
      started_at_(deps_.clock.Now()),
      metrics_(deps_.registry),
      ids_(deps_.seed),
      silences_(deps_.store, ids_),
      ledger_(deps_.store) {}

absl::Status Dispatcher::Start(ConfigPtr config) {
  base::MutexLock lock(mu_);
  Changes changes;
  RETURN_IF_ERROR(Recover(changes));
  UseConfig(std::move(config));
  RestoreMembers();
  RerouteAll(changes);
  for (const auto& [id, group] : groups_) {
    if (group->timer == base::TimerId::kNone) ScheduleFlush(*group);
  }
  ResumeDeliveries(changes);
  ScheduleMaintenance();
  UpdateMetricsLocked();
  return Commit(changes);
}

void Dispatcher::Stop() {
  {
    base::MutexLock lock(mu_);
    stopped_ = true;
    deps_.executor.Cancel(maintenance_timer_);
    for (const auto& [id, group] : groups_) {
      deps_.executor.Cancel(group->timer);
      for (const Lane& lane : group->lanes) {
        if (lane.pending != nullptr) deps_.executor.Cancel(lane.pending->retry_timer);
      }
    }
  }
  base::MutexLock gate(gate_mu_);
  closed_ = true;
}

void Dispatcher::Drain(base::DurationMs at_most) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(at_most);
  base::MutexLock lock(mu_);
  draining_ = true;
  while (in_flight_ > 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    idle_.WaitFor(mu_, left);
  }
}

void Dispatcher::ApplyConfig(ConfigPtr config) {
  base::MutexLock lock(mu_);
  Changes changes;
  UseConfig(std::move(config));
  RerouteAll(changes);
  UpdateMetricsLocked();
  Commit(changes).IgnoreError();  // counted and logged; nothing of it is a promise to anybody
}

void Dispatcher::ReportBadConfig() { metrics_.config_ok.Set(0); }

ConfigPtr Dispatcher::config() const {
  base::MutexLock lock(mu_);
  return config_;
}

void Dispatcher::UseConfig(ConfigPtr config) {
  const TimestampMs now = Now();
  for (const auto& [id, group] : groups_) group->routes.clear();  // they point into the old tree
  config_ = std::move(config);
  tree_ = std::make_unique<RouteTree>(config_->route);
  inhibitor_ = std::make_unique<Inhibitor>(config_->inhibit_rules);
  for (const auto& [fingerprint, alert] : alerts_) {
    if (!alert.ResolvedAt(now)) inhibitor_->Upsert(fingerprint, alert.labels, alert.ends_at);
  }
  RebuildIntegrations();
  for (const std::string& warning : config_->warnings) {
    base::Warn("configuration key has no effect here", {{"key", warning}});
  }
  metrics_.config_ok.Set(1);
  metrics_.config_time.Set(double(now) / 1000);
  // As Prometheus shows hashes: what a double holds exactly.
  metrics_.config_hash.Set(double(config_->hash & ((uint64_t{1} << 48) - 1)));
}

void Dispatcher::RebuildIntegrations() {
  auto old = std::exchange(integrations_, {});
  size_t count = 0;
  for (const ReceiverConfig& receiver : config_->receivers) {
    std::vector<std::unique_ptr<Integration>>& kept = old[receiver.name];
    std::vector<std::unique_ptr<Integration>>& now = integrations_[receiver.name];
    for (size_t i = 0; i < receiver.webhooks.size(); ++i) {
      // Requests under way and pauses belong to the place in the file, as in Alertmanager.
      now.push_back(i < kept.size() ? std::move(kept[i]) : std::make_unique<Integration>());
      now.back()->config = receiver.webhooks[i];
      ++count;
    }
  }
  metrics_.receivers.Set(double(config_->receivers.size()));
  metrics_.integrations.Set(double(count));
  metrics_.inhibition_rules.Set(double(config_->inhibit_rules.size()));
}

void Dispatcher::RerouteAll(Changes& changes) {
  const TimestampMs now = Now();
  for (const auto& [id, group] : groups_) {
    for (auto& [fingerprint, routed] : group->members) routed = false;
  }
  for (auto& [fingerprint, alert] : alerts_)
    RouteAlert(alert, ResolvedAlerts::kOnlyMembers, now, changes);
  std::vector<Group*> groups;
  for (const auto& [id, group] : groups_) groups.push_back(group.get());
  for (Group* group : groups) ReconcileGroup(*group, changes);
}

void Dispatcher::ReconcileGroup(Group& group, Changes& changes) {
  const auto receiver = integrations_.find(group.receiver);
  const size_t lanes = receiver == integrations_.end() ? 0 : receiver->second.size();
  for (size_t i = lanes; i < group.lanes.size(); ++i) {
    if (group.lanes[i].pending != nullptr)
      Supersede(group, i, "the receiver is no longer configured", changes);
    changes.Delete(LaneStateKey(kLogPrefix, i, group.id));
  }
  group.lanes.resize(lanes);
  // What the routes no longer bring here stays until its end is told.
  std::vector<Fingerprint> strangers;
  for (const auto& [fingerprint, routed] : group.members) {
    if (!routed && !group.Told(fingerprint)) strangers.push_back(fingerprint);
  }
  for (const Fingerprint fingerprint : strangers) RemoveMember(group, fingerprint);
  if (group.members.empty() && !group.HasPending()) DestroyGroup(group.id, changes);
}

void Dispatcher::ScheduleFlush(Group& group) {
  deps_.executor.Cancel(group.timer);
  group.timer_generation = next_generation_++;
  group.timer = deps_.executor.RunAt(group.next_flush, [weak = weak_from_this(), id = group.id,
                                                        generation = group.timer_generation] {
    if (const auto self = weak.lock()) self->OnFlushTimer(id, generation);
  });
}

void Dispatcher::OnFlushTimer(const std::string& group_id, uint64_t generation) {
  base::MutexLock lock(mu_);
  Group* group = FindGroup(group_id);
  if (stopped_ || group == nullptr || group->timer_generation != generation) return;
  const TimestampMs now = Now();
  // On a grid, so that late timers do not add up; a missed tick is not made up for.
  group->next_flush += group->options.group_interval;
  if (group->next_flush <= now) group->next_flush = now + group->options.group_interval;
  ScheduleFlush(*group);
  Changes changes;
  Flush(*group, now, changes);
  Commit(changes).IgnoreError();  // a page goes out even if the disk does not take its intent
}

void Dispatcher::ScheduleMaintenance() {
  maintenance_timer_ =
      deps_.executor.RunAt(Now() + kMaintenanceInterval, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->OnMaintenance();
      });
}

void Dispatcher::OnMaintenance() {
  base::MutexLock lock(mu_);
  if (stopped_) return;
  const TimestampMs now = Now();
  ScheduleMaintenance();
  silences_.CollectGarbage(now);
  ledger_.CollectGarbage(now);
  Changes changes;
  CollectAlerts(now, changes);
  changes.Put("alive", absl::StrCat(now));
  Commit(changes).IgnoreError();
  UpdateMetricsLocked();
}

void Dispatcher::UpdateMetrics() {
  base::MutexLock lock(mu_);
  UpdateMetricsLocked();
}

void Dispatcher::UpdateMetricsLocked() {
  const TimestampMs now = Now();
  int64_t active = 0, suppressed = 0, pending = 0;
  for (const auto& [fingerprint, alert] : alerts_) {
    if (alert.ResolvedAt(now)) continue;
    const bool muted = inhibitor_->InhibitedBy(alert.labels, now).has_value() ||
                       !silences_.SilencedBy(fingerprint, alert.labels, now).empty();
    ++(muted ? suppressed : active);
  }
  int64_t by_state[3] = {0, 0, 0};
  for (const auto& [id, silence] : silences_.all()) ++by_state[size_t(StateOf(silence, now))];
  TimestampMs oldest = now;
  for (const auto& [id, group] : groups_) {
    for (const Lane& lane : group->lanes) {
      if (lane.pending == nullptr) continue;
      ++pending;
      oldest = std::min(oldest, lane.pending->row.time);
    }
  }
  metrics_.alerts_active.Set(double(active));
  metrics_.alerts_suppressed.Set(double(suppressed));
  metrics_.silences_active.Set(double(by_state[size_t(SilenceState::kActive)]));
  metrics_.silences_pending.Set(double(by_state[size_t(SilenceState::kPending)]));
  metrics_.silences_expired.Set(double(by_state[size_t(SilenceState::kExpired)]));
  metrics_.groups.Set(double(groups_.size()));
  metrics_.pending.Set(double(pending));
  metrics_.oldest_pending_seconds.Set(double(now - oldest) / 1000);
}

absl::Status Dispatcher::Commit(Changes& changes) {
  absl::Status status;
  if (!changes.state.empty()) {
    status = deps_.store.Apply(base::Space::kNotify, changes.state, changes.durability);
    if (!status.ok()) {
      metrics_.store_failures.Increment();
      base::Error(
          "the state of notifications could not be written; a restart may repeat or miss some",
          {{"err", status}});
    }
  }
  for (const auto& [group_id, lane] : changes.start) {
    Group* group = FindGroup(group_id);
    if (group != nullptr && lane < group->lanes.size()) StartAttempt(*group, lane);
  }
  return status;
}

void Dispatcher::PostTask(std::function<void()> task) {
  base::MutexLock gate(gate_mu_);
  if (!closed_) deps_.executor.Post(std::move(task));
}

}  // namespace slowburn::notify
