// What one integration was last told about one group, and whether it must be told something now.
//
// Threads: plain values and functions.
#ifndef SLOWBURN_NOTIFY_NOTIFICATION_LOG_H_
#define SLOWBURN_NOTIFY_NOTIFICATION_LOG_H_

#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "notify/label_set.h"
#include "notify/record.h"

namespace slowburn::notify {

using FingerprintSet = std::set<Fingerprint>;

struct LogEntry {
  base::TimestampMs time = 0;       // when the notification was decided; 0: never told anything
  FingerprintSet firing, resolved;  // of the last notification
  // Told as firing and not yet as resolved. More than `firing`: alerts that were muted when the
  // last notification went out are missing there, but their end must be told all the same.
  FingerprintSet open;

  bool empty() const { return time == 0 && open.empty(); }
  friend bool operator==(const LogEntry&, const LogEntry&) = default;
};

struct DedupQuestion {
  const FingerprintSet& firing;    // now, not muted
  const FingerprintSet& resolved;  // now, not muted or told as firing before
  bool send_resolved;
  base::DurationMs repeat_interval;
  base::TimestampMs now;
};

// The reason to send, in Alertmanager's words ("first notification", "new alerts added", …); empty:
// do not send.
std::string_view ReasonToSend(const LogEntry& entry, const DedupQuestion& question);

// The entry after a notification of `firing` and `resolved` was accepted. What was not transmitted
// (resolved alerts to an integration without send_resolved) counts as told: nobody will ever tell
// it.
LogEntry AfterDelivery(const LogEntry& entry, const FingerprintSet& firing,
                       const FingerprintSet& resolved, base::TimestampMs decided);
// The entry when nobody knows whether that notification arrived: nothing may be left out because of
// it.
LogEntry AfterDoubtfulDelivery(LogEntry entry, const FingerprintSet& firing,
                               const FingerprintSet& resolved);

std::string EncodeLogEntry(const LogEntry& entry);
absl::StatusOr<LogEntry> DecodeLogEntry(std::string_view record);
std::string EncodeFingerprints(const FingerprintSet& set);
FingerprintSet DecodeFingerprints(std::string_view bytes);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_NOTIFICATION_LOG_H_
