// Sealing: samples move from the head into blocks, and nobody notices but memory and log.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/metrics.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_fixture.h"

namespace slowburn::tsdb {
namespace {

// With blocks that tell what they hold and fail when told to.
class FakeStore final : public DbStore {
 public:
  explicit FakeStore(const ContractOptions& contract = {}) : DbStore(contract, Blocks::kFake) {}
};

using OldReaders = Db::OldReaders;
using SealWhat = Db::SealWhat;

CommitResult Write(Storage& storage, const Labels& labels, const std::vector<Sample>& samples) {
  const auto appender = storage.NewAppender();
  const absl::StatusOr<SeriesRef> ref = appender->Resolve(labels, nullptr);
  EXPECT_OK(ref);
  if (!ref.ok()) return {};
  for (const Sample& sample : samples) appender->Append(*ref, sample.t, sample.v);
  absl::StatusOr<CommitResult> result = appender->Commit();
  EXPECT_OK(result);
  return result.value_or(CommitResult());
}

std::string RejectionsOf(const CommitResult& result) {
  std::string out;
  for (const RejectedSample& one : result.rejected)
    absl::StrAppend(&out, std::string(Describe(one.reason)), ";");
  return out;
}

absl::Status Seal(DbStore& store) { return store.db->Seal(SealWhat::kAll, OldReaders::kWait); }

TimestampMs FloorToHours(TimestampMs t, int64_t hours) { return t - t % (hours * base::kHour); }

TEST(DbSeal, MovesEverythingIntoBlocksOfAPartition) {
  FakeStore store;
  const TimestampMs hour = FloorToHours(store.clock.Now(), 2) - 4 * base::kHour;
  std::vector<Sample> samples;
  for (int i = 0; i < 400; ++i) samples.push_back({hour + i * base::kMinute / 2, 1.0 * i});
  Write(store.storage(), {{"a", "2"}}, samples);
  Write(store.storage(), {{"a", "1"}}, {{hour, 5}});
  const std::string before = store.Read();
  ASSERT_OK(Seal(store));
  EXPECT_EQ(store.Read(), before);
  const DbStats stats = store.db->Stats(1);
  EXPECT_EQ(stats.samples, 0u);
  EXPECT_EQ(stats.block_samples, 401u);
  EXPECT_EQ(stats.min_time, hour);
  EXPECT_EQ(stats.max_time, samples.back().t);
  EXPECT_EQ(stats.head_min_time, kMaxTime);
  const std::vector<BlockInfo> blocks = store.blocks.Blocks();
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].partition, (TimeRange{hour, hour + 2 * base::kHour}));
  EXPECT_EQ(blocks[0].series, 2u);
  EXPECT_EQ(blocks[1].partition, (TimeRange{hour + 2 * base::kHour, hour + 4 * base::kHour}));
  EXPECT_EQ(store.blocks.View()->mark().until, samples.back().t + 1);
  store.Reopen();
  EXPECT_EQ(store.Read(), before);
  EXPECT_EQ(store.db->Stats(1).samples, 0u) << "replay took what was sealed";
  // It goes on as if nothing had happened.
  EXPECT_EQ(Write(store.storage(), {{"a", "1"}}, {{samples.back().t + 1, 6}}).samples, 1u);
  EXPECT_NE(store.Read().find(absl::StrCat("5@", hour, " 6@", samples.back().t + 1)),
            std::string::npos);
}

TEST(DbSeal, IsDueWhenThePartitionHasEndedForAWhile) {
  FakeStore store;
  const TimestampMs hour = FloorToHours(store.clock.Now(), 2);
  const auto write_at = [&](TimestampMs t) {
    store.clock.Set(t);
    Write(store.storage(), {{"a", "1"}}, {{t, 1}});
    ASSERT_OK(store.db->Seal(SealWhat::kDue, OldReaders::kLeave));
  };
  write_at(hour);
  write_at(hour + 2 * base::kHour + 15 * base::kMinute - 1);
  EXPECT_EQ(store.blocks.Blocks().size(), 0u);
  write_at(hour + 2 * base::kHour + 15 * base::kMinute);
  EXPECT_EQ(store.blocks.Blocks().size(), 1u);
  EXPECT_EQ(store.blocks.View()->mark().until, hour + 2 * base::kHour);
  EXPECT_EQ(store.db->Stats(1).samples, 2u);
  EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), {}).size(), 3u);
}

