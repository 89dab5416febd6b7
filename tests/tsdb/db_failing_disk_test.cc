// Each write to the disk fails in turn: what was acknowledged stays, what was refused is not seen,
// and the store goes on.
#include <gtest/gtest.h>

#include <map>

#include "base/log.h"
#include "prometheus/registry.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/failing_files.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_fixture.h"
#include "tsdb/db.h"

namespace slowburn::tsdb {
namespace {

class FailingStore {
 public:
  FailingStore() {
    base::SetLogLevel(static_cast<base::LogLevel>(static_cast<int>(base::LogLevel::kError) + 1));
    Open();
  }
  ~FailingStore() { base::SetLogLevel(base::LogLevel::kWarn); }

  void Open() {
    db = nullptr;
    registry = std::make_unique<prometheus::Registry>();
    DbOptions options;
    options.path = directory.path();
    options.wal_sync = WalSync::kAlways;
    options.log_files_for_test = &disk;
    options.env_for_test = blocks_disk.env();
    options.background = false;
    absl::StatusOr<std::unique_ptr<Db>> opened = Db::Open(std::move(options), clock, *registry);
    ASSERT_OK(opened);
    db = *std::move(opened);
  }

  // A row of three series at the next time; with a new one when asked.
  absl::Status Write(const char* new_series = nullptr) {
    clock.Advance(1000);
    const auto appender = db->NewAppender();
    for (const char* a : {"1", "2", "3"}) Add(*appender, a);
    if (new_series != nullptr) Add(*appender, new_series);
    appender->SetMetadata("m", {MetricType::kGauge, std::to_string(clock.Now()), ""});
    const absl::Status status = appender->Commit().status();
    if (status.ok()) {
      acknowledged.push_back(clock.Now());
      if (new_series != nullptr) made.push_back(new_series);
    }
    return status;
  }

  std::string Read() { return ReadAll(*db->NewQuerier({}), {}, {}, Show::kAll); }
  std::vector<TimestampMs> TimesOf(const char* a) {
    std::vector<TimestampMs> times;
    const auto querier = db->NewQuerier({});
    for (const Sample& s : ReadSamples(*querier, {Matcher::Equal("a", a)})) times.push_back(s.t);
    return times;
  }

  FailingFiles disk;        // of the log
  FailingDisk blocks_disk;  // of blocks and state
  TempDirectory directory;
  testing::FakeClock clock;
  std::unique_ptr<prometheus::Registry> registry;
  std::unique_ptr<Db> db;
  std::vector<TimestampMs> acknowledged;
  std::vector<std::string> made;

 private:
  void Add(Appender& appender, const char* a) {
    const auto ref = appender.Resolve(Labels{{"a", a}}, nullptr);
    ASSERT_OK(ref);
    appender.Append(*ref, clock.Now(), static_cast<double>(clock.Now() % 1000) / 8);
    appender.AppendExemplar(*ref, {Labels{{"id", a}}, 1, clock.Now()});
  }
};

TEST(DbFailingDisk, EveryWriteFailsInTurn) {
  for (const DiskFault fault : {DiskFault::kNoSpace, DiskFault::kBroken}) {
    for (int k = 0; k < 8; ++k) {
      SCOPED_TRACE(
          absl::StrCat("write ", k, fault == DiskFault::kNoSpace ? " no space" : " broken"));
      FailingStore store;
      ASSERT_OK(store.Write());
      store.disk.FailAfter(k, fault);
      absl::Status status;
      while (status.ok()) {
        const std::string before = store.Read();
        const auto metadata = store.db->AllMetadata();
        status = store.Write("new");
        if (status.ok()) continue;
        EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kUnavailable, "storing samples"));
        EXPECT_EQ(store.Read(), before);
        EXPECT_EQ(store.db->AllMetadata()[0].metadata, metadata[0].metadata);
      }
      // Still full: still refused, and reads go on.
      EXPECT_FALSE(store.Write().ok());
      EXPECT_EQ(store.TimesOf("1"), store.acknowledged);
      store.disk.Heal();
      ASSERT_OK(store.Write("after"));
      ASSERT_OK(store.Write());
      EXPECT_EQ(store.TimesOf("1"), store.acknowledged);
      EXPECT_EQ(store.TimesOf("after").size(), 1u);
      const std::string before = store.Read();
      store.Open();
      // What was refused was cut off before anything else was written.
      EXPECT_EQ(store.Read(), before);
      ASSERT_OK(store.Write());
    }
  }
}

