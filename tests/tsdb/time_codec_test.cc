#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/testing/random.h"
#include "tests/tsdb/column_samples.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {
namespace {

using Times = std::vector<TimestampMs>;

constexpr TimestampMs kStart = 1'700'000'000'123;

std::string Encoded(const Times& times, Temperature temperature = Temperature::kHot) {
  std::string out;
  EncodeTimes(times, temperature, out);
  return out;
}

Times Decoded(const std::string& bytes, size_t count) {
  Times times(count);
  const absl::Status status = DecodeTimes(bytes, times);
  EXPECT_TRUE(status.ok()) << status;
  return times;
}

struct Table {
  const char* name;
  Times times;
  size_t most_bytes;
};

std::vector<Table> Tables() {
  Times regular, day, jitter, gaps, drift;
  for (int64_t i = 0; i < 5760; ++i) day.push_back(kStart + i * 15'000);
  for (int64_t i = 0; i < 480; ++i) {
    regular.push_back(kStart + i * 15'000);
    jitter.push_back(kStart + i * 15'000 + i * 7919 % 11);
    gaps.push_back(kStart + (i + (i > 100 ? 4 : 0) + (i > 400 ? 40 : 0)) * 15'000);
    drift.push_back(kStart + i * 15'000 + (i % 2) + i * i / 4);
  }
  return {
      {"one", {kStart}, 8},     {"two", {kStart, kStart + 15'000}, 10},
      {"regular", regular, 10}, {"a regular day", day, 10},
      {"jitter", jitter, 260},  {"gaps", gaps, 30},
      {"drift", drift, 200},    {"the ends of time", {kMinTime, -1, 0, 1, kMaxTime}, 60},
  };
}

TEST(TimeCodec, TablesComeBack) {
  for (const Table& table : Tables()) {
    for (const Temperature temperature : {Temperature::kHot, Temperature::kCold}) {
      const std::string bytes = Encoded(table.times, temperature);
      EXPECT_EQ(Decoded(bytes, table.times.size()), table.times) << table.name;
      EXPECT_LE(bytes.size(), table.most_bytes) << table.name;
    }
  }
}

TEST(TimeCodec, CutAnywhereItIsRefused) {
  for (const Table& table : Tables()) {
    const std::string bytes = Encoded(table.times);
    Times out(table.times.size());
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(DecodeTimes(bytes.substr(0, size), out).code(), absl::StatusCode::kDataLoss)
          << table.name << " cut at " << size << " of " << bytes.size();
    }
    EXPECT_EQ(DecodeTimes(bytes + '\0', out).code(), absl::StatusCode::kDataLoss) << table.name;
  }
}

TEST(TimeCodec, FlippedBytesAreRefusedOrDecodeToAscendingTimes) {
  for (const Table& table : Tables()) {
    const std::string bytes = Encoded(table.times);
    for (size_t i = 0; i < bytes.size(); ++i) {
      for (const int flip : {0x01, 0x10, 0x80, 0xFF}) {
        std::string flipped = bytes;
        flipped[i] = static_cast<char>(flipped[i] ^ flip);
        Times out(table.times.size());
        const absl::Status status = DecodeTimes(flipped, out);
        if (!status.ok()) {
          EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
          continue;
        }
        for (size_t k = 1; k < out.size(); ++k) ASSERT_LT(out[k - 1], out[k]) << table.name;
      }
    }
  }
}

TEST(TimeCodec, TimesThatDoNotAscendAreRefused) {
  const std::string bytes = Encoded({5, 6, 7});
  Times out(4);
  EXPECT_TRUE(DecodeTimes(bytes, out).ok());  // a regular column goes on for as long as is asked
  const std::string still = {bytes[0], bytes[1], 0};
  EXPECT_EQ(DecodeTimes(still, out).code(), absl::StatusCode::kDataLoss);
}

TEST(TimeCodec, RandomTimesComeBack) {
  testing::Random random;
  for (int round = 0; round < 2000; ++round) {
    const Times times = RandomTimes(random, RandomCount(random));
    for (const Temperature temperature : {Temperature::kHot, Temperature::kCold})
      ASSERT_EQ(Decoded(Encoded(times, temperature), times.size()), times) << "round " << round;
  }
}

}  // namespace
}  // namespace slowburn::tsdb
