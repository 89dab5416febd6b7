#include "query/exec/morsels.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace slowburn::query {

struct Morsels::State {
  State(size_t n, Limits l, Work w)
      : count(n), limits(l), work(std::move(w)), done(l.ahead, false), idle_workers(l.threads - 1) {
    for (size_t i = 0; i < idle_workers.size(); ++i) idle_workers[i] = i + 1;
  }

  bool IsDone(size_t morsel) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    return done[morsel % limits.ahead];
  }
  bool HasNext() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    return !closed && next < count && next < wanted + limits.ahead;
  }
  // Does the next morsel, without the lock.
  void DoNext(size_t worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const size_t morsel = next++;
    mu.Unlock();
    work(morsel, worker);
    mu.Lock();
    done[morsel % limits.ahead] = true;
    changed.NotifyAll();
  }
  void Help() {
    base::MutexLock lock(mu);
    if (!HasNext()) {
      --called;
      return;
    }
    const size_t worker = idle_workers.back();
    idle_workers.pop_back();
    while (HasNext()) DoNext(worker);
    idle_workers.push_back(worker);
    --called;
    changed.NotifyAll();
  }

  const size_t count;
  const Limits limits;
  const Work work;
  base::Mutex mu;
  base::CondVar changed;
  size_t next ABSL_GUARDED_BY(mu) = 0;         // not begun yet
  size_t wanted ABSL_GUARDED_BY(mu) = 0;       // by the taker
  std::vector<bool> done ABSL_GUARDED_BY(mu);  // of [wanted, wanted + ahead), modulo
  std::vector<size_t> idle_workers ABSL_GUARDED_BY(mu);
  size_t called ABSL_GUARDED_BY(mu) = 0;  // helpers that run, or will
  bool closed ABSL_GUARDED_BY(mu) = false;
};

Morsels::Morsels(base::Executor& helpers, size_t count, Limits limits, Work work)
    : helpers_(helpers), state_(std::make_shared<State>(count, limits, std::move(work))) {}

// Helpers that were called and have not begun find it closed, whenever that is.
Morsels::~Morsels() {
  State& s = *state_;
  base::MutexLock lock(s.mu);
  s.closed = true;
  while (s.idle_workers.size() < s.limits.threads - 1) s.changed.Wait(s.mu);
}

void Morsels::CallHelpers() {
  size_t more = 0;
  {
    base::MutexLock lock(state_->mu);
    if (!state_->HasNext()) return;
    more = state_->limits.threads - 1 - state_->called;
    state_->called += more;
  }
  for (; more > 0; --more) {
    helpers_.Post([state = state_] { state->Help(); });
  }
}

void Morsels::Finish(size_t morsel) {
  State& s = *state_;
  {
    base::MutexLock lock(s.mu);
    for (; s.wanted < morsel; ++s.wanted) s.done[s.wanted % s.limits.ahead] = false;
  }
  CallHelpers();
  base::MutexLock lock(s.mu);
  while (!s.IsDone(morsel)) {
    if (s.HasNext()) {
      s.DoNext(0);
    } else {
      s.changed.Wait(s.mu);
    }
  }
}

}  // namespace slowburn::query
