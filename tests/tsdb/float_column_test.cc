#include "tsdb/float_column.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "tests/testing/random.h"

namespace slowburn::tsdb {
namespace {

struct Point {
  TimestampMs t = 0;
  uint64_t bits = 0;
  TimestampMs start = 0;
};

std::vector<uint8_t> Encode(const std::vector<Point>& points) {
  std::vector<uint8_t> bytes;
  ColumnTail tail;
  tail.t = points[0].t;
  tail.bits = points[0].bits;
  for (const Point& p : points) {
    uint8_t buffer[kMaxSampleBytes];
    uint8_t none = 0;
    const size_t n =
        EncodeSample(tail, p.t, p.bits, p.start, bytes.empty() ? &none : &bytes.back(), buffer);
    EXPECT_LE(n, kMaxSampleBytes - 8);
    bytes.insert(bytes.end(), buffer, buffer + n);
  }
  return bytes;
}

void ExpectRoundTrip(const std::vector<Point>& points) {
  const std::vector<uint8_t> bytes = Encode(points);
  for (const size_t count : {points.size(), points.size() / 2, size_t{1}}) {
    Column column;
    ASSERT_TRUE(DecodeColumn(bytes, count, points[0].t, points[0].bits, column));
    ASSERT_EQ(column.t.size(), count);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(column.t[i], points[i].t) << i;
      ASSERT_EQ(std::bit_cast<uint64_t>(column.v[i]), points[i].bits) << i << " " << column.v[i];
      ASSERT_EQ(column.starts.empty() ? 0 : column.starts[i], points[i].start) << i;
    }
  }
}

std::vector<Point> Values(const std::vector<double>& values, TimestampMs step = 15000) {
  std::vector<Point> points;
  for (const double v : values) {
    points.push_back({1'700'000'000'000 + static_cast<TimestampMs>(points.size()) * step,
                      std::bit_cast<uint64_t>(v)});
  }
  return points;
}

TEST(FloatColumn, SizesOfCommonColumns) {
  const struct {
    const char* name;
    double (*value)(size_t i);
    size_t at_most;
  } cases[] = {
      {"constant", [](size_t) { return 3.5; }, 12},
      {"counter of small steps", [](size_t i) { return static_cast<double>(i * 7 + i % 3); }, 140},
      {"counter of large steps",
       [](size_t i) { return static_cast<double>(i * 100'000 + i * i % 977); }, 490},
      {"two decimals", [](size_t i) { return static_cast<double>(100'000 + i * 17 % 50) / 100; },
       140},
      {"ratios", [](size_t i) { return 1.0 / static_cast<double>(3 + i); }, 990},
  };
  for (const auto& c : cases) {
    std::vector<double> values;
    for (size_t i = 0; i < 120; ++i) values.push_back(c.value(i));
    ExpectRoundTrip(Values(values));
    EXPECT_LE(Encode(Values(values)).size(), c.at_most) << c.name;
  }
}

TEST(FloatColumn, AwkwardValues) {
  const double nan = std::bit_cast<double>(uint64_t{0x7ff8000000000001});
  ExpectRoundTrip(Values({StaleNaN(),
                          0,
                          0,
                          -0.0,
                          0,
                          StaleNaN(),
                          StaleNaN(),
                          1,
                          nan,
                          HUGE_VAL,
                          -HUGE_VAL,
                          1e300,
                          5e-324,
                          0x1p53,
                          0x1p53 + 2,
                          -0x1p53,
                          0x1p52,
                          0.1,
                          0.2,
                          0.30000000000000004,
                          123456789.123,
                          1,
                          0x1p63,
                          -0.0,
                          0.5,
                          1e15,
                          1e15 + 0.5,
                          1e-9,
                          2e-9,
                          1e-10,
                          0}));
}

TEST(FloatColumn, AwkwardTimes) {
  const int64_t lowest = std::numeric_limits<int64_t>::min(),
                highest = std::numeric_limits<int64_t>::max();
  std::vector<Point> points;
  for (const TimestampMs t :
       {lowest, lowest + 1, int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{2'200'000'000},
        int64_t{4'400'000'000}, int64_t{6'600'000'000}, highest - 1, highest}) {
    points.push_back({t, std::bit_cast<uint64_t>(1.0)});
  }
  ExpectRoundTrip(points);
}

TEST(FloatColumn, RandomColumns) {
  testing::Random random;
  for (int round = 0; round < 3000; ++round) {
    std::vector<Point> points;
    TimestampMs t = random.Between(-1'000'000, 1'000'000);
    TimestampMs start = 0;
    double v = static_cast<double>(random.Between(-1000, 1000));
    const double scale = std::pow(10, static_cast<double>(random.Below(11)));
    for (uint64_t n = 1 + random.Below(120); n > 0; --n) {
      switch (random.Below(12)) {
        case 0:
          v = StaleNaN();
          break;
        case 1:
          v = static_cast<double>(random.Between(-1'000'000'000, 1'000'000'000));
          break;
        case 2:
          v = static_cast<double>(random.Between(-1'000'000, 1'000'000)) / scale;
          break;
        case 3:
          v = std::bit_cast<double>(random.Next());
          break;
        case 4:
          v = random.Unit();
          break;
        case 5:
          start = random.OneIn(2) ? 0 : t - random.Between(-5, 100'000);
          break;
        case 6:
          v = -v;
          break;
        case 7:
          v += static_cast<double>(random.Below(100)) / scale;
          break;
        default:
          break;
      }
      points.push_back({t, std::bit_cast<uint64_t>(v), start});
      t += random.OneIn(3)   ? random.Between(1, 300'000'000)
           : random.OneIn(3) ? 15'000 + random.Between(-200, 200)
                             : 15'000;
    }
    ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(points)) << "round " << round;
  }
}

TEST(FloatColumn, TruncatedAndRandomBytesEndEarly) {
  testing::Random random;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<uint8_t> bytes(random.Below(40));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
    Column column;
    const bool whole = DecodeColumn(bytes, 120, 5, random.Next(), column);
    EXPECT_EQ(whole, column.t.size() == 120);
    EXPECT_EQ(column.t.size(), column.v.size());
  }
}

}  // namespace
}  // namespace slowburn::tsdb
