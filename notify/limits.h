// Every limit of the notification side, by name.
#ifndef SLOWBURN_NOTIFY_LIMITS_H_
#define SLOWBURN_NOTIFY_LIMITS_H_

#include <cstddef>

#include "base/clock.h"

namespace slowburn::notify {

// Memory. What would go over is refused with an error and counted; the sender repeats it.
inline constexpr size_t kMaxAlerts = 1'000'000;      // different label sets held at once
inline constexpr size_t kMaxGroups = 200'000;        // groups held at once
inline constexpr size_t kMaxSilences = 100'000;      // expired ones included
inline constexpr size_t kMaxSilenceBytes = 1 << 20;  // one silence, encoded
inline constexpr size_t kMaxAlertBytes = 1 << 20;    // labels, annotations and URL of one alert
// Alerts that one notification carries; the rest is counted in truncatedAlerts. max_alerts lowers
// it.
inline constexpr size_t kMaxAlertsPerNotification = 10'000;

// The configuration file.
inline constexpr size_t kMaxConfigBytes = 8 << 20;
inline constexpr int kMaxRouteDepth = 64;

// Sending.
inline constexpr int kMaxInFlightPerIntegration = 32;  // requests under way to one destination
inline constexpr size_t kMaxAnswerBytes = 64 << 10;    // read of a receiver's answer
inline constexpr base::DurationMs kSendTimeout = 30 * base::kSecond;  // without `timeout`
inline constexpr base::DurationMs kFirstBackoff = 500;                // then times 1.5, +-50 %
inline constexpr base::DurationMs kMaxBackoff = base::kMinute;
inline constexpr base::DurationMs kMaxRetryAfter = 15 * base::kMinute;
// A notification that nobody took for so long is given up, and a resolved alert forgotten.
inline constexpr base::DurationMs kDeliveryDeadline = base::kDay;

// Keeping.
inline constexpr base::DurationMs kMaintenanceInterval = 30 * base::kSecond;
// How long an alert that was firing when we went down waits at most for its sender after we are
// back.
inline constexpr base::DurationMs kDowntimeGrace = 5 * base::kMinute;
inline constexpr base::DurationMs kResolvedAlertRetention = 15 * base::kMinute;
inline constexpr base::DurationMs kSilenceRetention = 120 * base::kHour;  // after its end
inline constexpr size_t kMaxLedgerRows = 10'000;
inline constexpr base::DurationMs kLedgerRetention = 5 * base::kDay;
inline constexpr size_t kLedgerAlertNames = 20;  // names that one row keeps
inline constexpr size_t kLedgerErrorBytes = 512;

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_LIMITS_H_
