#include "api/worker_pool.h"

#include <utility>

namespace slowburn::api {

bool WorkerPool::Post(std::function<void()> task) {
  base::MutexLock lock(mu_);
  if (stopping_) return false;
  queue_.push_back(std::move(task));
  // Each queued task needs an idle thread of its own, or a long one would hold up those behind it.
  if (!idle_.empty()) {
    CallLast();
  } else if (threads_.size() < max_threads_) {
    threads_.emplace_back([this] { Run(); });
  }
  return true;
}

void WorkerPool::CallLast() {
  idle_.back()->called = true;
  idle_.back()->wake.NotifyOne();
  idle_.pop_back();
}

void WorkerPool::Run() {
  Idle self;
  mu_.Lock();
  for (;;) {
    while (queue_.empty() && !stopping_) {
      self.called = false;
      idle_.push_back(&self);
      while (!self.called) self.wake.Wait(mu_);
    }
    if (queue_.empty()) break;
    {
      const std::function<void()> task = std::move(queue_.front());
      queue_.pop_front();
      mu_.Unlock();
      task();
    }
    mu_.Lock();
  }
  mu_.Unlock();
}

void WorkerPool::Stop() {
  std::vector<std::thread> threads;
  {
    base::MutexLock lock(mu_);
    stopping_ = true;
    threads.swap(threads_);
    while (!idle_.empty()) CallLast();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace slowburn::api
