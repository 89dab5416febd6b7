#include "tsdb/replay_workers.h"

#include <algorithm>
#include <utility>

namespace slowburn::tsdb {
namespace {

constexpr size_t kStripesAtOnce = 8;

}  // namespace

ReplayWorkers::ReplayWorkers(Head& head, DetailTarget& target, size_t threads)
    : head_(head), target_(target), scratches_(1 + threads) {
  for (size_t i = 1; i <= threads; ++i) {
    threads_.emplace_back([this, i] {
      for (uint64_t seen = 0;;) {
        {
          base::MutexLock lock(mu_);
          while (!stop_ && windows_begun_ == seen) changed_.Wait(mu_);
          if (stop_) return;
          seen = windows_begun_;
        }
        Help(scratches_[i]);
        base::MutexLock lock(mu_);
        if (--busy_ == 0) changed_.NotifyAll();
      }
    });
  }
}

ReplayWorkers::~ReplayWorkers() { Finish(); }

void ReplayWorkers::Help(ReplayWindow::Scratch& scratch) {
  const size_t stripes = applying_->stripes();
  for (;;) {
    const size_t first = next_stripe_.fetch_add(kStripesAtOnce, std::memory_order_relaxed);
    if (first >= stripes) return;
    for (size_t i = first; i < std::min(first + kStripesAtOnce, stripes); ++i)
      applying_->Apply(i, head_, target_, scratch);
  }
}

void ReplayWorkers::WaitForAll() {
  Help(scratches_[0]);
  base::MutexLock lock(mu_);
  while (busy_ > 0) changed_.Wait(mu_);
}

void ReplayWorkers::Submit() {
  filling_->Group();
  WaitForAll();  // a series' samples stay in their order
  applying_->Clear();
  std::swap(filling_, applying_);
  next_stripe_ = 0;
  if (threads_.empty()) {
    Help(scratches_[0]);
    return;
  }
  base::MutexLock lock(mu_);
  busy_ = threads_.size();
  ++windows_begun_;
  changed_.NotifyAll();
}

uint64_t ReplayWorkers::Finish() {
  if (std::exchange(finished_, true)) return 0;
  Submit();
  WaitForAll();
  {
    base::MutexLock lock(mu_);
    stop_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  uint64_t samples = 0;
  for (const ReplayWindow::Scratch& scratch : scratches_) {
    head_.AddReplayed(scratch.tally);
    samples += scratch.tally.samples;
  }
  return samples;
}

}  // namespace slowburn::tsdb
