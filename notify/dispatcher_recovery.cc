// The state of the last run: read back, put in order, and notifications without an outcome taken up
// again.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "notify/dispatcher.h"
#include "notify/limits.h"

namespace slowburn::notify {
namespace {

constexpr char kFormatKey[] = "format";
constexpr char kFormat[] = "1";
constexpr size_t kMaxLanes = 10'000;  // of one receiver; more is damage

void WarnUnreadable(std::string_view key, const absl::Status& status) {
  base::Error("a record of the notification state is unreadable and was left out",
              {{"key", key.substr(0, 200)}, {"err", status}});
}

}  // namespace

absl::Status Dispatcher::Recover(Changes& changes) {
  RETURN_IF_ERROR(CheckFormat(changes));
  RETURN_IF_ERROR(LoadAlerts());
  RETURN_IF_ERROR(silences_.Load());
  RETURN_IF_ERROR(ledger_.Load());
  RETURN_IF_ERROR(LoadGroups(changes));
  RETURN_IF_ERROR(LoadLogEntries(changes));
  return LoadIntents(changes);
}

absl::Status Dispatcher::CheckFormat(Changes& changes) const {
  const absl::StatusOr<std::string> format = deps_.store.Get(base::Space::kNotify, kFormatKey);
  if (absl::IsNotFound(format.status())) {
    changes.Put(kFormatKey, kFormat);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(format.status());
  if (*format == kFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the notification state has format \"", *format,
                                                    "\", this version reads \"", kFormat, "\""));
}

absl::Status Dispatcher::LoadAlerts() {
  const TimestampMs now = Now();
  TimestampMs alive = 0;
  if (const auto text = deps_.store.Get(base::Space::kNotify, "alive"); text.ok())
    (void)absl::SimpleAtoi(*text, &alive);
  RETURN_IF_ERROR(deps_.store.Scan(base::Space::kNotify, kAlertKeyPrefix, kAlertKeyEnd,
                                   [&](std::string_view key, std::string_view value) {
                                     absl::StatusOr<StoredAlert> alert = DecodeAlert(value);
                                     if (!alert.ok()) {
                                       WarnUnreadable(key, alert.status());
                                       return true;
                                     }
                                     alive = std::max(alive, alert->updated_at);
                                     alerts_.insert_or_assign(alert->fingerprint,
                                                              std::move(*alert));
                                     return true;
                                   }));
  // While we were down nobody could renew an alert: that time does not count towards its end.
  if (alive == 0 || now - alive <= 2 * kMaintenanceInterval) return absl::OkStatus();
  for (auto& [fingerprint, alert] : alerts_) {
    if (alert.ends_at <= alive) continue;
    const base::DurationMs left = std::min(alert.ends_at - alive, kDowntimeGrace);
    alert.ends_at = std::max(alert.ends_at, now + left);
  }
  return absl::OkStatus();
}

absl::Status Dispatcher::LoadGroups(Changes& changes) {
  return deps_.store.Scan(base::Space::kNotify, kGroupPrefix, kGroupEnd,
                          [&](std::string_view key, std::string_view value) {
                            absl::StatusOr<Group> group = DecodeGroup(value);
                            if (!group.ok()) {
                              WarnUnreadable(key, group.status());
                              changes.Delete(std::string(key));
                              return true;
                            }
                            const std::string id = group->id;
                            groups_[id] = std::make_unique<Group>(std::move(*group));
                            return true;
                          });
}

Lane* Dispatcher::LaneOfKey(std::string_view key, Changes& changes) {
  size_t lane = 0;
  std::string id;
  Group* group = ParseLaneStateKey(key, lane, id) && lane < kMaxLanes ? FindGroup(id) : nullptr;
  if (group == nullptr) {
    changes.Delete(std::string(key));
    return nullptr;
  }
  if (group->lanes.size() <= lane) group->lanes.resize(lane + 1);
  return &group->lanes[lane];
}

absl::Status Dispatcher::LoadLogEntries(Changes& changes) {
  return deps_.store.Scan(base::Space::kNotify, kLogPrefix, kLogEnd,
                          [&](std::string_view key, std::string_view value) {
                            absl::StatusOr<LogEntry> entry = DecodeLogEntry(value);
                            if (!entry.ok()) {
                              WarnUnreadable(key, entry.status());
                            } else if (Lane* lane = LaneOfKey(key, changes)) {
                              lane->entry = std::move(*entry);
                            }
                            return true;
                          });
}

absl::Status Dispatcher::LoadIntents(Changes& changes) {
  return deps_.store.Scan(base::Space::kNotify, kIntentPrefix, kIntentEnd,
                          [&](std::string_view key, std::string_view value) {
                            absl::StatusOr<Delivery> delivery = DecodeIntent(value);
                            if (!delivery.ok()) {
                              WarnUnreadable(key, delivery.status());
                            } else if (Lane* lane = LaneOfKey(key, changes)) {
                              lane->pending = std::make_unique<Delivery>(std::move(*delivery));
                              // We may have died before its answer.
                              lane->pending->maybe_delivered = true;
                              lane->settled = false;
                            }
                            return true;
                          });
}

void Dispatcher::RestoreMembers() {
  const TimestampMs now = Now();
  for (const auto& [id, group] : groups_) {
    for (Lane& lane : group->lanes) {
      FingerprintSet owed = lane.entry.open;
      if (lane.pending != nullptr) {
        owed.insert(lane.pending->firing.begin(), lane.pending->firing.end());
        owed.insert(lane.pending->resolved.begin(), lane.pending->resolved.end());
      }
      for (const Fingerprint fingerprint : owed) {
        const auto alert = alerts_.find(fingerprint);
        if (alert != alerts_.end()) {
          AddMember(*group, alert->second);
        } else {
          lane.entry.open.erase(fingerprint);
        }
      }
    }
  }
  // Ended since the last flush of its group, which therefore has not told it.
  for (auto& [fingerprint, alert] : alerts_) {
    if (!alert.ResolvedAt(now)) continue;
    for (const Route* route : tree_->Match(alert.labels)) {
      Group* group = FindGroup(
          GroupId(route->options().receiver, route->key(), route->GroupLabels(alert.labels)));
      if (group != nullptr && std::max(alert.ends_at, alert.updated_at) > group->last_flush)
        AddMember(*group, alert);
    }
  }
}

void Dispatcher::ResumeDeliveries(Changes& changes) {
  size_t resumed = 0;
  for (const auto& [id, group] : groups_) {
    for (size_t lane = 0; lane < group->lanes.size(); ++lane) {
      if (group->lanes[lane].pending == nullptr) continue;
      FillRow(*group, lane, group->lanes[lane].pending->row);
      changes.start.emplace_back(id, lane);
      ++resumed;
    }
  }
  if (alerts_.empty() && silences_.all().empty()) return;
  base::Info("notification state loaded", {{"alerts", alerts_.size()},
                                           {"silences", silences_.all().size()},
                                           {"groups", groups_.size()},
                                           {"resumed_deliveries", resumed}});
}

}  // namespace slowburn::notify
