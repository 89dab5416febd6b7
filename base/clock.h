// Time as a parameter. Nobody but RealClock asks the operating system what time it is.
//
// Wall time is milliseconds since the Unix epoch, signed, UTC, without leap seconds: Prometheus'
// unit.
#ifndef SLOWBURN_BASE_CLOCK_H_
#define SLOWBURN_BASE_CLOCK_H_

#include <cstdint>

namespace slowburn::base {

using TimestampMs = int64_t;  // since the Unix epoch
using DurationMs = int64_t;

inline constexpr DurationMs kSecond = 1000;
inline constexpr DurationMs kMinute = 60 * kSecond;
inline constexpr DurationMs kHour = 60 * kMinute;
inline constexpr DurationMs kDay = 24 * kHour;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimestampMs Now() const = 0;
  // Never goes back; for measuring how long something took. Nanoseconds from an arbitrary start.
  virtual int64_t MonotonicNs() const = 0;
};

class RealClock final : public Clock {
 public:
  TimestampMs Now() const override;
  int64_t MonotonicNs() const override;
};

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_CLOCK_H_
