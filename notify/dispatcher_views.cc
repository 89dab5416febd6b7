// What the API shows, and silences as it changes them.
#include <algorithm>
#include <tuple>

#include "notify/dispatcher.h"

namespace slowburn::notify {

bool Dispatcher::ReceiverShown(const AlertFilter& filter, const std::string& receiver) const {
  if (filter.receiver && !filter.receiver->Matches(receiver)) return false;
  if (filter.receiver_matchers.empty()) return true;
  const ReceiverConfig* config = config_->FindReceiver(receiver);
  return config != nullptr && MatchesAll(filter.receiver_matchers, config->labels);
}

bool Dispatcher::Shown(const AlertFilter& filter, const StoredAlert& alert, TimestampMs now,
                       AlertView& view) {
  if (alert.ResolvedAt(now) || !MatchesAll(filter.matchers, alert.labels)) return false;
  view.silenced_by = silences_.SilencedBy(alert.fingerprint, alert.labels, now);
  if (const auto by = inhibitor_->InhibitedBy(alert.labels, now))
    view.inhibited_by = {FingerprintHex(*by)};
  if (!filter.active && !view.suppressed()) return false;
  if (!filter.silenced && !view.silenced_by.empty()) return false;
  if (!filter.inhibited && !view.inhibited_by.empty()) return false;
  view.fingerprint = alert.fingerprint;
  view.labels = alert.labels;
  view.annotations = alert.annotations;
  view.generator_url = alert.generator_url;
  view.starts_at = alert.starts_at;
  view.ends_at = alert.ends_at;
  view.updated_at = alert.updated_at;
  return true;
}

std::vector<AlertView> Dispatcher::Alerts(const AlertFilter& filter) {
  base::MutexLock lock(mu_);
  const TimestampMs now = Now();
  std::vector<AlertView> views;
  for (const auto& [fingerprint, alert] : alerts_) {
    AlertView view;
    for (const Route* route : tree_->Match(alert.labels))
      view.receivers.push_back(route->options().receiver);
    const bool receiver_shown =
        std::any_of(view.receivers.begin(), view.receivers.end(),
                    [&](const std::string& name) { return ReceiverShown(filter, name); });
    if (receiver_shown && Shown(filter, alert, now, view)) views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(), [](const AlertView& a, const AlertView& b) {
    return FingerprintHex(a.fingerprint) < FingerprintHex(b.fingerprint);
  });
  return views;
}

std::vector<GroupView> Dispatcher::Groups(const AlertFilter& filter) {
  base::MutexLock lock(mu_);
  const TimestampMs now = Now();
  std::vector<GroupView> groups;
  for (const auto& [id, group] : groups_) {
    if (!ReceiverShown(filter, group->receiver)) continue;
    const Mute mute = RouteMute(*group, now);
    if (!filter.muted && mute.reason != nullptr) continue;
    GroupView view{group->receiver, group->labels, group->options.labels, {}};
    for (const auto& [fingerprint, routed] : group->members) {
      const StoredAlert& stored = alerts_.at(fingerprint);
      AlertView alert;
      if (!routed || !Shown(filter, stored, now, alert)) continue;
      alert.muted_by = mute.by;
      for (const Route* route : tree_->Match(stored.labels))
        alert.receivers.push_back(route->options().receiver);
      std::sort(alert.receivers.begin(), alert.receivers.end());
      view.alerts.push_back(std::move(alert));
    }
    if (view.alerts.empty()) continue;
    std::sort(view.alerts.begin(), view.alerts.end(), [](const AlertView& a, const AlertView& b) {
      return NotificationBefore(a.labels, b.labels);
    });
    groups.push_back(std::move(view));
  }
  std::sort(groups.begin(), groups.end(), [](const GroupView& a, const GroupView& b) {
    if (a.labels != b.labels) return LabelsBefore(a.labels, b.labels);
    return a.receiver < b.receiver;
  });
  return groups;
}

absl::StatusOr<std::string> Dispatcher::SetSilence(Silence silence) {
  base::MutexLock lock(mu_);
  return silences_.Set(std::move(silence), Now());
}

absl::Status Dispatcher::ExpireSilence(const std::string& id) {
  base::MutexLock lock(mu_);
  return silences_.Expire(id, Now());
}

std::optional<Silence> Dispatcher::FindSilence(const std::string& id) {
  base::MutexLock lock(mu_);
  const Silence* silence = silences_.Find(id);
  return silence == nullptr ? std::nullopt : std::optional<Silence>(*silence);
}

std::vector<Silence> Dispatcher::AllSilences() {
  base::MutexLock lock(mu_);
  const TimestampMs now = Now();
  std::vector<Silence> silences;
  for (const auto& [id, silence] : silences_.all()) silences.push_back(silence);
  std::sort(silences.begin(), silences.end(), [&](const Silence& a, const Silence& b) {
    const SilenceState state_a = StateOf(a, now), state_b = StateOf(b, now);
    if (state_a != state_b) return state_a < state_b;
    switch (state_a) {
      case SilenceState::kActive:
        return std::tie(a.ends_at, a.id) < std::tie(b.ends_at, b.id);
      case SilenceState::kPending:
        return std::tie(a.starts_at, a.id) < std::tie(b.starts_at, b.id);
      case SilenceState::kExpired:
        return std::tie(b.ends_at, b.id) < std::tie(a.ends_at, a.id);
    }
    return false;
  });
  return silences;
}

std::vector<DeliveryRow> Dispatcher::Deliveries(size_t limit, std::string_view receiver) {
  base::MutexLock lock(mu_);
  std::vector<DeliveryRow> rows;
  const auto wanted = [&](const DeliveryRow& row) {
    return receiver.empty() || row.receiver == receiver;
  };
  for (const auto& [id, group] : groups_) {
    for (const Lane& lane : group->lanes) {
      if (lane.pending == nullptr || !wanted(lane.pending->row)) continue;
      rows.push_back(lane.pending->row);
      rows.back().duration_ms = Now() - rows.back().time;
    }
  }
  size_t closed = 0;
  for (auto it = ledger_.rows().rbegin(); it != ledger_.rows().rend() && closed < limit; ++it) {
    if (!wanted(*it)) continue;
    rows.push_back(*it);
    ++closed;
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const DeliveryRow& a, const DeliveryRow& b) { return a.time > b.time; });
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

}  // namespace slowburn::notify
