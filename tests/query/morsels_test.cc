#include "query/exec/morsels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "prometheus/registry.h"
#include "query/engine.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::query {
namespace {

// Keeps what is posted and runs nothing.
class IdleExecutor final : public base::Executor {
 public:
  void Post(std::function<void()> task) override {
    base::MutexLock lock(mu_);
    tasks_.push_back(std::move(task));
  }
  base::TimerId RunAt(base::TimestampMs, std::function<void()>) override {
    return base::TimerId::kNone;
  }
  bool Cancel(base::TimerId) override { return false; }
  std::vector<std::function<void()>> Take() {
    base::MutexLock lock(mu_);
    return std::exchange(tasks_, {});
  }

 private:
  base::Mutex mu_;
  std::vector<std::function<void()>> tasks_ ABSL_GUARDED_BY(mu_);
};

TEST(Morsels, AreAllDoneWithoutAnyHelp) {
  IdleExecutor idle;
  std::vector<size_t> done;
  {
    Morsels morsels(idle, 5, {.threads = 3, .ahead = 2}, [&](size_t morsel, size_t worker) {
      EXPECT_EQ(worker, 0u);
      done.push_back(morsel);
    });
    for (size_t m = 0; m < 5; ++m) {
      morsels.Finish(m);
      EXPECT_GE(done.size(), m + 1);
      EXPECT_LE(done.size(), m + 2);
    }
  }
  EXPECT_EQ(done, (std::vector<size_t>{0, 1, 2, 3, 4}));
  for (const auto& task : idle.Take()) task();  // too late: does nothing
  EXPECT_EQ(done.size(), 5u);
}

TEST(Morsels, AreDoneOnceEachAndNotTooFarAhead) {
  testing::Random random;
  base::RealClock clock;
  base::ThreadPoolExecutor helpers(clock, 3);
  for (int round = 0; round < 200; ++round) {
    const size_t count = random.Below(60), ahead = 1 + random.Below(7);
    const size_t threads = 1 + random.Below(4);
    const size_t taken = random.OneIn(4) ? random.Below(count + 1) : count;
    std::vector<std::atomic<int>> done(count);
    std::array<std::atomic<int>, 4> busy{};
    std::atomic<size_t> wanted{0};
    {
      Morsels morsels(helpers, count, {threads, ahead}, [&](size_t morsel, size_t worker) {
        EXPECT_LT(worker, threads);
        EXPECT_EQ(busy[worker].fetch_add(1), 0);
        EXPECT_LT(morsel, wanted.load() + ahead);
        done[morsel].fetch_add(1);
        busy[worker].fetch_sub(1);
      });
      for (size_t m = 0; m < taken; ++m) {
        wanted.store(m);
        morsels.Finish(m);
        EXPECT_EQ(done[m].load(), 1);
      }
    }
    for (const std::atomic<int>& times : done) EXPECT_LE(times.load(), 1);
  }
}

std::string Text(const QueryResult& result) {
  std::string out;
  for (const Series& series : result.series) {
    absl::StrAppend(&out, series.labels.ToString());
    for (const tsdb::Sample& s : series.floats) {
      absl::StrAppend(&out, " ", s.t, ":", absl::Hex(std::bit_cast<uint64_t>(s.v)));
    }
    out += '\n';
  }
  for (const std::string& text : result.annotations.warnings) absl::StrAppend(&out, text, "\n");
  for (const std::string& text : result.annotations.infos) absl::StrAppend(&out, text, "\n");
  return absl::StrCat(out, result.stats.samples_total, " ", result.stats.samples_read);
}

// Enough series and steps that the engine shares the work, unless the query is to be explained.
class SharedSeriesTest : public ::testing::Test {
 protected:
  SharedSeriesTest() {
    testing::Random random;
    const auto appender = storage_.NewAppender();
    for (int i = 0; i < 300; ++i) {
      const auto ref = appender->Resolve({{"__name__", i % 2 ? "m_total" : "m"},
                                          {"i", std::to_string(i)},
                                          {"g", std::to_string(i % 7)}},
                                         nullptr);
      double v = 0;
      for (tsdb::TimestampMs t = random.Between(0, 20'000); t < 3'600'000; t += 10'000) {
        v = random.OneIn(50) ? 0 : v + random.Unit();
        appender->Append(*ref, t,
                         random.OneIn(99) ? std::bit_cast<double>(tsdb::kStaleNaNBits) : v);
      }
    }
    EXPECT_OK(appender->Commit());
  }

  absl::StatusOr<QueryResult> Ask(const std::string& query, bool explain, int64_t max_samples) {
    EngineOptions options;
    options.max_samples = max_samples;
    prometheus::Registry registry;
    Engine engine(storage_, clock_, options, registry);
    QueryOptions of_query;
    of_query.explain = explain;
    return engine.Range(query, 0, 3'600'000, 15'000, of_query);
  }

  testing::FakeClock clock_;
  tsdb::MemoryStorage storage_;
};

TEST_F(SharedSeriesTest, AnswersDoNotDependOnTheThreads) {
  for (const char* query :
       {"rate({__name__=~\"m.*\"}[5m])", "sum(rate(m_total[1m]))", "avg by (g) (increase(m[7m]))",
        "sum by (g) (rate(m_total[2m])) / sum by (g) (max_over_time(m_total[3m]))",
        "topk(3, rate(m[5m]))", "quantile_over_time(2, m_total[2m])", "{__name__=~\"m.*\"}",
        "sum by (g) (m) + on (g) max by (g) (m_total)",
        "m / ignoring (i) group_left sum by (g) (m)", "bottomk(2, m_total > 3)", "absent(m)",
        "max_over_time(sum by (g) (rate(m_total[5m]))[10m:1m]) + on (g) sum by (g) "
        "(rate(m[1m]))"}) {
    ASSERT_OK_AND_ASSIGN(const QueryResult alone, Ask(query, true, 50'000'000));
    for (int i = 0; i < 3; ++i) {
      ASSERT_OK_AND_ASSIGN(const QueryResult shared, Ask(query, false, 50'000'000));
      EXPECT_EQ(Text(shared), Text(alone)) << query;
    }
  }
}

TEST_F(SharedSeriesTest, LimitsHoldForAllThreadsTogether) {
  const std::string query = "rate(m_total[5m])";
  for (const int64_t limit : {10, 1000, 30'000}) {
    const auto alone = Ask(query, true, limit), shared = Ask(query, false, limit);
    EXPECT_EQ(alone.status(), shared.status()) << limit;
    EXPECT_EQ(shared.status().code(), absl::StatusCode::kResourceExhausted) << limit;
  }
}

}  // namespace
}  // namespace slowburn::query
