#include "tests/testing/fake_executor.h"

#include <algorithm>

namespace slowburn::testing {

void FakeExecutor::Post(std::function<void()> task) { posted_.push_back(std::move(task)); }

base::TimerId FakeExecutor::RunAt(base::TimestampMs when, std::function<void()> task) {
  const uint64_t id = next_id_++;
  timers_.emplace(std::pair(when, id), std::move(task));
  return base::TimerId(id);
}

bool FakeExecutor::Cancel(base::TimerId id) {
  const auto it = std::find_if(timers_.begin(), timers_.end(),
                               [&](const auto& timer) { return timer.first.second == uint64_t(id); });
  if (it == timers_.end()) return false;
  timers_.erase(it);
  return true;
}

void FakeExecutor::RunPosted() {
  while (!posted_.empty()) {
    auto task = std::move(posted_.front());
    posted_.pop_front();
    task();
  }
}

void FakeExecutor::AdvanceTo(base::TimestampMs when) {
  RunPosted();
  while (!timers_.empty() && timers_.begin()->first.first <= when) {
    auto timer = timers_.extract(timers_.begin());
    clock_.Set(std::max(clock_.Now(), timer.key().first));
    timer.mapped()();
    RunPosted();
  }
  clock_.Set(std::max(clock_.Now(), when));
}

}  // namespace slowburn::testing
