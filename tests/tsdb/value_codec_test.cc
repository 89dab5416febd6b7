#include "tsdb/value_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/testing/random.h"
#include "tests/tsdb/column_samples.h"

namespace slowburn::tsdb {
namespace {

using Bits = std::vector<uint64_t>;

std::string Encoded(const Bits& bits, Temperature temperature = Temperature::kHot) {
  std::string out;
  EncodeValues(bits, temperature, out);
  return out;
}

Bits Decoded(const std::string& bytes, size_t count, size_t begin, size_t size) {
  std::vector<double> out(size, 77);
  const absl::Status status = DecodeValues(bytes, count, begin, out);
  EXPECT_TRUE(status.ok()) << status;
  Bits bits(size);
  for (size_t i = 0; i < size; ++i) bits[i] = std::bit_cast<uint64_t>(out[i]);
  return bits;
}

Bits FromDoubles(const std::vector<double>& values) {
  Bits bits;
  for (const double v : values) bits.push_back(std::bit_cast<uint64_t>(v));
  return bits;
}

struct Table {
  const char* name;
  Bits bits;
  size_t most_bytes;
};

double Nan(uint64_t bits) { return std::bit_cast<double>(bits); }

std::vector<Table> Tables() {
  std::vector<double> slow, cents, doubles, stale, pages, reset;
  for (int i = 0; i < 480; ++i) {
    slow.push_back(1e9 + i * 7 + i % 3);
    cents.push_back(static_cast<double>(100'000 + 3 * i * i) / 100);
    doubles.push_back(std::sin(i) * 1000);
    pages.push_back(4096.0 * (100'000 + 37 * i % 64));
    reset.push_back(i < 300 ? i * 10 : (i - 300) * 10);
  }
  stale = slow;
  stale.back() = StaleNaN();
  const double inf = std::numeric_limits<double>::infinity();
  return {
      {"one zero", FromDoubles({0}), 1},
      {"constant one", Bits(480, std::bit_cast<uint64_t>(1.0)), 1},
      {"constant 63", Bits(5760, std::bit_cast<uint64_t>(63.0)), 1},
      {"constant 64", Bits(480, std::bit_cast<uint64_t>(64.0)), 3},
      {"constant -1", Bits(480, std::bit_cast<uint64_t>(-1.0)), 2},
      {"constant 0.25", Bits(480, std::bit_cast<uint64_t>(0.25)), 2},
      {"constant pi", Bits(480, std::bit_cast<uint64_t>(M_PI)), 9},
      {"constant stale", Bits(480, kStaleNaNBits), 9},
      {"constant -0", Bits(480, std::bit_cast<uint64_t>(-0.0)), 9},
      {"line", FromDoubles({1, 2, 3, 4, 5, 6, 7, 8}), 8},
      {"slow counter", FromDoubles(slow), 260},
      {"slow counter that ends", FromDoubles(stale), 268},
      {"counter with a reset", FromDoubles(reset), 30},
      {"cents", FromDoubles(cents), 480},
      {"pages", FromDoubles(pages), 480},
      {"true doubles", FromDoubles(doubles), 3841},
      {"odd ones",
       FromDoubles({inf, -inf, -0.0, Nan(0x7ff8000000000001), Nan(0xfff8000000000123), StaleNaN(),
                    5e-324, 1.7e308}),
       80},
      {"two kinds of NaN", {kStaleNaNBits, kNormalNaNBits, kStaleNaNBits, kNormalNaNBits}, 40},
      {"extremes", {0, ~uint64_t{0}, uint64_t{1} << 63, (uint64_t{1} << 63) - 1}, 40},
  };
}

TEST(ValueCodec, TablesComeBackBitForBit) {
  for (const Table& table : Tables()) {
    for (const Temperature temperature : {Temperature::kHot, Temperature::kCold}) {
      const std::string bytes = Encoded(table.bits, temperature);
      EXPECT_EQ(Decoded(bytes, table.bits.size(), 0, table.bits.size()), table.bits) << table.name;
      EXPECT_LE(bytes.size(), table.most_bytes) << table.name;
    }
  }
}

TEST(ValueCodec, AppendsToWhatIsThere) {
  std::string bytes = "abc";
  EncodeValues(FromDoubles({1, 2}), Temperature::kHot, bytes);
  EXPECT_EQ(bytes.substr(0, 3), "abc");
  EXPECT_EQ(Decoded(bytes.substr(3), 2, 0, 2), FromDoubles({1, 2}));
}

TEST(ValueCodec, CutAnywhereItIsRefused) {
  for (const Table& table : Tables()) {
    const std::string bytes = Encoded(table.bits);
    std::vector<double> out(table.bits.size());
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string cut = bytes.substr(0, size);
      EXPECT_EQ(DecodeValues(cut, out.size(), 0, out).code(), absl::StatusCode::kDataLoss)
          << table.name << " cut at " << size << " of " << bytes.size();
    }
    EXPECT_EQ(DecodeValues(bytes + '\0', out.size(), 0, out).code(), absl::StatusCode::kDataLoss)
        << table.name << " with a byte more";
  }
}

// Whatever a flipped byte makes of a column, decoding ends, and within its bounds.
TEST(ValueCodec, FlippedBytesAreRefusedOrDecodeToSomething) {
  for (const Table& table : Tables()) {
    const std::string bytes = Encoded(table.bits);
    std::vector<double> out(table.bits.size() + 1, 42);
    for (size_t i = 0; i < bytes.size(); ++i) {
      for (const int flip : {0x01, 0x10, 0x80, 0xFF}) {
        std::string flipped = bytes;
        flipped[i] = static_cast<char>(flipped[i] ^ flip);
        const absl::Status status =
            DecodeValues(flipped, table.bits.size(), 0, std::span(out).first(table.bits.size()));
        EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kDataLoss) << status;
        EXPECT_EQ(out.back(), 42);
      }
    }
  }
}

TEST(ValueCodec, RandomColumnsComeBackWholeAndInParts) {
  testing::Random random;
  for (int round = 0; round < 1500; ++round) {
    const Bits bits = RandomColumn(random, RandomCount(random));
    for (const Temperature temperature : {Temperature::kHot, Temperature::kCold}) {
      const std::string bytes = Encoded(bits, temperature);
      ASSERT_EQ(Decoded(bytes, bits.size(), 0, bits.size()), bits) << "round " << round;
      for (int part = 0; part < 4; ++part) {
        const size_t begin = random.Below(bits.size() + 1);
        const size_t size = random.Below(bits.size() - begin + 1);
        const Bits expected(bits.begin() + begin, bits.begin() + begin + size);
        ASSERT_EQ(Decoded(bytes, bits.size(), begin, size), expected)
            << "round " << round << ", " << size << " values from " << begin;
      }
    }
  }
}

TEST(ValueCodec, RefusesPartsOutsideOfTheColumn) {
  const std::string bytes = Encoded(FromDoubles({1, 2, 3}));
  std::vector<double> out(3);
  EXPECT_FALSE(DecodeValues(bytes, 3, 1, out).ok());
  EXPECT_FALSE(DecodeValues(bytes, 3, 4, {}).ok());
  EXPECT_FALSE(DecodeValues(bytes, 0, 0, {}).ok());
  EXPECT_FALSE(DecodeValues(bytes, kMaxColumnSamples + 1, 0, out).ok());
}

}  // namespace
}  // namespace slowburn::tsdb
