// Random records of the log, replayed with and without helping threads, against a map.
#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/commit_record.h"
#include "tsdb/head.h"
#include "tsdb/record_replayer.h"

namespace slowburn::tsdb {
namespace {

struct Stored {
  uint64_t bits = 0;
  TimestampMs start = 0;
  friend bool operator==(const Stored&, const Stored&) = default;
};
using Model = std::map<std::string, std::map<TimestampMs, Stored>>;  // by labels, time

constexpr uint32_t kSeries = 500;

Labels LabelsOf(uint32_t series) {
  return Labels{
      {"__name__", absl::StrCat("m", series % 7)}, {"i", absl::StrCat(series)}, {"job", "j"}};
}

struct Log {
  std::vector<std::pair<LogKey, std::string>> records;
  Model model;
};

// Rows of neighbours as senders bring them, and single samples anywhere; some late, some of equal
// times, some with a start. Names hold within a run and a partition.
Log RandomLog(testing::Random& random, size_t records, TimestampMs retain_from) {
  Log log;
  RecordWriter writer;
  std::vector<bool> named(kSeries, false);
  uint64_t run = 1;
  LogKey key{1, 0};
  TimestampMs now = 1'700'000'000'000;
  const auto add = [&](uint32_t series, TimestampMs t) {
    // Of another run or partition the same series has another number.
    const uint32_t id = (series + static_cast<uint32_t>(run + key.partition) * 13) % kSeries;
    const Labels labels = LabelsOf(series);
    if (!named[series]) {
      const uint32_t pairs[] = {series % 7, 1000 + series, 99};
      writer.AddSeries(id, labels, pairs);
      named[series] = true;
    }
    const double v = random.OneIn(3) ? random.Unit() : static_cast<double>(random.Below(1000));
    const TimestampMs start = random.OneIn(400) ? t - 100 : 0;
    writer.AddSample(id, t, std::bit_cast<uint64_t>(v), start);
    if (t >= retain_from) log.model[labels.ToString()][t] = {std::bit_cast<uint64_t>(v), start};
  };
  for (; log.records.size() < records; now += 15'000) {
    const auto first = static_cast<uint32_t>(random.Below(kSeries));
    const auto count = static_cast<uint32_t>(random.Below(kSeries));
    for (uint32_t i = first; i < std::min(first + count, kSeries); ++i) add(i, now);
    if (random.OneIn(3)) {
      for (uint64_t n = random.Below(20); n > 0; --n) {
        add(static_cast<uint32_t>(random.Below(kSeries)),
            now - static_cast<TimestampMs>(random.Below(3)) * 7'500);
      }
    }
    if (random.OneIn(60)) now += base::kHour;
    std::string bytes;
    writer.Finish(run, bytes);
    key.sequence += 1 + random.Below(2);
    log.records.emplace_back(key, bytes);
    if (!random.OneIn(100)) continue;
    random.OneIn(2) ? static_cast<void>(++run) : static_cast<void>(++key.partition);
    named.assign(kSeries, false);
  }
  return log;
}

Model ReplayAll(const Log& log, TimestampMs retain_from, size_t threads) {
  Head head(Limits{}, 10);
  uint64_t samples = 0;
  {
    RecordReplayer replayer(head, retain_from, nullptr, threads);
    for (const auto& [key, bytes] : log.records) {
      RecordParts parts;
      RecordReplayer::Times times;
      EXPECT_OK(SplitRecord(bytes, parts));
      EXPECT_OK(replayer.Apply(key, parts, times));
    }
    samples = replayer.Finish();
  }
  EXPECT_GE(samples, head.sample_count()) << "late ones may replace others";
  Model found;
  const Snapshots::Reader reader(head.snapshots());
  for (const Slot slot : head.Select({}, {})) {
    SeriesSamples of_series;
    if (!head.Read(slot, {}, reader.point(), &of_series)) continue;
    auto& by_time = found[head.LabelsOf(slot).ToString()];
    ChunkIterator it(std::move(of_series), {});
    SampleBatch batch;
    while (it.Next(batch)) {
      for (size_t i = 0; i < batch.t.size(); ++i) {
        by_time[batch.t[i]] = {std::bit_cast<uint64_t>(batch.v[i]),
                               batch.starts.empty() ? 0 : batch.starts[i]};
      }
    }
    EXPECT_OK(it.status());
  }
  return found;
}

TEST(Replay, AnyNumberOfThreadsGivesTheLog) {
  testing::Random random;
  for (const size_t records : {30, 1200}) {  // within one window, and over several
    const TimestampMs retain_from = records == 30 ? kMinTime : 1'700'000'000'000 + base::kHour;
    const Log log = RandomLog(random, records, retain_from);
    for (const size_t threads : {0, 1, 3}) {
      const Model found = ReplayAll(log, retain_from, threads);
      ASSERT_EQ(found.size(), log.model.size());
      for (const auto& [labels, samples] : log.model) {
        const auto it = found.find(labels);
        ASSERT_TRUE(it != found.end()) << labels;
        ASSERT_EQ(it->second.size(), samples.size()) << labels;
        ASSERT_TRUE(it->second == samples) << labels << ", " << threads << " threads";
      }
    }
  }
}

// Samples of a series whose definition was in a record that is lost are left out; others are not.
TEST(Replay, SamplesWithoutLabelsAreLeftOut) {
  RecordWriter writer;
  const uint32_t pairs[] = {1, 2, 3};
  writer.AddSeries(5, LabelsOf(1), pairs);
  for (uint32_t id = 4; id < 8; ++id) writer.AddSample(id, 1000, std::bit_cast<uint64_t>(1.5), 0);
  Log log;
  log.records.emplace_back(LogKey{1, 1}, "");
  writer.Finish(1, log.records[0].second);
  const Model found = ReplayAll(log, kMinTime, 1);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.begin()->first, LabelsOf(1).ToString());
  EXPECT_EQ(found.begin()->second.at(1000), (Stored{std::bit_cast<uint64_t>(1.5), 0}));
}

// A record whose samples make no sense changes nothing, not even the names.
TEST(Replay, AMalformedRecordChangesNothing) {
  const uint32_t pairs[] = {1, 2, 3};
  RecordWriter writer;
  writer.AddSeries(5, LabelsOf(1), pairs);
  writer.AddSample(5, 1000, 1, 0);
  std::string good, again;
  writer.Finish(7, good);
  writer.AddSample(5, 2000, 2, 0);
  writer.Finish(7, again);
  const std::string bad = "\x01\x08\x03\x01\x80";  // of run 8; its one sample ends in its head
  Head head(Limits{}, 10);
  RecordReplayer replayer(head, kMinTime, nullptr, 0);
  const auto apply = [&](const std::string& bytes, uint64_t sequence) {
    RecordParts parts;
    RecordReplayer::Times times;
    EXPECT_OK(SplitRecord(bytes, parts));
    return replayer.Apply({1, sequence}, parts, times);
  };
  ASSERT_OK(apply(good, 1));
  EXPECT_THAT(apply(bad, 2), testing::IsCode(absl::StatusCode::kDataLoss, "malformed samples"));
  ASSERT_OK(apply(again, 3));
  EXPECT_EQ(replayer.Finish(), 2u);
  EXPECT_EQ(head.series_count(), 1u);
}

}  // namespace
}  // namespace slowburn::tsdb
