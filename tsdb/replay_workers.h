// ReplayWorkers: threads that put windows of logged samples into the head, one window after the
// other, while the next one is filled.
//
//   ReplayWorkers workers(head, target, 1);
//   workers.window().AddRuns(…);
//   if (workers.window().bytes() > …) workers.Submit();
//   …
//   workers.Finish();
//
// Threads: one calls; it helps when it has to wait. Without threads of its own it does everything.
#ifndef SLOWBURN_TSDB_REPLAY_WORKERS_H_
#define SLOWBURN_TSDB_REPLAY_WORKERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "tsdb/replay_window.h"

namespace slowburn::tsdb {

class ReplayWorkers {
 public:
  // Borrows both.
  ReplayWorkers(Head& head, DetailTarget& target, size_t threads);
  ~ReplayWorkers();  // Finish

  // The one to fill.
  ReplayWindow& window() { return *filling_; }
  // Hands it over; another, empty one is to be filled.
  void Submit();
  // Everything is in the head. Returns how many samples that were. Nothing may be added afterwards.
  uint64_t Finish();

 private:
  void Help(ReplayWindow::Scratch& scratch);
  void WaitForAll();

  Head& head_;
  DetailTarget& target_;
  ReplayWindow windows_[2];
  ReplayWindow* filling_ = &windows_[0];
  ReplayWindow* applying_ = &windows_[1];         // changed while nobody is busy
  std::atomic<size_t> next_stripe_{0};            // of applying_
  std::vector<ReplayWindow::Scratch> scratches_;  // the caller's first
  bool finished_ = false;

  base::Mutex mu_;
  base::CondVar changed_;
  uint64_t windows_begun_ ABSL_GUARDED_BY(mu_) = 0;
  size_t busy_ ABSL_GUARDED_BY(mu_) = 0;  // threads that are not done with applying_
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_REPLAY_WORKERS_H_