TEST(DbSeal, ALargeHeadIsSealedEarly) {
  ContractOptions contract;
  contract.limits.head_bytes = 100'000;
  FakeStore store(contract);
  const TimestampMs t = store.clock.Now();
  for (int i = 0; store.db->Stats(0).head_bytes <= 74'000; ++i)
    Write(store.storage(), {{"a", "1"}}, {{t + i, 0.1 * i * i}});
  ASSERT_OK(store.db->Seal(SealWhat::kDue, OldReaders::kLeave));
  EXPECT_EQ(store.blocks.Blocks().size(), 0u);
  for (int i = 100'000; store.db->Stats(0).head_bytes <= 75'000; ++i)
    Write(store.storage(), {{"a", "1"}}, {{t + i, 0.1 * i * i}});
  ASSERT_OK(store.db->Seal(SealWhat::kDue, OldReaders::kLeave));
  EXPECT_EQ(store.blocks.Blocks().size(), 1u);
  EXPECT_LT(store.db->Stats(0).head_bytes, 1000u);
}

TEST(DbSeal, ReadersFromBeforeKeepTheHeadsCopy) {
  FakeStore store;
  const TimestampMs t = store.clock.Now();
  Write(store.storage(), {{"a", "1"}}, {{t, 1}, {t + 1, 2}});
  auto old_querier = store.storage().NewQuerier({});
  ASSERT_OK(store.db->Seal(SealWhat::kAll, OldReaders::kLeave));
  EXPECT_EQ(store.db->Stats(1).samples, 2u);
  Write(store.storage(), {{"a", "1"}}, {{t + 2, 3}});
  const std::string line = absl::StrCat("{a=\"1\"} 1@", t, " 2@", t + 1);
  EXPECT_EQ(ReadAll(*old_querier, {}, {}), line + "\n");
  EXPECT_EQ(store.Read(), absl::StrCat(line, " 3@", t + 2, "\n"));
  // Nothing is sealed while they are there.
  ASSERT_OK(store.db->Seal(SealWhat::kAll, OldReaders::kLeave));
  EXPECT_EQ(store.blocks.Blocks().size(), 1u);
  old_querier = nullptr;
  ASSERT_OK(store.db->Seal(SealWhat::kAll, OldReaders::kLeave));
  EXPECT_EQ(store.blocks.Blocks().size(), 2u);
  EXPECT_EQ(store.db->Stats(1).samples, 0u);
  EXPECT_EQ(store.Read(), absl::StrCat(line, " 3@", t + 2, "\n"));
}

// As a crash between the publication and what follows it leaves things.
TEST(DbSeal, ARestartBeforeMemoryWasFreedLosesAndDoublesNothing) {
  FakeStore store;
  const TimestampMs t = store.clock.Now();
  Write(store.storage(), {{"a", "1"}}, {{t, 1}, {t + 1, 2}});
  auto old_querier = store.storage().NewQuerier({});
  ASSERT_OK(store.db->Seal(SealWhat::kAll, OldReaders::kLeave));
  old_querier = nullptr;
  const std::string before = store.Read();
  store.Reopen();
  EXPECT_EQ(store.Read(), before);
  EXPECT_EQ(store.db->Stats(1).samples, 0u);
}

TEST(DbSeal, EveryFaultOfTheBlocksInTurn) {
  for (int fault = 0; fault < 4; ++fault) {
    SCOPED_TRACE(fault);
    FakeStore store;
    base::SetLogLevel(static_cast<base::LogLevel>(static_cast<int>(base::LogLevel::kError) + 1));
    const TimestampMs t = store.clock.Now();
    Write(store.storage(), {{"a", "1"}}, {{t - 5 * base::kHour, 0}, {t - 3 * base::kHour, 1}});
    Write(store.storage(), {{"a", "2"}}, {{t, 2}});
    const std::string before = store.Read();
    int left = fault;
    store.blocks.fault = [&] {
      return left-- == 0 ? absl::UnavailableError("no space") : absl::OkStatus();
    };
    EXPECT_THAT(Seal(store), testing::IsCode(absl::StatusCode::kUnavailable, "no space"));
    EXPECT_EQ(store.Read(), before);
    EXPECT_EQ(store.blocks.Blocks().size(), 0u);
    // A smaller seal than the one that failed takes its part, and no more.
    store.blocks.fault = nullptr;
    store.clock.Advance(base::kMinute);
    ASSERT_OK(store.db->Seal(SealWhat::kDue, OldReaders::kWait));
    EXPECT_EQ(store.Read(), before);
    Write(store.storage(), {{"a", "2"}}, {{t + 1, 3}});
    ASSERT_OK(Seal(store));
    store.Reopen();
    EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), {}).size(), 4u);
  }
  base::SetLogLevel(base::LogLevel::kWarn);
}

