// Threads for work that blocks: HTTP and gRPC handlers. Grows to max_threads as work arrives and
// then keeps its threads.
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
  void Run();

  const size_t max_threads_;
  base::Mutex mu_;
  base::CondVar ready_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
  size_t idle_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace slowburn::api

#endif  // SLOWBURN_API_WORKER_POOL_H_
