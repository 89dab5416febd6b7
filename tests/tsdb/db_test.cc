// What Db adds to the storage contract: opening, figures, metrics, retention of the log.
#include "tsdb/db.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/metrics.h"
#include "prometheus/registry.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/old_log.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_fixture.h"
#include "tsdb/commit_record.h"
#include "tsdb/segment_log.h"
#include "tsdb/verify.h"

namespace slowburn::tsdb {
namespace {

CommitResult Write(Storage& storage, const Labels& labels, TimestampMs t, double v) {
  const auto appender = storage.NewAppender();
  appender->Append(*appender->Resolve(labels, nullptr), t, v);
  return *appender->Commit();
}

TEST(Db, ASecondProcessIsRefused) {
  DbStore store;
  prometheus::Registry registry;
  EXPECT_THAT(Db::Open(store.options, store.clock, registry),
              testing::IsCode(absl::StatusCode::kFailedPrecondition, "LOCK"));
}

TEST(Db, AnUnreadableManifestSaysWhatToDo) {
  DbStore store;
  store.db = nullptr;
  ASSERT_OK(base::WriteFileAtomic(store.directory.path() + "/state/CURRENT", "nonsense"));
  prometheus::Registry registry;
  EXPECT_THAT(Db::Open(store.options, store.clock, registry),
              testing::IsCode(absl::StatusCode::kDataLoss, "move "));
}

TEST(Db, StateSurvivesARestart) {
  DbStore store;
  ASSERT_OK(
      store.db->state().Apply(base::Space::kSlo, {{"key", "value"}}, base::Durability::kDisk));
  store.Reopen();
  EXPECT_EQ(*store.db->state().Get(base::Space::kSlo, "key"), "value");
}

TEST(Db, ReplayReportsProgress) {
  DbStore store;
  for (int i = 0; i < 600; ++i) Write(store.storage(), {{"a", "1"}}, store.clock.Now() + i, i);
  std::vector<std::pair<uint64_t, uint64_t>> reports;
  store.options.on_replay = [&](uint64_t done, uint64_t total) {
    reports.emplace_back(done, total);
  };
  store.Reopen();
  ASSERT_GE(reports.size(), 3u);
  for (size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].second, 599u);
    EXPECT_GE(reports[i].first, i == 0 ? 0 : reports[i - 1].first);
  }
  EXPECT_EQ(reports.back().first, 599u);
}

TEST(Db, Stats) {
  DbStore store;
  const TimestampMs t = store.clock.Now();
  Write(store.storage(), {{"__name__", "up"}, {"job", "a"}}, t, 1);
  Write(store.storage(), {{"__name__", "up"}, {"job", "bb"}}, t + 5, 1);
  Write(store.storage(), {{"__name__", "down"}, {"job", "a"}}, t + 9, 1);
  const DbStats stats = store.db->Stats(2);
  EXPECT_EQ(stats.series, 3u);
  EXPECT_EQ(stats.samples, 3u);
  EXPECT_EQ(stats.label_pairs, 4u);
  EXPECT_EQ(stats.min_time, t);
  EXPECT_EQ(stats.max_time, t + 9);
  EXPECT_GT(stats.wal_bytes, 0u);
  const auto text = [](const std::vector<DbStats::Count>& counts) {
    std::string out;
    for (const DbStats::Count& c : counts) absl::StrAppend(&out, c.name, ":", c.value, " ");
    return out;
  };
  EXPECT_EQ(text(stats.series_by_metric), "up:2 down:1 ");
  EXPECT_EQ(text(stats.values_by_label), "__name__:2 job:2 ");
  EXPECT_EQ(text(stats.bytes_by_label), "__name__:6 job:3 ");
  EXPECT_EQ(text(stats.series_by_pair), "__name__=up:2 job=a:2 ");
}

