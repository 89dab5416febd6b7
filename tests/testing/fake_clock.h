// A clock that moves only when told. Thread-safe.
#ifndef SLOWBURN_TESTS_TESTING_FAKE_CLOCK_H_
#define SLOWBURN_TESTS_TESTING_FAKE_CLOCK_H_

#include <atomic>

#include "base/clock.h"

namespace slowburn::testing {

class FakeClock final : public base::Clock {
 public:
  explicit FakeClock(base::TimestampMs now = 1'700'000'000'000) : now_(now) {}
  base::TimestampMs Now() const override { return now_; }
  int64_t MonotonicNs() const override { return now_ * 1'000'000; }
  void Set(base::TimestampMs now) { now_ = now; }
  void Advance(base::DurationMs by) { now_ += by; }

 private:
  std::atomic<base::TimestampMs> now_;
};

}  // namespace slowburn::testing

#endif  // SLOWBURN_TESTS_TESTING_FAKE_CLOCK_H_