// A disk that gets full, and then has space again, several times.
TEST(DbFailingDisk, AByteQuotaThatIsHitAndLifted) {
  FailingStore store;
  for (uint64_t quota = 2000; quota < 10'000; quota += 2000) {
    store.disk.SetQuota(quota);
    while (store.Write().ok()) {
    }
    const std::string before = store.Read();
    for (int i = 0; i < 5; ++i) {
      EXPECT_THAT(store.Write("refused"),
                  testing::IsCode(absl::StatusCode::kUnavailable, "storing samples"));
      EXPECT_EQ(store.Read(), before);
    }
    EXPECT_EQ(store.TimesOf("1"), store.acknowledged);
    EXPECT_LE(store.disk.used(), quota);
  }
  store.disk.SetQuota(0);
  ASSERT_OK(store.Write("after"));
  EXPECT_EQ(store.TimesOf("1"), store.acknowledged);
  const std::string before = store.Read();
  store.Open();
  EXPECT_EQ(store.Read(), before);
  EXPECT_GT(store.acknowledged.size(), 20u);
}

// The disk fails at the k-th write of a seal: of the log, or of blocks.
TEST(DbFailingDisk, EveryWriteOfASealFailsInTurn) {
  for (const DiskFault fault : {DiskFault::kNoSpace, DiskFault::kBroken}) {
    bool failed = true;
    for (int k = 0; failed; ++k) {
      SCOPED_TRACE(
          absl::StrCat("write ", k, fault == DiskFault::kNoSpace ? " no space" : " broken"));
      ASSERT_LT(k, 200);
      FailingStore store;
      const bool of_log = k % 2 == 0;
      ASSERT_OK(store.Write());
      ASSERT_OK(store.db->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait));
      ASSERT_OK(store.Write("new"));
      ASSERT_OK(store.Write());
      const std::string before = store.Read();
      if (of_log) {
        store.disk.FailAfter(k / 2, fault);
      } else {
        store.blocks_disk.FailAfter(k / 2, fault, "");
      }
      const absl::Status status = store.db->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait);
      failed = of_log || store.blocks_disk.failures() > 0;
      EXPECT_TRUE(failed || status.ok()) << status;
      EXPECT_EQ(store.Read(), before);
      store.disk.Heal();
      store.blocks_disk.Heal();
      EXPECT_EQ(store.Read(), before);
      if (k % 4 < 2) store.Open();
      EXPECT_EQ(store.Read(), before);
      ASSERT_OK(store.db->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait));
      EXPECT_EQ(store.Read(), before);
      EXPECT_EQ(store.db->Stats(0).samples, 0u);
      ASSERT_OK(store.Write("after"));
      store.Open();
      EXPECT_EQ(store.TimesOf("1"), store.acknowledged);
    }
  }
}

// A retry after a failed write, with another value at the same time: the acknowledged one counts
// after a restart, even if the failed one had reached the disk.
TEST(DbFailingDisk, TheAcknowledgedValueCounts) {
  FailingStore store;
  ASSERT_OK(store.Write());
  const TimestampMs t = store.clock.Now() + 1000;
  const auto write = [&](double v) {
    const auto appender = store.db->NewAppender();
    const auto ref = appender->Resolve(Labels{{"a", "1"}}, nullptr);
    appender->Append(*ref, t, v);
    return appender->Commit().status();
  };
  store.disk.FailAfter(0, DiskFault::kNoSpace);
  EXPECT_FALSE(write(1).ok());
  store.disk.Heal();
  ASSERT_OK(write(2));
  for (int round = 0; round < 2; ++round) {
    const auto samples = ReadSamples(*store.db->NewQuerier({t, t + 1}), {Matcher::Equal("a", "1")});
    EXPECT_EQ(samples, (std::vector<Sample>{{t, 2}}));
    store.Open();
  }
}

}  // namespace
}  // namespace slowburn::tsdb