TEST(Db, CountsUnderPrometheusNames) {
  DbStore store;
  const TimestampMs t = store.clock.Now();
  Write(store.storage(), {{"a", "1"}}, t, 1);
  Write(store.storage(), {{"a", "1"}}, t - 1, 1);
  Write(store.storage(), {{"a", "1"}}, t, 2);
  ASSERT_OK(store.db->ApplyRetention());
  const std::string text = base::ExposeText(*store.registry);
  for (const char* line :
       {"prometheus_tsdb_head_samples_appended_total{type=\"float\"} 1\n",
        "prometheus_tsdb_out_of_order_samples_total{type=\"float\"} 1\n",
        "slowburn_tsdb_duplicate_samples_total 1\n", "prometheus_tsdb_head_series 1\n",
        "prometheus_tsdb_head_series_created_total 1\n", "slowburn_tsdb_commits_total 3\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

// What is dropped by retention is not there after a restart either, although the log may still have
// it.
TEST(Db, RestartsDoNotBringBackWhatRetentionDropped) {
  ContractOptions contract;
  contract.retention_ms = 10 * base::kHour;
  DbStore store(contract);
  const TimestampMs zero = store.clock.Now();
  for (int hour = 0; hour < 40; ++hour) {
    Write(store.storage(), {{"a", "steady"}}, store.clock.Now(), hour);
    Write(store.storage(), {{"a", "new"}, {"hour", std::to_string(hour)}}, store.clock.Now(), hour);
    store.ApplyRetention();
    if (hour % 8 == 7) store.Reopen();
    store.clock.Advance(base::kHour);
  }
  store.ApplyRetention();
  for (int round = 0; round < 2; ++round) {
    const auto samples =
        ReadSamples(*store.storage().NewQuerier({}), {Matcher::Equal("a", "steady")});
    ASSERT_EQ(samples.size(), 10u);
    EXPECT_EQ(samples.front().t, zero + 30 * base::kHour);
    EXPECT_EQ(store.storage().NewQuerier({})->LabelValues("hour", {}, 0)->size(), 10u);
    EXPECT_EQ(store.db->Stats(1).series, 11u);
    store.Reopen();
  }
}

TEST(Db, NewSeriesAreToldToTapsWithTheirLabels) {
  DbStore store;
  RecordingTap tap;
  store.AddTap(&tap);
  Write(store.storage(), {{"tap", "yes"}}, store.clock.Now(), 7);
  EXPECT_EQ(tap.seen, absl::StrCat("{tap=\"yes\"} 7@", store.clock.Now(), "; "));
}

// The directory as format 1 would have it: the same records in a RocksDB.
void MakeFormatOne(const std::string& directory) {
  {
    OldLog old(directory + "/wal");
    const auto log = SegmentLog::OpenReadOnly(directory + "/log");
    ASSERT_OK(log);
    uint64_t records = 0;
    (*log)->Scan([&](const LogKey& key, std::string_view record) {
      old.Put(key, record);
      if (++records == 20) old.Flush();
    });
    ASSERT_GT(records, 20u);
  }
  std::filesystem::remove_all(directory + "/log");
  ASSERT_OK(base::WriteFileAtomic(directory + "/FORMAT", "slowburn-tsdb 1\n"));
}

TEST(Db, ADirectoryOfFormatOneOpens) {
  ContractOptions contract;
  contract.retention_ms = 10 * base::kHour;
  DbStore store(contract);
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i, store.clock.Advance(10 * base::kMinute)) {
      Write(store.storage(), {{"a", std::to_string(i % 3)}}, store.clock.Now(), i);
    }
  };
  const auto read = [&] { return ReadAll(*store.storage().NewQuerier({}), {}, {}, Show::kAll); };
  write(30);
  std::string before = read();
  store.db = nullptr;
  const std::string path = store.directory.path();
  ASSERT_NO_FATAL_FAILURE(MakeFormatOne(path));
  ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyDirectory(path, {}));
  EXPECT_EQ(report.samples, 30u);
  EXPECT_EQ(report.faults, 0u) << report.fault_texts[0];
  EXPECT_EQ(*base::ReadFile(path + "/FORMAT"), "slowburn-tsdb 1\n");
  for (int round = 0; round < 3; ++round) {
    store.Reopen();
    EXPECT_EQ(*base::ReadFile(path + "/FORMAT"), "slowburn-tsdb 2\n");
    EXPECT_EQ(read(), before) << round;
    write(3);
    before = read();
  }
  EXPECT_TRUE(std::filesystem::exists(path + "/wal"));
  // When all of it is older than the retention, it goes.
  store.clock.Advance(10 * base::kHour);
  write(1);
  before = read();
  store.ApplyRetention();
  EXPECT_FALSE(std::filesystem::exists(path + "/wal"));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), {}).size(), 1u);
    store.Reopen();
  }
}

