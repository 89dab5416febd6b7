// The log beside the blocks: what is sealed leaves it, soon, and nothing else does, wherever the
// process is killed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_fixture.h"
#include "tsdb/commit_log.h"
#include "tsdb/head.h"
#include "tsdb/replay.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;

using OldReaders = Db::OldReaders;
using SealWhat = Db::SealWhat;

constexpr size_t kSeries = 40;
constexpr DurationMs kStep = base::kMinute;

ContractOptions DayOptions() {
  ContractOptions options;
  options.retention_ms = 400 * base::kDay;
  return options;
}

// Writes rows of all series, one a minute, with exemplars, histograms and metadata among them.
class Day {
 public:
  explicit Day(DbStore& store) : store_(store) {
    start_ = store.clock.Now() / base::kDay * base::kDay;
    // All of it is long ago: the time of the wall clock says nothing about that of samples.
    store.clock.Set(start_ + 30 * base::kDay);
  }

  void WriteRow() {
    const auto appender = store_.storage().NewAppender();
    const TimestampMs t = start_ + row_ * kStep;
    for (size_t i = 0; i < kSeries; ++i) {
      const SeriesRef ref =
          *appender->Resolve(Labels{{"__name__", "load"}, {"host", absl::StrCat("h", i)}}, nullptr);
      if (i == 7) {
        auto histogram = std::make_shared<Histogram>();
        histogram->count = static_cast<double>(row_);
        appender->AppendHistogram(ref, t, histogram);
      } else {
        appender->Append(ref, t, 0.1 * static_cast<double>(random_.Below(1000)),
                         i == 9 ? t - 1 : 0);
      }
      if (i == 3 && row_ % 50 == 0)
        appender->AppendExemplar(ref, {Labels{{"row", absl::StrCat(row_)}}, 1, t});
    }
    if (row_ == 5) appender->SetMetadata("load", {MetricType::kGauge, "How much.", ""});
    const auto result = appender->Commit();
    ASSERT_OK(result);
    ASSERT_EQ(result->samples + result->histograms, kSeries);
    ++row_;
  }
  int64_t rows() const { return row_; }

 private:
  DbStore& store_;
  TimestampMs start_ = 0;
  int64_t row_ = 0;
  testing::Random random_;
};

// Everything that a store answers.
std::string Everything(DbStore& store) {
  std::string out = store.Read();
  const auto querier = store.storage().NewQuerier({});
  const auto exemplars = querier->Exemplars({{}}, {});
  EXPECT_OK(exemplars);
  for (const Querier::SeriesExemplars& one : exemplars.value()) {
    absl::StrAppend(&out, one.labels.ToString(), ":");
    for (const Exemplar& exemplar : one.exemplars)
      absl::StrAppend(&out, " ", exemplar.labels.ToString(), "@", exemplar.t);
    absl::StrAppend(&out, "\n");
  }
  for (const MetricMetadata& one : store.storage().AllMetadata())
    absl::StrAppend(&out, one.metric, ": ", one.metadata.help, "\n");
  return out;
}

