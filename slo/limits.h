// Limits of SLO files and ledgers. Each is enforced where the value enters, with an error that
// names it.
#ifndef SLOWBURN_SLO_LIMITS_H_
#define SLOWBURN_SLO_LIMITS_H_

#include <cstddef>

#include "base/clock.h"

namespace slowburn::slo {

inline constexpr size_t kMaxSlos = 10'000;
inline constexpr size_t kMaxSloFileBytes = size_t{4} << 20;
inline constexpr size_t kMaxNameBytes = 128;  // of a name and of a service
inline constexpr size_t kMaxTiers = 16;       // of one SLO
inline constexpr int kMaxFractionDigits = 9;  // of a decimal
inline constexpr base::DurationMs kMinPeriod = base::kHour;
inline constexpr base::DurationMs kMaxPeriod = 366 * base::kDay;
inline constexpr base::DurationMs kMinWindow = base::kMinute;
inline constexpr size_t kMaxHistoryPoints = 11'000;  // as of a range query

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_LIMITS_H_