TEST(Db, AnUnreadableLogOfFormatOneSaysWhatToDo) {
  DbStore store;
  for (int i = 0; i < 30; ++i) Write(store.storage(), {{"a", "1"}}, store.clock.Now() + i, i);
  store.db = nullptr;
  ASSERT_NO_FATAL_FAILURE(MakeFormatOne(store.directory.path()));
  ASSERT_OK(base::WriteFileAtomic(store.directory.path() + "/wal/CURRENT", "nonsense"));
  prometheus::Registry registry;
  EXPECT_THAT(Db::Open(store.options, store.clock, registry),
              testing::IsCode(absl::StatusCode::kDataLoss, "move "));
}

// Limits are for senders: what was stored under wider ones is still there.
TEST(Db, NarrowerLimitsDropNothingThatIsStored) {
  DbStore store;
  for (const char* a : {"1", "2", "3"})
    Write(store.storage(), {{"long_name", a}}, store.clock.Now(), 1);
  store.options.limits.active_series = 1;
  store.options.limits.label_name_bytes = 2;
  store.Reopen();
  EXPECT_EQ(store.db->Stats(1).series, 3u);
}

TEST(VerifyDirectory, CountsAndFindsDamage) {
  DbStore store;
  for (int i = 0; i < 10; ++i)
    Write(store.storage(), {{"a", std::to_string(i % 2)}}, store.clock.Now() + i, i);
  EXPECT_THAT(VerifyDirectory(store.directory.path(), {}),
              testing::IsCode(absl::StatusCode::kFailedPrecondition, "LOCK"));
  store.db = nullptr;
  ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyDirectory(store.directory.path(), {}));
  EXPECT_EQ(report.records, 10u);
  EXPECT_EQ(report.samples, 10u);
  EXPECT_EQ(report.series, 2u);
  EXPECT_EQ(report.faults, 0u) << report.fault_texts[0];
  {
    ASSERT_OK_AND_ASSIGN(const auto log, SegmentLog::Open(store.directory.path() + "/log"));
    // No record; and one whose series nobody named.
    RecordWriter writer;
    std::string nameless;
    writer.AddSample(77, 1, 0, 0);
    writer.Finish(99, nameless);
    const LogEntry entries[] = {{{UINT32_MAX, 1000}, "nonsense"}, {{UINT32_MAX, 1001}, nameless}};
    ASSERT_OK(log->Append(entries, LogSync::kNone));
  }
  ASSERT_OK_AND_ASSIGN(const VerifyReport damaged, VerifyDirectory(store.directory.path(), {}));
  ASSERT_EQ(damaged.faults, 2u);
  EXPECT_NE(damaged.fault_texts[0].find("record 1000"), std::string::npos)
      << damaged.fault_texts[0];
  EXPECT_NE(damaged.fault_texts[1].find("series 77 has no labels in run 99"), std::string::npos)
      << damaged.fault_texts[1];
  // The store opens all the same, without the record that it cannot read.
  store.Reopen();
  EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), {}).size(), 10u);
  EXPECT_THAT(VerifyDirectory("/nowhere", {}),
              testing::IsCode(absl::StatusCode::kNotFound, "/nowhere"));
}

// Long-lived readers, and chunks that are sealed and dropped under them.
TEST(Db, AReaderKeepsWhatItSaw) {
  ContractOptions contract;
  contract.retention_ms = base::kHour;
  DbStore store(contract);
  const TimestampMs zero = store.clock.Now();
  for (int i = 0; i < 500; ++i) Write(store.storage(), {{"a", "1"}}, zero + i, i);
  const auto querier = store.storage().NewQuerier({});
  auto set = *querier->Select({}, {});
  ASSERT_TRUE(set->Next());
  const auto samples = set->samples();
  store.clock.Advance(2 * base::kHour);
  store.ApplyRetention();
  for (int i = 0; i < 500; ++i) Write(store.storage(), {{"a", "1"}}, store.clock.Now() + i, i);
  SampleBatch batch;
  size_t count = 0;
  while (samples->Next(batch)) {
    EXPECT_EQ(batch.v[0], static_cast<double>(count));
    count += batch.v.size();
  }
  EXPECT_OK(samples->status());
  EXPECT_EQ(count, 500u);
}

}  // namespace
}  // namespace slowburn::tsdb
