#include "base/executor.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/mutex.h"

namespace slowburn::base {
namespace {

// The wall clock may be set, and tests turn it by hand, so that a timer never sleeps longer than
// this at once.
constexpr DurationMs kMaxTimerSleepMs = kSecond;

}  // namespace

// One timer thread moves what is due from the heap to the queue; the workers know only the queue.
struct ThreadPoolExecutor::State {
  struct Task {
    uint64_t id = 0;  // 0: posted, cannot be cancelled
    std::function<void()> run;
  };
  using TimerKey = std::pair<TimestampMs, uint64_t>;

  explicit State(const Clock& c) : clock(c) {}

  const Clock& clock;
  Mutex mu;
  CondVar work_ready;
  CondVar timers_changed;
  std::deque<Task> queue ABSL_GUARDED_BY(mu);
  std::map<TimerKey, std::function<void()>> timers ABSL_GUARDED_BY(mu);
  absl::flat_hash_map<uint64_t, TimestampMs> timer_times ABSL_GUARDED_BY(mu);
  uint64_t next_id ABSL_GUARDED_BY(mu) = 1;
  bool stopping ABSL_GUARDED_BY(mu) = false;
  std::vector<std::thread> threads ABSL_GUARDED_BY(mu);

  void Work();
  void RunTimers();
  void QueueDueTimers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
};

void ThreadPoolExecutor::State::Work() {
  mu.Lock();
  while (!stopping) {
    if (queue.empty()) {
      work_ready.Wait(mu);
      continue;
    }
    {
      Task task = std::move(queue.front());
      queue.pop_front();
      mu.Unlock();
      task.run();
    }  // the task is destroyed outside the lock
    mu.Lock();
  }
  mu.Unlock();
}

void ThreadPoolExecutor::State::QueueDueTimers() {
  const TimestampMs now = clock.Now();
  while (!timers.empty() && timers.begin()->first.first <= now) {
    auto node = timers.extract(timers.begin());
    timer_times.erase(node.key().second);
    queue.push_back({node.key().second, std::move(node.mapped())});
    work_ready.NotifyOne();
  }
}

void ThreadPoolExecutor::State::RunTimers() {
  MutexLock lock(mu);
  while (!stopping) {
    QueueDueTimers();
    if (timers.empty()) {
      timers_changed.Wait(mu);
      continue;
    }
    const DurationMs until = timers.begin()->first.first - clock.Now();
    const DurationMs sleep = std::clamp<DurationMs>(until, 0, kMaxTimerSleepMs);
    if (sleep > 0) timers_changed.WaitFor(mu, std::chrono::milliseconds(sleep));
  }
}

ThreadPoolExecutor::ThreadPoolExecutor(const Clock& clock, int threads)
    : state_(std::make_unique<State>(clock)) {
  MutexLock lock(state_->mu);
  for (int i = 0; i < std::max(threads, 1); ++i) {
    state_->threads.emplace_back([s = state_.get()] { s->Work(); });
  }
  state_->threads.emplace_back([s = state_.get()] { s->RunTimers(); });
}

ThreadPoolExecutor::~ThreadPoolExecutor() { Stop(); }

void ThreadPoolExecutor::Post(std::function<void()> task) {
  MutexLock lock(state_->mu);
  if (state_->stopping) return;
  state_->queue.push_back({0, std::move(task)});
  state_->work_ready.NotifyOne();
}

TimerId ThreadPoolExecutor::RunAt(TimestampMs when, std::function<void()> task) {
  MutexLock lock(state_->mu);
  if (state_->stopping) return TimerId::kNone;
  const uint64_t id = state_->next_id++;
  const auto it = state_->timers.emplace(std::pair(when, id), std::move(task)).first;
  state_->timer_times.emplace(id, when);
  if (it == state_->timers.begin()) state_->timers_changed.NotifyOne();
  return static_cast<TimerId>(id);
}

bool ThreadPoolExecutor::Cancel(TimerId timer) {
  const auto id = static_cast<uint64_t>(timer);
  if (timer == TimerId::kNone) return false;
  std::function<void()> dropped;  // destroyed after the lock was released
  MutexLock lock(state_->mu);
  if (const auto it = state_->timer_times.find(id); it != state_->timer_times.end()) {
    const auto entry = state_->timers.find({it->second, id});
    dropped = std::move(entry->second);
    state_->timers.erase(entry);
    state_->timer_times.erase(it);
    return true;
  }
  // Due, but no worker has taken it yet.
  const auto it = std::find_if(state_->queue.begin(), state_->queue.end(),
                               [id](const State::Task& task) { return task.id == id; });
  if (it == state_->queue.end()) return false;
  dropped = std::move(it->run);
  state_->queue.erase(it);
  return true;
}

void ThreadPoolExecutor::Stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(state_->mu);
    state_->stopping = true;
    threads.swap(state_->threads);
    state_->work_ready.NotifyAll();
    state_->timers_changed.NotifyAll();
  }
  for (std::thread& thread : threads) thread.join();
  std::deque<State::Task> queue;
  std::map<State::TimerKey, std::function<void()>> timers;
  {
    MutexLock lock(state_->mu);
    queue.swap(state_->queue);
    timers.swap(state_->timers);
    state_->timer_times.clear();
  }
}

}  // namespace slowburn::base