TEST(DbSeal, JudgesAgainstWhatIsInBlocks) {
  for (const bool reopen : {false, true}) {
    SCOPED_TRACE(reopen);
    FakeStore store;
    const TimestampMs t = store.clock.Now() - 100;
    const Labels labels{{"a", "1"}};
    Write(store.storage(), labels, {{t, 1}, {t + 10, 2}, {t + 20, 3}});
    ASSERT_OK(Seal(store));
    if (reopen) store.Reopen();
    // Retries are silent, conflicts are not, whatever the window is.
    CommitResult result =
        Write(store.storage(), labels, {{t, 1}, {t + 20, 3}, {t + 20, 4}, {t + 10, 9}, {t + 5, 9}});
    EXPECT_EQ(result.samples, 2u);
    EXPECT_EQ(result.new_series, 0u);
    EXPECT_EQ(RejectionsOf(result),
              "duplicate sample for timestamp;out of order sample;out of order sample;");
    store.SetOutOfOrderWindow(15);
    result = Write(store.storage(), labels, {{t + 4, 9}, {t + 10, 9}, {t + 15, 9}, {t + 15, 9}});
    EXPECT_EQ(result.samples, 2u);
    EXPECT_EQ(RejectionsOf(result), "too old sample;duplicate sample for timestamp;");
    const std::string want =
        absl::StrCat("{a=\"1\"} 1@", t, " 2@", t + 10, " 9@", t + 15, " 3@", t + 20, "\n");
    EXPECT_EQ(store.Read(), want);
    store.Reopen();
    EXPECT_EQ(store.Read(), want);
    ASSERT_OK(Seal(store));
    EXPECT_EQ(store.Read(), want);
    EXPECT_EQ(store.blocks.Blocks().size(), 2u) << "late samples have a block of their own";
    ASSERT_OK(store.db->RewriteBlocks());
    EXPECT_EQ(store.Read(), want);
    EXPECT_EQ(store.blocks.Blocks().size(), 1u);
  }
}

TEST(DbSeal, HistogramsStartTimestampsAndExemplars) {
  FakeStore store;
  const TimestampMs t = store.clock.Now();
  auto histogram = std::make_shared<Histogram>();
  histogram->count = 3;
  histogram->sum = 1.5;
  const auto write = [&](TimestampMs at) {
    const auto appender = store.storage().NewAppender();
    const SeriesRef ref = *appender->Resolve(Labels{{"a", "1"}}, nullptr);
    appender->Append(ref, at, 1, at - 5);
    appender->AppendHistogram(ref, at + 1, histogram, at - 5);
    appender->AppendExemplar(ref, {Labels{{"id", std::to_string(at)}}, 1, at});
    return *appender->Commit();
  };
  write(t);
  ASSERT_OK(Seal(store));
  write(t + 10);
  const std::string before = store.Read();
  const auto exemplars = [&] {
    const auto querier = store.storage().NewQuerier({});
    const auto found = *querier->Exemplars({{}}, {});
    return found.empty() ? 0 : found[0].exemplars.size();
  };
  EXPECT_EQ(exemplars(), 2u);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(store.Read(), before);
    EXPECT_EQ(exemplars(), 2u);
    // Judged by the newest sample, which is a histogram.
    EXPECT_EQ(write(t + 10).rejected.size(), 0u);
    histogram = std::make_shared<Histogram>(*histogram);
    histogram->sum += 1;
    EXPECT_EQ(write(t + 10).rejected.size(), 1u);
    histogram = std::make_shared<Histogram>(*histogram);
    histogram->sum -= 1;
    if (round == 1) store.Reopen();
    if (round > 0) continue;
    ASSERT_OK(Seal(store));
  }
}

