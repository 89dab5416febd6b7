// An executor without threads: posted tasks run in RunPosted, timers when AdvanceTo passes them, in
// order of time and, within one time, of their creation. An hour of rules takes as long as the
// rules do.
#ifndef SLOWBURN_TESTS_TESTING_FAKE_EXECUTOR_H_
#define SLOWBURN_TESTS_TESTING_FAKE_EXECUTOR_H_

#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "base/executor.h"
#include "tests/testing/fake_clock.h"

namespace slowburn::testing {

class FakeExecutor final : public base::Executor {
 public:
  explicit FakeExecutor(FakeClock& clock) : clock_(clock) {}
  void Post(std::function<void()> task) override;
  base::TimerId RunAt(base::TimestampMs when, std::function<void()> task) override;
  bool Cancel(base::TimerId id) override;

  void RunPosted();                          // until nothing is posted
  // Moves the clock through every timer up to and including `when`.
  void AdvanceTo(base::TimestampMs when);
  void AdvanceBy(base::DurationMs by) { AdvanceTo(clock_.Now() + by); }
  size_t timers() const { return timers_.size(); }

 private:
  FakeClock& clock_;
  std::deque<std::function<void()>> posted_;
  std::map<std::pair<base::TimestampMs, uint64_t>, std::function<void()>> timers_;
  uint64_t next_id_ = 1;
};

}  // namespace slowburn::testing

#endif  // SLOWBURN_TESTS_TESTING_FAKE_EXECUTOR_H_
