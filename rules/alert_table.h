// AlertTable: the alerts of one rule, and how they pass from pending to firing to resolved.
//
//                                                             vanished (and
//             first seen            `for` has passed          keep_firing_for has passed)
//   (none) ─────────────► pending ──────────────────► firing ────────────────────────────► inactive
//                            │ vanished                                           seen again: │
//                            ▼                                                                ▼
//                          (none)                                                          pending
//
// An inactive alert is kept for 15 minutes, so that its end is told again and again: the receiver
// may have missed it.
// Threads: none of its own; the group that owns it guards it.
#ifndef SLOWBURN_RULES_ALERT_TABLE_H_
#define SLOWBURN_RULES_ALERT_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "rules/alert.h"
#include "tsdb/labels.h"

namespace slowburn::rules {

using base::DurationMs;

enum class AlertState : uint8_t { kInactive, kPending, kFiring };
std::string_view Name(AlertState state);  // "inactive", "pending", "firing"

struct ActiveAlert {
  tsdb::Labels labels;  // the identity
  LabelPairs annotations;
  AlertState state = AlertState::kPending;
  double value = 0;  // of the last evaluation
  TimestampMs active_at = 0;
  std::optional<TimestampMs> fired_at, keep_firing_since, resolved_at, last_sent_at;
};

// What an evaluation found: one element of the vector with its labels and annotations expanded.
struct AlertFinding {
  tsdb::Labels labels;
  LabelPairs annotations;
  double value = 0;
};

struct AlertTiming {
  DurationMs hold = 0;         // for
  DurationMs keep_firing = 0;  // keep_firing_for
  int64_t limit = 0;           // active alerts at most; 0: none
};

class AlertTable {
 public:
  // Takes what the evaluation at `ts` found. kFailedPrecondition: two findings have the same labels
  // (nothing changes then); kResourceExhausted: more active alerts than the limit (all are
  // forgotten then, as in Prometheus).
  absl::Status Update(TimestampMs ts, const AlertTiming& timing,
                      std::vector<AlertFinding> findings);

  // Alerts that the sink should hear of at `ts`: firing ones and resolved ones, each once per
  // `resend_delay`, and at once when they have resolved since they were last sent.
  std::vector<const ActiveAlert*> Due(TimestampMs ts, DurationMs resend_delay) const;
  void MarkSent(const std::vector<tsdb::Labels>& alerts, TimestampMs ts);

  // Puts an alert back that an earlier process left behind.
  void Restore(ActiveAlert alert);

  // All, resolved ones too, by labels.
  const std::map<tsdb::Labels, ActiveAlert>& all() const { return alerts_; }
  // The most urgent state of any.
  AlertState State() const;

 private:
  std::map<tsdb::Labels, ActiveAlert> alerts_;
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_ALERT_TABLE_H_
