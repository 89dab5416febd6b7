#include "base/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "tests/testing/fake_clock.h"

namespace slowburn::base {
namespace {

// Counts down; Wait returns at zero.
class Latch {
 public:
  explicit Latch(int count) : count_(count) {}
  void Done() {
    MutexLock lock(mu_);
    if (--count_ <= 0) zero_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mu_);
    while (count_ > 0) zero_.Wait(mu_);
  }

 private:
  Mutex mu_;
  CondVar zero_;
  int count_ ABSL_GUARDED_BY(mu_);
};

TEST(ThreadPoolExecutor, RunsEveryPostedTaskOnce) {
  RealClock clock;
  ThreadPoolExecutor executor(clock, 4);
  std::vector<std::atomic<int>> ran(1000);
  Latch latch(1000);
  for (auto& r : ran) {
    executor.Post([&] {
      ++r;
      latch.Done();
    });
  }
  latch.Wait();
  for (auto& r : ran) EXPECT_EQ(r, 1);
}

TEST(ThreadPoolExecutor, TasksMayPostTasks) {
  RealClock clock;
  ThreadPoolExecutor executor(clock, 1);
  Latch latch(2);
  executor.Post([&] {
    executor.Post([&] { latch.Done(); });
    latch.Done();
  });
  latch.Wait();
}

TEST(ThreadPoolExecutor, TimersRunInOrderOfTime) {
  RealClock clock;
  ThreadPoolExecutor executor(clock, 1);
  Mutex mu;
  std::vector<int> order;
  Latch latch(3);
  const TimestampMs now = clock.Now();
  const auto add = [&](int n, TimestampMs when) {
    executor.RunAt(when, [&, n] {
      {
        MutexLock lock(mu);
        order.push_back(n);
      }
      latch.Done();
    });
  };
  add(3, now + 60);
  add(1, now - 5);
  add(2, now + 30);
  latch.Wait();
  MutexLock lock(mu);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(ThreadPoolExecutor, NotBeforeTheClockSaysSo) {
  testing::FakeClock clock(1000);
  ThreadPoolExecutor executor(clock, 2);
  std::atomic<bool> ran{false};
  Latch latch(1);
  executor.RunAt(500'000, [&] {
    ran = true;
    latch.Done();
  });
  Latch posted(1);
  executor.Post([&] { posted.Done(); });
  posted.Wait();
  EXPECT_FALSE(ran);
  clock.Set(500'000);
  latch.Wait();
  EXPECT_TRUE(ran);
}

TEST(ThreadPoolExecutor, CancelIsTrueOnlyWhenTheTaskNeverRuns) {
  testing::FakeClock clock(1000);
  ThreadPoolExecutor executor(clock, 1);
  auto token = std::make_shared<int>(1);
  const TimerId id = executor.RunAt(2000, [token] { FAIL() << "ran although it was cancelled"; });
  EXPECT_EQ(token.use_count(), 2);
  EXPECT_TRUE(executor.Cancel(id));
  EXPECT_EQ(token.use_count(), 1) << "the task was not destroyed";
  EXPECT_FALSE(executor.Cancel(id));
  EXPECT_FALSE(executor.Cancel(TimerId::kNone));

  Latch latch(1);
  const TimerId due = executor.RunAt(1000, [&] { latch.Done(); });
  latch.Wait();
  EXPECT_FALSE(executor.Cancel(due));
}

TEST(ThreadPoolExecutor, ADueTaskThatNoWorkerTookCanBeCancelled) {
  testing::FakeClock clock(1000);
  ThreadPoolExecutor executor(clock, 1);
  Latch busy(1), release(1);
  executor.Post([&] {
    busy.Done();
    release.Wait();
  });
  busy.Wait();
  std::atomic<int> ran{0};
  const TimerId id = executor.RunAt(1000, [&] { ++ran; });
  EXPECT_TRUE(executor.Cancel(id));
  Latch after(1);
  executor.Post([&] { after.Done(); });
  release.Done();
  after.Wait();
  EXPECT_EQ(ran, 0);
}

TEST(ThreadPoolExecutor, StopFinishesWhatRunsAndDropsTheRest) {
  RealClock clock;
  auto token = std::make_shared<int>(1);
  std::atomic<int> ran{0};
  {
    ThreadPoolExecutor executor(clock, 1);
    Latch busy(1);
    Latch release(1);
    executor.Post([&] {
      busy.Done();
      release.Wait();
      ++ran;
    });
    busy.Wait();
    executor.RunAt(clock.Now() + kHour, [token, &ran] { ++ran; });
    release.Done();
    executor.Stop();
    executor.Stop();
    executor.Post([token, &ran] { ++ran; });
    EXPECT_EQ(executor.RunAt(0, [token, &ran] { ++ran; }), TimerId::kNone);
  }
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace slowburn::base