std::vector<std::string> NamesIn(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(DbLog, ADayWrittenInMinutesLeavesOnlyWhatIsNotSealed) {
  DbStore store(DayOptions());
  Day day(store);
  uint64_t most = 0, two_hours = 0;
  while (day.rows() < 24 * 60) {
    day.WriteRow();
    if (day.rows() % 10 == 0) {
      ASSERT_OK(store.db->Seal(SealWhat::kDue, OldReaders::kLeave));
    }
    const uint64_t bytes = store.db->Stats(0).wal_bytes;
    if (day.rows() == 2 * 60) two_hours = bytes;
    most = std::max(most, bytes);
  }
  // A partition, the delay after it, and what comes until somebody looks.
  EXPECT_LT(most, two_hours * 13 / 10);
  EXPECT_GT(store.db->Stats(0).blocks, 10u);
  ASSERT_OK(store.db->Seal(SealWhat::kAll, OldReaders::kWait));
  EXPECT_LT(store.db->Stats(0).wal_bytes, two_hours / 10);
  const std::string before = Everything(store);
  EXPECT_NE(before.find("{row=\"1400\"}"), std::string::npos);
  EXPECT_NE(before.find("How much."), std::string::npos);
  for (int round = 0; round < 2; ++round) {
    store.Reopen();
    EXPECT_EQ(Everything(store), before);
    EXPECT_EQ(store.db->Stats(0).samples, 0u);
  }
  // It goes on.
  day.WriteRow();
  const std::string after = Everything(store);
  EXPECT_NE(after, before);
  store.Reopen();
  EXPECT_EQ(Everything(store), after);
}

// Late samples and those of a sender that lags behind share files with newer ones, and stay until
// these are sealed.
TEST(DbLog, WhatIsNewerThanTheSealStays) {
  ContractOptions contract = DayOptions();
  contract.out_of_order_window_ms = base::kDay;
  DbStore store(contract);
  const TimestampMs hour = store.clock.Now() / (2 * base::kHour) * (2 * base::kHour);
  const auto write = [&](const char* who, TimestampMs t, double v) {
    const auto appender = store.storage().NewAppender();
    appender->Append(*appender->Resolve(Labels{{"who", who}}, nullptr), t, v);
    EXPECT_EQ(appender->Commit()->samples, 1u);
  };
  store.clock.Set(hour + 3 * base::kHour);
  write("a", hour, 1);
  write("a", hour + base::kHour, 2);
  write("a", hour + 2 * base::kHour, 3);
  write("b", hour + base::kMinute, 4);  // in the files of the second partition
  write("a", hour + 2 * base::kHour + 20 * base::kMinute, 5);
  EXPECT_EQ(NamesIn(store.directory.path() + "/log").size(), 2u);
  const std::string before = store.Read();
  ASSERT_OK(store.db->Seal(SealWhat::kDue, OldReaders::kWait));
  EXPECT_EQ(NamesIn(store.directory.path() + "/log").size(), 1u);
  write("b", hour + 2 * base::kMinute, 6);  // behind the seal, and older than it
  const std::string after = store.Read();
  EXPECT_NE(after, before);
  store.Reopen();
  EXPECT_EQ(store.Read(), after);
  EXPECT_EQ(store.db->Stats(0).samples, 3u);
  ASSERT_OK(store.db->Seal(SealWhat::kAll, OldReaders::kWait));
  store.Reopen();
  EXPECT_EQ(store.Read(), after);
  EXPECT_EQ(store.db->Stats(0).samples, 0u);
}

// The states of the directory that a kill during a seal leaves: blocks are there or not, and of the
// files that were to go the first ones are gone.
TEST(DbLog, KilledAnywhereAroundASealNothingIsLost) {
  const int64_t rows = std::getenv("SLOWBURN_LONG") != nullptr ? 24 * 60 : 7 * 60;
  DbStore store(DayOptions());
  Day day(store);
  const TempDirectory aside;
  while (day.rows() < rows) {
    for (int i = 0; i < 60; ++i) day.WriteRow();
    const std::string want = Everything(store);
    const std::string log = store.directory.path() + "/log";
    fs::remove_all(aside.path());
    fs::copy(log, aside.path());
    const std::vector<std::string> before = NamesIn(log);
    // Before the blocks are published: as if there had been no seal.
    store.Reopen();
    ASSERT_EQ(Everything(store), want);
    const bool all = day.rows() % 180 == 0;
    ASSERT_OK(store.db->Seal(all ? SealWhat::kAll : SealWhat::kDue, OldReaders::kWait));
    ASSERT_EQ(Everything(store), want);
    const std::vector<std::string> after = NamesIn(log);
    std::vector<std::string> dropped;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                        std::back_inserter(dropped));
    store.db = nullptr;
    for (size_t gone = 0; gone <= dropped.size(); ++gone) {
      for (size_t i = gone; i < dropped.size(); ++i) {
        fs::copy(absl::StrCat(aside.path(), "/", dropped[i]), absl::StrCat(log, "/", dropped[i]),
                 fs::copy_options::skip_existing);
      }
      store.Reopen();
      ASSERT_EQ(Everything(store), want) << gone << " of " << dropped.size() << " files gone";
      store.db = nullptr;
      for (const std::string& name : dropped) fs::remove(absl::StrCat(log, "/", name));
    }
    store.Reopen();
    ASSERT_EQ(Everything(store), want);
  }
}

// As SegmentLog.TornTailKeepsWholeBatches, seen from behind the replay: of a log that was cut
// anywhere the head has the commits that were whole before the cut, all of each and nothing of
// another.
TEST(DbLog, ACutLogHasWholeCommits) {
  constexpr uint64_t kTail = 64 * 1024;
  const uint64_t step = std::getenv("SLOWBURN_LONG") != nullptr ? 1 : 211;
  const TempDirectory directory;
  std::string file;
  std::vector<uint64_t> ends;    // of the commits
  std::vector<size_t> sizes{0};  // samples of the commits up to each
  {
    DbStore store;
    const std::string log = store.directory.path() + "/log";
    testing::Random random;
    for (int64_t row = 0; ends.empty() || ends.back() < kTail + 5000; ++row) {
      const auto appender = store.storage().NewAppender();
      const auto first = random.Below(300);
      for (uint64_t i = first; i < first + 1 + random.Below(100); ++i) {
        const SeriesRef ref =
            *appender->Resolve(Labels{{"a", "x"}, {"i", absl::StrCat(i)}}, nullptr);
        appender->Append(ref, store.clock.Now() + row, random.Unit(), i % 50 == 9 ? 5 : 0);
      }
      const auto result = appender->Commit();
      ASSERT_OK(result);
      sizes.push_back(sizes.back() + result->samples);
      file = absl::StrCat(log, "/", NamesIn(log).back());
      ends.push_back(fs::file_size(file));
    }
    fs::create_directories(directory.path());
    fs::copy(file, directory.path());
  }
  file = absl::StrCat(directory.path(), "/", NamesIn(directory.path()).back());
  for (uint64_t cut = ends.back(); cut >= ends.back() - kTail; cut -= step) {
    fs::resize_file(file, cut);
    ASSERT_OK_AND_ASSIGN(const auto log,
                         CommitLog::OpenReadOnly(directory.path(), directory.path() + "/none"));
    Head head(Limits{}, 0);
    const ReplayResult result = Replay(*log, head, kMinTime, nullptr, nullptr);
    const auto whole =
        static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin());
    ASSERT_EQ(result.samples, sizes[whole]) << "cut at " << cut;
    ASSERT_EQ(head.sample_count(), sizes[whole]);
    ASSERT_EQ(result.records, whole);
    ASSERT_EQ(result.unreadable, 0u);
  }
}

}  // namespace
}  // namespace slowburn::tsdb