TEST(DbSeal, SeriesThatGotNothingForLongLeaveMemory) {
  FakeStore store;
  const TimestampMs t = store.clock.Now();
  RecordingTap tap;
  store.AddTap(&tap);
  const RawKey key = HashRawKey("gone");
  const auto write_gone = [&](TimestampMs at) {
    const auto appender = store.storage().NewAppender();
    const SeriesRef ref = *appender->Resolve(Labels{{"a", "gone"}, {"tap", "yes"}}, &key);
    appender->Append(ref, at, 1);
    EXPECT_EQ(appender->Commit()->samples, 1u);
    return ref;
  };
  const SeriesRef old_ref = write_gone(t);
  Write(store.storage(), {{"a", "stays"}}, {{t, 1}});
  store.clock.Advance(2 * base::kHour);
  Write(store.storage(), {{"a", "stays"}}, {{store.clock.Now(), 2}});
  ASSERT_OK(Seal(store));
  EXPECT_EQ(store.db->Stats(1).series, 2u) << "exactly two hours are not long";
  store.clock.Advance(1);
  Write(store.storage(), {{"a", "stays"}}, {{store.clock.Now(), 3}});
  ASSERT_OK(Seal(store));
  EXPECT_EQ(store.db->Stats(1).series, 1u);
  EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), {}).size(), 4u);
  SeriesRef found{};
  store.storage().NewAppender()->Lookup({&key, 1}, {&found, 1});
  EXPECT_EQ(found, SeriesRef::kUnknown);
  const auto appender = store.storage().NewAppender();
  appender->Append(old_ref, store.clock.Now(), 1);
  EXPECT_EQ(RejectionsOf(*appender->Commit()), "unknown series;");
  // It comes back, and its past with it.
  EXPECT_NE(write_gone(t), old_ref);
  EXPECT_EQ(tap.asked.size(), 3u);
  EXPECT_EQ(tap.pasts.back(), CommitTap::Past::kMaybe);
  EXPECT_EQ(tap.seen, absl::StrCat("{a=\"gone\", tap=\"yes\"} 1@", t, "; "));
  write_gone(store.clock.Now());
  EXPECT_NE(tap.seen.find(absl::StrCat("1@", store.clock.Now())), std::string::npos);
  store.RemoveTap(&tap);
}

TEST(DbSeal, WaitsForOldReadersByTheClock) {
  FakeStore store;
  Write(store.storage(), {{"a", "1"}}, {{store.clock.Now(), 1}});
  const auto reader = store.storage().NewQuerier({});
  ASSERT_OK(store.db->Seal(SealWhat::kAll, OldReaders::kLeave));
  Write(store.storage(), {{"a", "1"}}, {{store.clock.Now() + 1, 1}});
  std::atomic<bool> done{false};
  absl::Status status;
  std::thread sealing([&] {
    status = Seal(store);
    done = true;
  });
  // Much less than half a minute of the real clock.
  while (!done) {
    store.clock.Advance(base::kSecond);
    std::this_thread::yield();
  }
  sealing.join();
  EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kUnavailable, "still running"));
}

TEST(DbSeal, DeletesEverythingByASelectorOfNothing) {
  FakeStore store;
  const TimestampMs t = store.clock.Now();
  Write(store.storage(), {{"a", "1"}}, {{t - 3 * base::kHour, 1}, {t, 2}});
  ASSERT_OK(Seal(store));
  Write(store.storage(), {{"b", "1"}}, {{t, 3}});
  ASSERT_OK_AND_ASSIGN(const uint64_t touched, store.db->Delete({Matchers()}, {}));
  EXPECT_EQ(touched, 3u);
  EXPECT_EQ(store.Read(), "");
  store.Reopen();
  EXPECT_EQ(store.Read(), "");
  Write(store.storage(), {{"a", "1"}}, {{t, 4}});
  EXPECT_EQ(store.Read(), absl::StrCat("{a=\"1\"} 4@", t, "\n"));
}

TEST(DbSeal, DeletesWhatIsStoredAndNothingElse) {
  FakeStore store;
  const TimestampMs t = store.clock.Now();
  const auto write = [&] {
    for (const char* a : {"1", "2", "3"}) {
      const auto appender = store.storage().NewAppender();
      const SeriesRef ref = *appender->Resolve(Labels{{"a", a}}, nullptr);
      for (int i = 0; i < 4; ++i) appender->Append(ref, t + i, i);
      appender->AppendExemplar(ref, {Labels{{"id", a}}, 1, t + 1});
      ASSERT_OK(appender->Commit());
    }
  };
  write();
  const absl::StatusOr<uint64_t> touched =
      store.db->Delete({{Matcher::Equal("a", "1")}, {Matcher::Equal("a", "2")}}, {t + 1, t + 3});
  ASSERT_OK(touched);
  EXPECT_EQ(*touched, 2u);
  const std::string whole = absl::StrCat(" 0@", t, " 1@", t + 1, " 2@", t + 2, " 3@", t + 3, "\n");
  const std::string cut = absl::StrCat(" 0@", t, " 3@", t + 3, "\n");
  const std::string want = absl::StrCat("{a=\"1\"}", cut, "{a=\"2\"}", cut, "{a=\"3\"}", whole);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store.Read(), want);
    EXPECT_EQ(store.storage().NewQuerier({})->Exemplars({{}}, {})->size(), 1u);
    store.Reopen();
  }
  // What is gone may come again, as if it had never been.
  ASSERT_OK(store.db->Delete({{Matcher::Equal("a", "1")}}, {}));
  EXPECT_EQ(*store.storage().NewQuerier({})->LabelValues("a", {}, 0),
            (std::vector<std::string>{"2", "3"}));
  const CommitResult again = Write(store.storage(), {{"a", "1"}}, {{t, 7}, {t + 1, 8}});
  EXPECT_EQ(again.samples, 2u);
  EXPECT_EQ(RejectionsOf(again), "");
  const Matchers one = {Matcher::Equal("a", "1")};
  EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), one),
            (std::vector<Sample>{{t, 7}, {t + 1, 8}}));
}

