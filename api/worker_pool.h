// Threads for work that blocks: HTTP and gRPC handlers. Grows to max_threads as work arrives and
// then keeps its threads. The one that was busy last is called first: its caches are warm, and the
// memory that it freed is at hand for it.
//
// Threads: Post from any. Lifetimes: Stop lets everything that was posted finish and joins; nothing
// runs afterwards.
#ifndef SLOWBURN_API_WORKER_POOL_H_
#define SLOWBURN_API_WORKER_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace slowburn::api {

class WorkerPool {
 public:
  explicit WorkerPool(size_t max_threads) : max_threads_(max_threads) {}
  ~WorkerPool() { Stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False after Stop: the task was not taken.
  bool Post(std::function<void()> task);
  void Stop();

 private:
  struct Idle {  // a thread that waits
    base::CondVar wake;
    bool called = false;
  };
  void Run();
  void CallLast() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t max_threads_;
  base::Mutex mu_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
  std::vector<Idle*> idle_ ABSL_GUARDED_BY(mu_);  // not called yet
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace slowburn::api

#endif  // SLOWBURN_API_WORKER_POOL_H_
