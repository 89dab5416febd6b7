// Executor: who runs work, and when. Schedulers (scraping, rules, SLOs, notifications) know only
// this interface, so that a test with tests/testing/fake_executor.h runs an hour of rules in a
// millisecond.
//
// Threads: every method may be called from any thread. Tasks may run concurrently with each other;
//   what must be in order goes through one Strand-like queue of its owner. A task must not block
//   for long on anything but its own I/O.
// Lifetimes: tasks that were posted but not begun are destroyed, not run, when the executor stops.
#ifndef SLOWBURN_BASE_EXECUTOR_H_
#define SLOWBURN_BASE_EXECUTOR_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace slowburn::base {

enum class TimerId : uint64_t { kNone = 0 };

class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Post(std::function<void()> task) = 0;
  // Runs `task` once, not before clock time `when`.
  virtual TimerId RunAt(TimestampMs when, std::function<void()> task) = 0;
  // True when the task had not begun and now never will.
  virtual bool Cancel(TimerId id) = 0;
};

// `threads` workers over a FIFO queue and a timer heap on `clock`'s wall time.
class ThreadPoolExecutor final : public Executor {
 public:
  ThreadPoolExecutor(const Clock& clock, int threads);
  ~ThreadPoolExecutor() override;  // Stop()
  ThreadPoolExecutor(const ThreadPoolExecutor&) = delete;
  ThreadPoolExecutor& operator=(const ThreadPoolExecutor&) = delete;

  void Post(std::function<void()> task) override;
  TimerId RunAt(TimestampMs when, std::function<void()> task) override;
  bool Cancel(TimerId id) override;

  // Lets running tasks finish, drops the rest, joins the threads. Idempotent.
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_EXECUTOR_H_