TEST(DbSeal, RetentionDropsBlocks) {
  ContractOptions contract;
  contract.retention_ms = 10 * base::kHour;
  FakeStore store(contract);
  const TimestampMs zero = FloorToHours(store.clock.Now(), 2);
  for (int hour = 0; hour < 40; ++hour) {
    store.clock.Set(zero + hour * base::kHour);
    Write(store.storage(), {{"a", "1"}}, {{store.clock.Now(), 1.0 * hour}});
    ASSERT_OK(store.db->Seal(SealWhat::kDue, OldReaders::kWait));
    store.ApplyRetention();
  }
  for (int round = 0; round < 2; ++round) {
    const auto samples = ReadSamples(*store.storage().NewQuerier({}), {});
    ASSERT_EQ(samples.size(), 11u);
    EXPECT_EQ(samples.front().t, zero + 29 * base::kHour);
    EXPECT_EQ(store.blocks.Blocks().front().min_t, zero + 28 * base::kHour);
    store.Reopen();
  }
}

TEST(DbSeal, RetentionBySizeKeepsTheNewestPartition) {
  FakeStore store;
  store.options.retention_bytes = 1;
  store.Reopen();
  const TimestampMs zero = FloorToHours(store.clock.Now(), 2);
  for (int i = 0; i < 3; ++i)
    Write(store.storage(), {{"a", "1"}}, {{zero - (3 - i) * 2 * base::kHour, 1.0 * i}});
  ASSERT_OK(Seal(store));
  EXPECT_EQ(store.blocks.Blocks().size(), 3u);
  store.ApplyRetention();
  EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), {}),
            (std::vector<Sample>{{zero - 2 * base::kHour, 2}}));
}

TEST(DbSeal, LabelsComeFromBothSides) {
  FakeStore store;
  const TimestampMs t = store.clock.Now();
  Write(store.storage(), {{"a", "1"}, {"sealed", "x"}}, {{t, 1}});
  Write(store.storage(), {{"a", "2"}}, {{t, 1}});
  ASSERT_OK(Seal(store));
  Write(store.storage(), {{"a", "2"}}, {{t + 1, 1}});
  Write(store.storage(), {{"a", "3"}, {"open", "x"}}, {{t + 1, 1}});
  const auto querier = store.storage().NewQuerier({});
  using Texts = std::vector<std::string>;
  EXPECT_EQ(*querier->LabelNames({}, 0), (Texts{"a", "open", "sealed"}));
  EXPECT_EQ(*querier->LabelNames({}, 2), (Texts{"a", "open"}));
  EXPECT_EQ(*querier->LabelNames({Matcher::Equal("a", "1")}, 0), (Texts{"a", "sealed"}));
  EXPECT_EQ(*querier->LabelValues("a", {}, 0), (Texts{"1", "2", "3"}));
  EXPECT_EQ(*querier->LabelValues("a", {}, 1), (Texts{"1"}));
  SelectHints hints;
  hints.samples_needed = false;
  EXPECT_EQ(ReadAll(*querier, {}, hints),
            "{a=\"1\", sealed=\"x\"}\n{a=\"2\"}\n{a=\"3\", open=\"x\"}\n");
  hints.limit = 2;
  EXPECT_EQ(ReadAll(*querier, {}, hints), "{a=\"1\", sealed=\"x\"}\n{a=\"2\"}\n");
  // A reference, also where the samples are all in blocks.
  auto set = *querier->Select({Matcher::Equal("a", "1")}, {});
  ASSERT_TRUE(set->Next());
  EXPECT_NE(set->ref(), SeriesRef::kUnknown);
}

