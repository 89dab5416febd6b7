// Alerts come in, are kept, find their groups and go.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "notify/dispatcher.h"
#include "notify/limits.h"

namespace slowburn::notify {
namespace {

// A renewal may be lost with the power: the sender repeats it. Everything else may not.
bool IsRenewal(const StoredAlert& old, const StoredAlert& now_known, TimestampMs now) {
  return !old.ResolvedAt(now) && !now_known.ResolvedAt(now) &&
         old.annotations == now_known.annotations && old.generator_url == now_known.generator_url;
}

}  // namespace

absl::Status Dispatcher::Send(std::vector<rules::Alert> alerts) {
  base::MutexLock lock(mu_);
  const TimestampMs now = Now();
  Changes changes;
  std::string faults;
  for (rules::Alert& alert : alerts) {
    absl::StatusOr<StoredAlert> stored =
        MakeStoredAlert(std::move(alert), now, config_->resolve_timeout);
    if (stored.ok()) {
      TakeAlert(std::move(*stored), changes);
      continue;
    }
    metrics_.invalid.Increment();
    if (!faults.empty()) faults += '\n';
    absl::StrAppend(&faults, stored.status().message());
  }
  const absl::Status durable = Commit(changes);
  if (!durable.ok()) return durable;
  if (!faults.empty()) return absl::InvalidArgumentError(faults);
  if (changes.over_limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("some alerts were refused: ", alerts_.size(), " alerts (limit ", kMaxAlerts,
                     ") in ", groups_.size(), " groups (limit ", kMaxGroups, ")"));
  }
  return absl::OkStatus();
}

void Dispatcher::TakeAlert(StoredAlert alert, Changes& changes) {
  const TimestampMs now = Now();
  (alert.ResolvedAt(now) ? metrics_.received_resolved : metrics_.received_firing).Increment();
  const auto known = alerts_.find(alert.fingerprint);
  ResolvedAlerts resolved = ResolvedAlerts::kJoin;
  if (known == alerts_.end()) {
    if (alerts_.size() >= kMaxAlerts) {
      metrics_.limited.Increment();
      changes.over_limit = true;
      return;
    }
    changes.durability = base::Durability::kDisk;
  } else {
    // Senders repeat the end of an alert for a while: once told, it does not come back.
    if (known->second.ResolvedAt(now)) resolved = ResolvedAlerts::kOnlyMembers;
    alert = MergeAlerts(known->second, std::move(alert), now);
    if (!IsRenewal(known->second, alert, now)) changes.durability = base::Durability::kDisk;
  }
  StoredAlert& stored = alerts_[alert.fingerprint];
  stored = std::move(alert);
  changes.Put(AlertKey(stored.fingerprint), EncodeAlert(stored));
  if (stored.ResolvedAt(now)) {
    inhibitor_->Remove(stored.fingerprint, stored.labels);
  } else {
    inhibitor_->Upsert(stored.fingerprint, stored.labels, stored.ends_at);
  }
  RouteAlert(stored, resolved, now, changes);
}

void Dispatcher::RouteAlert(StoredAlert& alert, ResolvedAlerts resolved, TimestampMs now,
                            Changes& changes) {
  for (const Route* route : tree_->Match(alert.labels)) {
    const std::string id =
        GroupId(route->options().receiver, route->key(), route->GroupLabels(alert.labels));
    Group* group = FindGroup(id);
    if (alert.ResolvedAt(now)) {
      if (group == nullptr) continue;  // nobody was told of it
      if (resolved == ResolvedAlerts::kOnlyMembers && !group->members.contains(alert.fingerprint))
        continue;
    }
    if (group == nullptr) group = CreateGroup(*route, alert, changes);
    if (group == nullptr) continue;
    if (std::find(group->routes.begin(), group->routes.end(), route) == group->routes.end()) {
      if (group->routes.empty()) group->options = route->options();
      group->routes.push_back(route);
    }
    AddMember(*group, alert);
  }
}

Group* Dispatcher::FindGroup(const std::string& id) {
  const auto it = groups_.find(id);
  return it == groups_.end() ? nullptr : it->second.get();
}

Group* Dispatcher::CreateGroup(const Route& route, const StoredAlert& alert, Changes& changes) {
  if (groups_.size() >= kMaxGroups) {
    metrics_.limited.Increment();
    changes.over_limit = true;
    return nullptr;
  }
  const TimestampMs now = Now();
  auto group = std::make_unique<Group>();
  group->receiver = route.options().receiver;
  group->route_key = route.key();
  group->labels = route.GroupLabels(alert.labels);
  group->id = GroupId(group->receiver, group->route_key, group->labels);
  group->options = route.options();
  group->lanes.resize(integrations_[group->receiver].size());
  // An alert that is older than group_wait has waited elsewhere.
  const base::DurationMs wait = group->options.group_wait;
  group->next_flush = alert.starts_at + wait < now ? now : now + wait;
  changes.Put(GroupStateKey(group->id), EncodeGroup(*group));
  ScheduleFlush(*group);
  Group* result = group.get();
  groups_[group->id] = std::move(group);
  return result;
}

void Dispatcher::AddMember(Group& group, StoredAlert& alert) {
  const auto [it, added] = group.members.insert_or_assign(alert.fingerprint, true);
  if (added) ++alert.groups;
}

void Dispatcher::RemoveMember(Group& group, Fingerprint fingerprint) {
  if (group.members.erase(fingerprint) == 0) return;
  if (const auto it = alerts_.find(fingerprint); it != alerts_.end()) --it->second.groups;
}

void Dispatcher::DestroyGroup(const std::string& id, Changes& changes) {
  const auto it = groups_.find(id);
  if (it == groups_.end()) return;
  Group& group = *it->second;
  deps_.executor.Cancel(group.timer);
  while (!group.members.empty()) RemoveMember(group, group.members.begin()->first);
  for (size_t lane = 0; lane < group.lanes.size(); ++lane)
    changes.Delete(LaneStateKey(kLogPrefix, lane, id));
  changes.Delete(GroupStateKey(id));
  groups_.erase(it);
}

void Dispatcher::CollectAlerts(TimestampMs now, Changes& changes) {
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    const StoredAlert& alert = it->second;
    if (!alert.ResolvedAt(now)) {
      ++it;
      continue;
    }
    inhibitor_->Remove(alert.fingerprint, alert.labels);
    if (alert.groups > 0 || alert.ends_at + kResolvedAlertRetention >= now) {
      ++it;
      continue;
    }
    changes.Delete(AlertKey(alert.fingerprint));
    silences_.Forget(alert.fingerprint);
    it = alerts_.erase(it);
  }
}

}  // namespace slowburn::notify
