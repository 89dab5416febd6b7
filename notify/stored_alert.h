// StoredAlert: an alert as the dispatcher keeps it, and how two statements about one alert become
// one.
//
// Threads: a plain value.
#ifndef SLOWBURN_NOTIFY_STORED_ALERT_H_
#define SLOWBURN_NOTIFY_STORED_ALERT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "notify/label_set.h"

namespace slowburn::notify {

using base::TimestampMs;

struct StoredAlert {
  Fingerprint fingerprint{};
  LabelSet labels, annotations;
  std::string generator_url;
  TimestampMs starts_at = 0, ends_at = 0, updated_at = 0;
  bool timeout = false;  // ends_at is our resolve_timeout, not the sender's word
  int groups = 0;        // how many groups hold it; not stored

  bool ResolvedAt(TimestampMs now) const { return ends_at <= now; }
};

// Sorts labels, drops empty ones, fills in missing times. kInvalidArgument: no labels, bad names or
// values, ends before it starts, too large.
absl::StatusOr<StoredAlert> MakeStoredAlert(rules::Alert alert, TimestampMs now,
                                            base::DurationMs resolve_timeout);

// Where the two overlap in time they are one occurrence: the earliest start, the latest word on the
// end. Otherwise the newer one stands alone.
StoredAlert MergeAlerts(const StoredAlert& old, StoredAlert newer, TimestampMs now);

std::string AlertKey(Fingerprint fingerprint);  // in the StateStore
inline constexpr char kAlertKeyPrefix[] = "a/";
inline constexpr char kAlertKeyEnd[] = "a0";
std::string EncodeAlert(const StoredAlert& alert);
absl::StatusOr<StoredAlert> DecodeAlert(std::string_view record);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_STORED_ALERT_H_
