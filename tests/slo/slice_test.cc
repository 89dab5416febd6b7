#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "slo/slice_column.h"
#include "slo/slice_log.h"
#include "tests/slo/slo_fixtures.h"
#include "tests/testing/random.h"

namespace slowburn::slo {
namespace {

TEST(SliceColumn, EqualsAPlainArray) {
  testing::Random random;
  for (int round = 0; round < 50; ++round) {
    SliceColumn column(60);
    std::vector<EventCount> model(60);
    for (int i = 0; i < 300; ++i) {
      const size_t at = random.Below(60);
      EventCount delta =
          EventCount::FromInt(int64_t(random.Next() >> (64 - random.Between(1, 62))));
      if (random.OneIn(40)) delta = EventCount::FromDouble(random.Unit());
      column.Add(at, delta);
      model[at] += delta;
    }
    EventCount sum;
    for (size_t i = 0; i < 60; ++i) {
      ASSERT_EQ(column.At(i), model[i]);
      ASSERT_EQ(column.Sum(i), sum);
      sum += model[i];
    }
    EXPECT_EQ(column.Sum(60), sum);
    EXPECT_EQ(column.Coarser(6).Sum(10), sum);
    EXPECT_EQ(column.Coarser(6).At(3), column.Sum(24) - column.Sum(18));
    std::string bytes;
    column.AppendTo(bytes);
    SliceColumn back(60);
    std::string_view in = bytes;
    ASSERT_TRUE(back.ReadFrom(in));
    EXPECT_TRUE(in.empty());
    EXPECT_EQ(back.Sum(60), sum);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      std::string_view part(bytes.data(), cut);
      EXPECT_FALSE(SliceColumn(60).ReadFrom(part));
    }
  }
}

TEST(SliceColumn, QuietColumnsTakeNoSpace) {
  SliceColumn column(360);
  column.Add(5, EventCount());
  EXPECT_EQ(column.bytes(), 0u);
  column.Add(5, EventCount::FromInt(255));
  EXPECT_EQ(column.bytes(), 360u);
  column.Add(5, EventCount::FromInt(1));
  EXPECT_EQ(column.bytes(), 720u);
}

TEST(SliceLog, SlicesAreLeftOpen) {
  SliceLog log({});
  log.AddTotal(kT0, EventCount::FromInt(1));      // of (T0 - 10 s, T0]
  log.AddTotal(kT0 + 1, EventCount::FromInt(2));  // of (T0, T0 + 10 s]
  EXPECT_EQ(log.Before(kT0).total, EventCount::FromInt(1));
  EXPECT_EQ(log.Before(kT0 + 10'000).total, EventCount::FromInt(3));
  EXPECT_EQ(log.Before(kT0 + 9'999).total, EventCount::FromInt(1));
  EXPECT_EQ(CeilToSlice(kT0), kT0);
  EXPECT_EQ(CeilToSlice(kT0 + 1), kT0 + 10'000);
  EXPECT_EQ(FloorToSlice(kT0 + 9'999), kT0);
  EXPECT_EQ(FloorToSlice(-1), -10'000);
  EXPECT_EQ(CeilToSlice(-1), 0);
}

TEST(SliceLog, OldSlicesBecomeMinutesAndThenVanish) {
  SliceLog log({.keep_ms = 4 * base::kHour, .fine_ms = 2 * base::kHour});
  for (TimestampMs t = kT0; t <= kT0 + 12 * base::kHour; t += 10'000)
    log.AddTotal(t, EventCount::FromInt(1));
  const TimestampMs end = kT0 + 12 * base::kHour;
  EXPECT_EQ(log.Edge(end - 30'000), end - 30'000);
  const TimestampMs old = kT0 + 7 * base::kHour - 30'000;
  EXPECT_EQ(log.Edge(old), old - 30'000);
  EXPECT_EQ((log.Before(end) - log.Before(old)).total, EventCount::FromInt((5 * 3600 + 60) / 10));
  EXPECT_GE(log.Begin(), end - 6 * base::kHour);
  log.AddTotal(kT0, EventCount::FromInt(5));  // too old to keep
  EXPECT_GE(log.Begin(), end - 6 * base::kHour);
}

// The naive model: a map from slice to counts.
TEST(SliceLog, EqualsAMapOfSlices) {
  testing::Random random;
  for (int round = 0; round < 20; ++round) {
    SliceLog log({.keep_ms = 1000 * base::kHour, .fine_ms = 500 * base::kHour});
    std::map<int64_t, std::pair<int64_t, int64_t>> counts;
    std::set<int64_t> covered;
    const auto check = [&] {
      TimestampMs a = kT0 + random.Between(-50, 250 * 360) * 10'000;
      TimestampMs b = kT0 + random.Between(-50, 250 * 360) * 10'000;
      if (a > b) std::swap(a, b);
      int64_t part = 0, total = 0;
      for (auto it = counts.lower_bound(a / 10'000); it != counts.end() && it->first < b / 10'000;
           ++it) {
        part += it->second.first;
        total += it->second.second;
      }
      const auto bits =
          std::distance(covered.lower_bound(a / 10'000), covered.lower_bound(b / 10'000));
      const SliceTotals sums = log.Before(b) - log.Before(a);
      ASSERT_EQ(sums, (SliceTotals{EventCount::FromInt(part), EventCount::FromInt(total), bits}));
    };
    for (int i = 0; i < 400; ++i) {
      const TimestampMs t = kT0 + random.Between(0, 240 * base::kHour);
      const int64_t n = random.Between(0, 300);
      switch (random.Below(5)) {
        case 0:
          log.AddPart(t, EventCount::FromInt(n)), counts[SliceOf(t)].first += n;
          break;
        case 1:
          log.AddTotal(t, EventCount::FromInt(n)), counts[SliceOf(t)].second += n;
          break;
        case 2: {
          const TimestampMs until = t + random.Between(1, 2 * base::kHour);
          log.Cover(t, until);
          for (int64_t s = SliceOf(t + 1); s <= SliceOf(until); ++s) covered.insert(s);
          break;
        }
        case 3:
          check();
          break;
        default: {
          if (!random.OneIn(10)) break;
          // To the disk and back.
          log.MarkAllChanged();
          SliceLog back(log.options());
          for (const SliceLog::EncodedBlock& block : log.TakeChanged()) {
            ASSERT_TRUE(back.LoadBlock(block.index, block.bytes));
          }
          log = std::move(back);
        }
      }
    }
    for (int i = 0; i < 50; ++i) check();
    if (!covered.empty()) {
      EXPECT_EQ(log.CoveredUntil(), (*covered.rbegin() + 1) * 10'000);
    }
    const TimestampMs edge = kT0 + random.Between(0, 240 * 60) * base::kMinute;
    const SliceTotals before = log.Before(edge);
    log.TruncateAfter(edge);
    EXPECT_EQ(log.Before(kT0 + 1000 * base::kHour), before);
  }
}

TEST(SliceLog, BrokenBlocksAreRefused) {
  SliceLog log({});
  log.AddTotal(kT0, EventCount::FromInt(1000));
  log.AddPart(kT0, EventCount::FromDouble(0.5));
  const SliceLog::EncodedBlock block = log.TakeChanged().front();
  EXPECT_TRUE(log.TakeChanged().empty());
  SliceLog back({});
  for (size_t cut = 0; cut < block.bytes.size(); ++cut) {
    EXPECT_FALSE(back.LoadBlock(block.index, std::string_view(block.bytes).substr(0, cut)));
  }
  EXPECT_FALSE(back.LoadBlock(block.index, block.bytes + "x"));
  EXPECT_EQ(back.Begin(), std::numeric_limits<TimestampMs>::max());
  EXPECT_TRUE(back.LoadBlock(block.index, block.bytes));
  EXPECT_EQ(back.Before(kT0), log.Before(kT0));
}

}  // namespace
}  // namespace slowburn::slo