// --- Limits: at the limit, and one beyond it.

TEST(DbLimits, SeriesOfAJob) {
  ContractOptions contract;
  contract.limits.active_series_per_job = 2;
  FakeStore store(contract);
  const TimestampMs t = store.clock.Now();
  for (const char* a : {"1", "2"}) Write(store.storage(), {{"a", a}, {"job", "x"}}, {{t, 1}});
  Write(store.storage(), {{"a", "1"}, {"job", "y"}}, {{t, 1}});
  Write(store.storage(), {{"a", "1"}}, {{t, 1}});
  const auto appender = store.storage().NewAppender();
  EXPECT_THAT(appender->Resolve({{"a", "3"}, {"job", "x"}}, nullptr),
              testing::IsCode(absl::StatusCode::kResourceExhausted,
                              "job \"x\", the limit active_series_per_job is 2"));
  EXPECT_OK(appender->Resolve({{"a", "3"}, {"job", "y"}}, nullptr));
  EXPECT_OK(appender->Resolve({{"a", "3"}}, nullptr));
  EXPECT_NE(base::ExposeText(*store.registry)
                .find("slowburn_tsdb_limit_refusals_total{limit=\"active_series_per_job\"} 1\n"),
            std::string::npos);
}

TEST(DbLimits, FreeSpaceOnTheDisk) {
  FakeStore store;
  uint64_t free = 1000;
  store.options.limits.min_free_bytes = 1000;
  store.options.free_bytes_for_test = [&] { return free; };
  store.Reopen();
  TimestampMs t = store.clock.Now();
  const auto write = [&] {
    store.clock.Advance(base::kSecond);
    const auto appender = store.storage().NewAppender();
    appender->Append(*appender->Resolve(Labels{{"a", "1"}}, nullptr), ++t, 1);
    return appender->Commit().status();
  };
  EXPECT_OK(write());
  free = 999;
  EXPECT_THAT(write(), testing::IsCode(absl::StatusCode::kUnavailable,
                                       "999 bytes left, the limit min_free_bytes is 1000"));
  EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), {}).size(), 1u);
  ASSERT_OK(Seal(store)) << "what is there can still be sealed";
  free = 1000;
  EXPECT_OK(write());
  EXPECT_EQ(ReadSamples(*store.storage().NewQuerier({}), {}).size(), 2u);
}

TEST(DbLimits, MemoryOfTheHead) {
  FakeStore store;
  const TimestampMs t = store.clock.Now();
  for (int i = 0; i < 50; ++i) Write(store.storage(), {{"a", "1"}}, {{t + i, 0.1 * i * i}});
  const uint64_t written = store.db->Stats(0).head_bytes;
  store.Reopen();
  const uint64_t bytes = store.db->Stats(0).head_bytes;
  EXPECT_GT(bytes, 0u);
  EXPECT_LE(bytes, written) << "replay needs no more memory than running";
  const auto write = [&](const char* a, TimestampMs at) {
    const auto appender = store.storage().NewAppender();
    const auto ref = appender->Resolve(Labels{{"a", a}}, nullptr);
    if (!ref.ok()) return ref.status();
    appender->Append(*ref, at, 1);
    return appender->Commit().status();
  };
  store.options.limits.head_bytes = bytes - 1;
  store.Reopen();
  ASSERT_EQ(store.db->Stats(0).head_bytes, bytes);
  EXPECT_THAT(write("2", t), testing::IsCode(absl::StatusCode::kResourceExhausted, "head_bytes"));
  EXPECT_THAT(write("1", t + 50), testing::IsCode(absl::StatusCode::kUnavailable, "head_bytes"));
  // Sealing makes room.
  ASSERT_OK(store.db->Seal(SealWhat::kDue, OldReaders::kWait));
  EXPECT_OK(write("1", t + 50));
  EXPECT_OK(write("2", t));
  FakeStore fits;
  for (int i = 0; i < 50; ++i) Write(fits.storage(), {{"a", "1"}}, {{t + i, 0.1 * i * i}});
  fits.options.limits.head_bytes = bytes;
  fits.Reopen();
  const auto appender = fits.storage().NewAppender();
  EXPECT_OK(appender->Resolve(Labels{{"a", "2"}}, nullptr));
}

}  // namespace
}  // namespace slowburn::tsdb
