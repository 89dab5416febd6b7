// Writers, readers and retention at once. Readers check that they see each commit as a whole.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "prometheus/registry.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_fixture.h"

namespace slowburn::tsdb {
namespace {

constexpr int kWriters = 3, kSeries = 40;

// Commit n of a writer has value n in each of its series, at its time n.
void WriteCommits(Storage& storage, int writer, int commits, TimestampMs zero) {
  std::vector<RawKey> keys;
  std::vector<Labels> labels;
  for (int i = 0; i < kSeries; ++i) {
    labels.push_back(Labels{{"writer", std::to_string(writer)},
                            {"half", std::to_string(i % 2)},
                            {"i", std::to_string(i)}});
    keys.push_back(HashRawKey(labels.back().ToString()));
  }
  for (int n = 1; n <= commits; ++n) {
    const auto appender = storage.NewAppender();
    std::vector<SeriesRef> refs(kSeries);
    appender->Lookup(keys, refs);
    for (int i = 0; i < kSeries; ++i) {
      const auto at = static_cast<size_t>(i);
      if (refs[at] == SeriesRef::kUnknown) refs[at] = *appender->Resolve(labels[at], &keys[at]);
      appender->Append(refs[at], zero + n, n);
    }
    // Series that come and go.
    const Labels own{{"churn", std::to_string(writer)}, {"n", std::to_string(n)}};
    appender->Append(*appender->Resolve(own, nullptr), zero + n, n);
    ASSERT_EQ(appender->Commit()->samples, static_cast<size_t>(kSeries) + 1);
    if (n % 5 == 0) {
      const auto dropped = storage.NewAppender();
      ASSERT_OK(dropped->Resolve(Labels{{"rolled", std::to_string(n)}}, nullptr));
    }
  }
}

// The last value of each series, and how many samples it has: one number for a whole commit.
void CheckHalf(Querier& querier, int writer, const char* half, int& seen) {
  const Matchers matchers = {Matcher::Equal("writer", std::to_string(writer)),
                             Matcher::Equal("half", half)};
  auto set = *querier.Select(matchers, {});
  int series = 0;
  while (set->Next()) {
    ++series;
    const auto samples = set->samples();
    SampleBatch batch;
    int count = 0;
    double last = 0;
    while (samples->Next(batch)) {
      count += static_cast<int>(batch.v.size());
      last = batch.v.back();
    }
    ASSERT_EQ(count, static_cast<int>(last));
    if (seen < 0) seen = count;
    ASSERT_EQ(count, seen) << "a part of a commit is seen";
  }
  ASSERT_TRUE(series == 0 || series == kSeries / 2) << series;
  if (series == 0) {
    ASSERT_LE(seen, 0);
    seen = 0;
  }
}

void ReadCommits(Storage& storage, const std::atomic<bool>& done) {
  int last_seen[kWriters] = {};
  while (!done) {
    const auto querier = storage.NewQuerier({});
    for (int writer = 0; writer < kWriters; ++writer) {
      int seen = -1;
      // Two Selects of one Querier see the same.
      ASSERT_NO_FATAL_FAILURE(CheckHalf(*querier, writer, "0", seen));
      std::this_thread::yield();
      ASSERT_NO_FATAL_FAILURE(CheckHalf(*querier, writer, "1", seen));
      ASSERT_GE(seen, last_seen[writer]);
      last_seen[writer] = seen;
      ASSERT_OK(querier->LabelValues("n", {Matcher::Equal("churn", std::to_string(writer))}, 0));
    }
  }
}

// Seals, rewrites and deletes (nothing) for as long as the others work.
void SealAndRewrite(Db& db, const std::atomic<bool>& done) {
  for (int n = 0; !done; ++n) {
    const auto readers = n % 2 == 0 ? Db::OldReaders::kWait : Db::OldReaders::kLeave;
    ASSERT_OK(db.Seal(Db::SealWhat::kAll, readers));
    if (n % 3 == 0) {
      ASSERT_OK(db.RewriteBlocks());
    }
    if (n % 5 == 0) {
      ASSERT_OK(db.Delete({{Matcher::Equal("nobody", "has this")}}, {}));
    }
    std::this_thread::yield();
  }
}

enum class Sealing { kNone, kAllTheTime };

void ReadWhileWriting(Sealing sealing, int commits) {
  ContractOptions contract;
  contract.retention_ms = base::kHour;
  DbStore store(contract);
  const TimestampMs zero = store.clock.Now();
  std::atomic<bool> done{false};
  std::vector<std::thread> writers, others;
  for (int i = 0; i < 2; ++i) others.emplace_back([&] { ReadCommits(store.storage(), done); });
  others.emplace_back([&] {
    while (!done) {
      store.ApplyRetention();
      store.db->Stats(5);
      store.db->SetOutOfOrderWindow(0);
      std::this_thread::yield();
    }
  });
  if (sealing == Sealing::kAllTheTime) {
    others.emplace_back([&] { SealAndRewrite(*store.db, done); });
  }
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back(
        [&store, w, zero, commits] { WriteCommits(store.storage(), w, commits, zero); });
  }
  for (std::thread& thread : writers) thread.join();
  done = true;
  for (std::thread& thread : others) thread.join();
  for (int round = 0; round < 2; ++round) {
    {
      const auto querier = store.storage().NewQuerier({});
      for (int w = 0; w < kWriters; ++w) {
        int seen = commits;
        CheckHalf(*querier, w, "0", seen);
        CheckHalf(*querier, w, "1", seen);
      }
    }
    store.Reopen();
  }
}

TEST(DbConcurrency, ReadersSeeWholeCommits) { ReadWhileWriting(Sealing::kNone, 400); }
TEST(DbConcurrency, ReadersSeeWholeCommitsWhileSamplesAreSealed) {
  ReadWhileWriting(Sealing::kAllTheTime, 150);
}

// With a sync for each write, concurrent commits share writes of the log.
TEST(DbConcurrency, CommitsShareWritesOfTheLog) {
  DbStore store;
  store.options.wal_sync = WalSync::kAlways;
  store.Reopen();
  std::vector<std::thread> writers;
  for (int w = 0; w < 8; ++w) {
    writers.emplace_back([&store, w] { WriteCommits(store.storage(), w, 20, store.clock.Now()); });
  }
  for (std::thread& thread : writers) thread.join();
  for (int w = 0; w < 8; ++w) {
    int seen = 20;
    CheckHalf(*store.storage().NewQuerier({}), w, "1", seen);
  }
}

// A tap hears every sample of its series once, in order.
class OrderTap : public CommitTap {
 public:
  bool WantsSeries(SeriesRef, const Labels& labels, Past) override { return labels.Has("writer"); }
  void OnCommit(std::span<const TappedSample> samples) override {
    for (const TappedSample& s : samples) {
      double& last = last_[s.ref];
      in_order = in_order && s.v == last + 1;
      last = s.v;
      ++heard;
    }
  }
  bool in_order = true;
  int heard = 0;

 private:
  std::map<SeriesRef, double> last_;
};

TEST(DbConcurrency, TapsHearEverythingInOrder) {
  DbStore store;
  OrderTap tap;
  store.AddTap(&tap);
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&store, w] { WriteCommits(store.storage(), w, 100, store.clock.Now()); });
  }
  for (std::thread& thread : writers) thread.join();
  store.RemoveTap(&tap);
  EXPECT_TRUE(tap.in_order);
  EXPECT_EQ(tap.heard, kWriters * kSeries * 100);
}

}  // namespace
}  // namespace slowburn::tsdb
