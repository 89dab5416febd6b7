// What every integration of a group must be told now.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "notify/dispatcher.h"
#include "notify/limits.h"

namespace slowburn::notify {
namespace {

// Different values of alertname, in the order of the notification.
std::vector<std::string> AlertNames(const std::vector<Notification::Item>& items) {
  std::vector<std::string> names;
  for (const Notification::Item& item : items) {
    if (names.size() == kLedgerAlertNames) break;
    const std::string name(LabelValue(item.alert->labels, "alertname"));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace

Dispatcher::Mute Dispatcher::MuteByInterval(const Route& route, TimestampMs now) const {
  const auto contains = [&](const std::string& name) {
    const TimeInterval* interval = config_->FindTimeInterval(name);
    return interval != nullptr && interval->Contains(now);
  };
  const RouteOptions& options = route.options();
  const std::vector<std::string>& active = options.active_time_intervals;
  if (!active.empty() && std::none_of(active.begin(), active.end(), contains))
    return {"active_time_interval", active};
  Mute mute;
  std::copy_if(options.mute_time_intervals.begin(), options.mute_time_intervals.end(),
               std::back_inserter(mute.by), contains);
  if (!mute.by.empty()) mute.reason = "mute_time_interval";
  return mute;
}

Dispatcher::Mute Dispatcher::RouteMute(const Group& group, TimestampMs now) const {
  Mute first;
  for (const Route* route : group.routes) {
    Mute mute = MuteByInterval(*route, now);
    if (mute.reason == nullptr) return {};  // one way in is open
    if (first.reason == nullptr) first = std::move(mute);
  }
  return first;
}

Dispatcher::Snapshot Dispatcher::TakeSnapshot(Group& group, TimestampMs now) {
  const Mute interval = RouteMute(group, now);
  Snapshot snapshot;
  for (const auto& [fingerprint, routed] : group.members) {
    const StoredAlert& alert = alerts_.at(fingerprint);
    const char* reason = nullptr;
    if (inhibitor_->InhibitedBy(alert.labels, now).has_value()) {
      reason = "inhibition";
    } else if (interval.reason != nullptr) {
      reason = interval.reason;
    } else if (!silences_.SilencedBy(fingerprint, alert.labels, now).empty()) {
      reason = "silence";
    }
    if (routed && reason != nullptr) metrics_.Suppressed(reason).Increment();
    snapshot.push_back({&alert, alert.ResolvedAt(now), !routed || reason != nullptr});
  }
  std::sort(snapshot.begin(), snapshot.end(), [](const SnapshotItem& a, const SnapshotItem& b) {
    return NotificationBefore(a.alert->labels, b.alert->labels);
  });
  return snapshot;
}

void Dispatcher::ForgetUndeliverable(Group& group, TimestampMs now, Changes& changes) {
  std::vector<Fingerprint> old;
  for (const auto& [fingerprint, routed] : group.members) {
    if (alerts_.at(fingerprint).ends_at + kDeliveryDeadline < now) old.push_back(fingerprint);
  }
  for (const Fingerprint fingerprint : old) {
    for (size_t i = 0; i < group.lanes.size(); ++i) {
      LogEntry entry = group.lanes[i].entry;
      entry.firing.erase(fingerprint);
      entry.open.erase(fingerprint);
      SetEntry(group, i, std::move(entry), changes);
    }
    RemoveMember(group, fingerprint);
    metrics_.expired_alerts.Increment();
  }
}

void Dispatcher::Flush(Group& group, TimestampMs now, Changes& changes) {
  ForgetUndeliverable(group, now, changes);
  const Snapshot snapshot = TakeSnapshot(group, now);
  group.resolved_at_flush.clear();
  for (const SnapshotItem& item : snapshot) {
    if (item.resolved)
      group.resolved_at_flush.emplace_back(item.alert->fingerprint, item.alert->updated_at);
  }
  for (size_t lane = 0; lane < group.lanes.size(); ++lane)
    DecideLane(group, lane, snapshot, now, changes);
  group.last_flush = now;
  changes.Put(GroupStateKey(group.id), EncodeGroup(group));
  Settle(group, now, changes);
}

Dispatcher::Batch Dispatcher::MakeBatch(const LogEntry& entry, const Snapshot& snapshot,
                                        bool send_resolved) {
  Batch batch;
  for (const SnapshotItem& item : snapshot) {
    const Fingerprint fingerprint = item.alert->fingerprint;
    // Who was told of an alert is told of its end, muted or not.
    const bool owed = item.resolved && send_resolved && entry.open.contains(fingerprint);
    if (item.muted && !owed) continue;
    (item.resolved ? batch.resolved : batch.firing).insert(fingerprint);
    if (!item.resolved || send_resolved) batch.items.push_back({item.alert, item.resolved});
  }
  return batch;
}

void Dispatcher::DecideLane(Group& group, size_t lane, const Snapshot& snapshot, TimestampMs now,
                            Changes& changes) {
  Lane& l = group.lanes[lane];
  if (l.pending != nullptr) return DecideBesidePending(group, lane, snapshot, now, changes);
  const bool send_resolved = FindIntegration(group.receiver, lane)->config.send_resolved;
  const Batch batch = MakeBatch(l.entry, snapshot, send_resolved);
  const std::string_view reason = ReasonToSend(
      l.entry, {batch.firing, batch.resolved, send_resolved, group.options.repeat_interval, now});
  l.settled = true;
  if (!reason.empty()) Tell(group, lane, batch, reason, now, changes);
}

void Dispatcher::DecideBesidePending(Group& group, size_t lane, const Snapshot& snapshot,
                                     TimestampMs now, Changes& changes) {
  Lane& l = group.lanes[lane];
  const Delivery& pending = *l.pending;
  l.settled = false;
  if (pending.row.attempts > 0) {
    // Alertmanager would have given up on it by now, and counted that.
    metrics_.notifications.Increment();
    metrics_.Failed(FailureReason(int(pending.row.http_status), false)).Increment();
  }
  if (pending.in_flight) {
    l.dirty = true;
    return;
  }
  const bool send_resolved = FindIntegration(group.receiver, lane)->config.send_resolved;
  LogEntry told = pending.maybe_delivered
                      ? AfterDoubtfulDelivery(l.entry, pending.firing, pending.resolved)
                      : l.entry;
  const Batch batch = MakeBatch(told, snapshot, send_resolved);
  if (batch.firing == pending.firing && batch.resolved == pending.resolved)
    return;  // its retries go on
  const std::string_view reason = ReasonToSend(
      told, {batch.firing, batch.resolved, send_resolved, group.options.repeat_interval, now});
  // What only the pending one tells must not get lost: it goes first unless somebody has muted it
  // since, or the newer notification tells it as well.
  FingerprintSet muted;
  for (const SnapshotItem& item : snapshot) {
    if (item.muted && !item.resolved) muted.insert(item.alert->fingerprint);
  }
  const auto covered = [&](Fingerprint f) {
    if (reason.empty()) return false;
    return batch.firing.contains(f) ||
           (send_resolved && !batch.firing.empty() && batch.resolved.contains(f));
  };
  if (std::any_of(pending.firing.begin(), pending.firing.end(), [&](Fingerprint f) {
        return !told.firing.contains(f) && !covered(f) && !muted.contains(f);
      })) {
    l.dirty = true;
    return;
  }
  Supersede(group, lane, "the group changed before it was accepted", changes);
  SetEntry(group, lane, std::move(told), changes);
  l.settled = true;
  if (!reason.empty()) Tell(group, lane, batch, reason, now, changes);
}

void Dispatcher::Tell(Group& group, size_t lane, const Batch& batch, std::string_view reason,
                      TimestampMs now, Changes& changes) {
  Lane& l = group.lanes[lane];
  l.dirty = false;
  if (batch.items.empty()) {  // ends, to somebody who does not want to hear of them
    SetEntry(group, lane, AfterDelivery(l.entry, batch.firing, batch.resolved, now), changes);
    return;
  }
  const Integration& integration = *FindIntegration(group.receiver, lane);
  auto delivery = std::make_unique<Delivery>();
  const std::string group_key = group.key();
  const Notification notification{.receiver = group.receiver,
                                  .reason = reason,
                                  .external_url = deps_.external_url,
                                  .group_key = group_key,
                                  .group_labels = group.labels,
                                  .route_labels = group.options.labels,
                                  .alerts = batch.items};
  delivery->body = WebhookBody(notification, integration.config.max_alerts);
  delivery->firing = batch.firing;
  delivery->resolved = batch.resolved;
  DeliveryRow& row = delivery->row;
  row.id = ids_.Next();
  row.time = now;
  row.reason = std::string(reason);
  row.firing = !batch.firing.empty();
  row.alerts = int64_t(batch.items.size());
  row.alert_names = AlertNames(batch.items);
  FillRow(group, lane, row);
  changes.Put(LaneStateKey(kIntentPrefix, lane, group.id), EncodeIntent(*delivery));
  changes.durability = base::Durability::kDisk;
  changes.start.emplace_back(group.id, lane);
  l.pending = std::move(delivery);
  l.settled = false;
  metrics_.notifications.Increment();
}

void Dispatcher::Supersede(Group& group, size_t lane, std::string_view why, Changes& changes) {
  DeliveryRow& row = group.lanes[lane].pending->row;
  if (row.error.empty()) row.error = std::string(why);
  metrics_.superseded.Increment();
  CloseDelivery(group, lane, DeliveryOutcome::kSuperseded, changes);
}

void Dispatcher::SetEntry(Group& group, size_t lane, LogEntry entry, Changes& changes) {
  Lane& l = group.lanes[lane];
  if (entry == l.entry) return;
  l.entry = std::move(entry);
  changes.Put(LaneStateKey(kLogPrefix, lane, group.id), EncodeLogEntry(l.entry));
  changes.durability = base::Durability::kDisk;
}

void Dispatcher::Settle(Group& group, TimestampMs now, Changes& changes) {
  if (!std::all_of(group.lanes.begin(), group.lanes.end(),
                   [](const Lane& lane) { return lane.settled; }))
    return;
  for (const auto& [fingerprint, updated_at] : std::exchange(group.resolved_at_flush, {})) {
    const auto alert = alerts_.find(fingerprint);
    // It may have fired again, or moved, since the flush looked at it.
    if (alert == alerts_.end() || alert->second.updated_at != updated_at ||
        !alert->second.ResolvedAt(now))
      continue;
    for (size_t i = 0; i < group.lanes.size(); ++i) {
      // Without this, an alert whose end was not told for want of send_resolved would not page when
      // it fires again.
      LogEntry entry = group.lanes[i].entry;
      entry.firing.erase(fingerprint);
      entry.open.erase(fingerprint);
      SetEntry(group, i, std::move(entry), changes);
    }
    RemoveMember(group, fingerprint);
  }
  if (group.members.empty() && !group.HasPending()) DestroyGroup(group.id, changes);
}

}  // namespace slowburn::notify
