// Limits of rules and alerts. Those of templates are in template/limits.h.
#ifndef SLOWBURN_RULES_LIMITS_H_
#define SLOWBURN_RULES_LIMITS_H_

#include <cstddef>

#include "base/clock.h"

namespace slowburn::rules {

inline constexpr size_t kMaxRuleFileBytes = size_t{16} << 20;
inline constexpr size_t kMaxRulesPerFile = 100'000;
// Resolved alerts are sent again so long.
inline constexpr base::DurationMs kResolvedRetention = 15 * base::kMinute;
inline constexpr size_t kMaxAlertsPerRule = 100'000;  // without a limit of the group's own
// One alert's record; larger ones are not read back.
inline constexpr size_t kMaxStateValueBytes = size_t{1} << 20;
// Prometheus' --alertmanager.notification-queue-capacity.
inline constexpr size_t kAlertmanagerQueueAlerts = 10'000;
inline constexpr size_t kAlertmanagerBatchAlerts = 256;

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_LIMITS_H_
