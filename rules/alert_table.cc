#include "rules/alert_table.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rules/limits.h"

namespace slowburn::rules {
namespace {

// True while an alert that vanished goes on firing.
bool KeepsFiring(ActiveAlert& alert, TimestampMs ts, DurationMs keep_firing) {
  if (alert.state != AlertState::kFiring || keep_firing <= 0) return false;
  if (!alert.keep_firing_since) alert.keep_firing_since = ts;
  return ts - *alert.keep_firing_since < keep_firing;
}

// The state of an alert that is active at `ts`. A `for` that grew by a reload takes a firing alert
// back.
void Promote(ActiveAlert& alert, TimestampMs ts, DurationMs hold) {
  const bool held = ts - alert.active_at >= hold;
  if (alert.state == AlertState::kPending && held) {
    alert.state = AlertState::kFiring;
    alert.fired_at = ts;
  } else if (alert.state == AlertState::kFiring && !held) {
    alert.state = AlertState::kPending;
    alert.fired_at.reset();
  }
}

}  // namespace

std::string_view Name(AlertState state) {
  switch (state) {
    case AlertState::kInactive:
      return "inactive";
    case AlertState::kPending:
      return "pending";
    case AlertState::kFiring:
      return "firing";
  }
  return "";
}

absl::Status AlertTable::Update(TimestampMs ts, const AlertTiming& timing,
                                std::vector<AlertFinding> findings) {
  std::set<tsdb::Labels> found;
  for (const AlertFinding& finding : findings) {
    if (!found.insert(finding.labels).second) {
      return absl::FailedPreconditionError(
          "vector contains metrics with the same labelset after applying alert labels");
    }
  }
  for (AlertFinding& finding : findings) {
    ActiveAlert& alert = alerts_[finding.labels];
    if (alert.labels.empty() || alert.state == AlertState::kInactive) {
      alert = ActiveAlert{};
      alert.labels = std::move(finding.labels);
      alert.active_at = ts;
    }
    alert.value = finding.value;
    alert.annotations = std::move(finding.annotations);
  }
  int64_t active = 0;
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    ActiveAlert& alert = it->second;
    if (found.find(it->first) != found.end()) {
      alert.keep_firing_since.reset();
      Promote(alert, ts, timing.hold);
    } else if (!KeepsFiring(alert, ts, timing.keep_firing)) {
      const bool forget = alert.state == AlertState::kPending ||
                          (alert.resolved_at && ts - *alert.resolved_at > kResolvedRetention);
      if (forget) {
        it = alerts_.erase(it);
        continue;
      }
      if (alert.state == AlertState::kFiring) {
        alert.state = AlertState::kInactive;
        alert.resolved_at = ts;
      }
      ++it;
      continue;
    }
    ++active;
    ++it;
  }
  const int64_t limit = timing.limit > 0 ? timing.limit : static_cast<int64_t>(kMaxAlertsPerRule);
  if (active > limit) {
    alerts_.clear();
    return absl::ResourceExhaustedError(
        absl::StrCat("exceeded limit of ", limit, " with ", active, " alerts"));
  }
  return absl::OkStatus();
}

std::vector<const ActiveAlert*> AlertTable::Due(TimestampMs ts, DurationMs resend_delay) const {
  std::vector<const ActiveAlert*> due;
  for (const auto& [labels, alert] : alerts_) {
    if (alert.state == AlertState::kPending) continue;
    const bool resolved_since =
        alert.resolved_at && alert.last_sent_at && *alert.resolved_at > *alert.last_sent_at;
    if (!alert.last_sent_at || resolved_since || ts - *alert.last_sent_at > resend_delay)
      due.push_back(&alert);
  }
  return due;
}

void AlertTable::MarkSent(const std::vector<tsdb::Labels>& alerts, TimestampMs ts) {
  for (const tsdb::Labels& labels : alerts) {
    const auto it = alerts_.find(labels);
    if (it != alerts_.end()) it->second.last_sent_at = ts;
  }
}

void AlertTable::Restore(ActiveAlert alert) {
  tsdb::Labels labels = alert.labels;
  alerts_.insert_or_assign(std::move(labels), std::move(alert));
}

AlertState AlertTable::State() const {
  AlertState most = AlertState::kInactive;
  for (const auto& [labels, alert] : alerts_) most = std::max(most, alert.state);
  return most;
}

}  // namespace slowburn::rules
