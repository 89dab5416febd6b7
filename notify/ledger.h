// Ledger: what was sent to whom and what became of it, the last kMaxLedgerRows of kLedgerRetention.
// Survives restarts.
//
// Threads: not thread-safe; the Dispatcher's lock guards it.
#ifndef SLOWBURN_NOTIFY_LEDGER_H_
#define SLOWBURN_NOTIFY_LEDGER_H_

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/state_store.h"
#include "notify/label_set.h"

namespace slowburn::notify {

// kSuperseded: a newer state of the group was sent instead, or nothing was left to say.
enum class DeliveryOutcome { kPending, kDelivered, kFailed, kSuperseded };
std::string_view DeliveryOutcomeName(DeliveryOutcome outcome);

struct DeliveryRow {
  std::string id;                     // also the Idempotency-Key
  base::TimestampMs time = 0;         // when it was decided
  std::string receiver, integration;  // integration: "webhook/0"
  std::string group_key, reason;
  LabelSet group_labels;
  bool firing = false;
  int64_t alerts = 0;                    // how many
  std::vector<std::string> alert_names;  // different ones, at most kLedgerAlertNames
  int64_t attempts = 0;                  // since the last start of the server
  int64_t http_status = 0;               // of the last answer; 0: none came
  std::string error;                     // of the last attempt
  base::DurationMs duration_ms = 0;      // from the decision to the end
  DeliveryOutcome outcome = DeliveryOutcome::kPending;
};

class Ledger {
 public:
  explicit Ledger(base::StateStore& store) : store_(store) {}
  absl::Status Load();
  // Keeps the row and appends the change that makes it durable to `changes`.
  void Append(DeliveryRow row, std::vector<base::StateChange>& changes);
  // Oldest first.
  const std::deque<DeliveryRow>& rows() const { return rows_; }
  void CollectGarbage(base::TimestampMs now);

 private:
  base::StateStore& store_;
  std::deque<DeliveryRow> rows_;
};

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_LEDGER_H_
