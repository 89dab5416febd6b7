#include "api/worker_pool.h"

#include <utility>

namespace slowburn::api {

bool WorkerPool::Post(std::function<void()> task) {
  base::MutexLock lock(mu_);
  if (stopping_) return false;
  queue_.push_back(std::move(task));
  // Each queued task needs an idle thread of its own, or a long one would hold up those behind it.
  if (queue_.size() > idle_ && threads_.size() < max_threads_) {
    threads_.emplace_back([this] { Run(); });
  }
  ready_.NotifyOne();
  return true;
}

void WorkerPool::Run() {
  mu_.Lock();
  for (;;) {
    while (queue_.empty() && !stopping_) {
      ++idle_;
      ready_.Wait(mu_);
      --idle_;
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
    ready_.NotifyAll();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace slowburn::api
