#include "tsdb/bit_pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/testing/random.h"
#include "tests/tsdb/simd_levels.h"

namespace slowburn::tsdb {
namespace {

std::vector<uint64_t> RandomValues(testing::Random& random, size_t count) {
  std::vector<uint64_t> values(count);
  for (uint64_t& value : values) value = random.Next();
  return values;
}

TEST(BitPack, EveryWidthComesBackAtEveryLevel) {
  testing::Random random;
  for (unsigned width = 0; width <= kMaxBitWidth; ++width) {
    for (const size_t count : {0, 1, 2, 7, 8, 9, 63, 127, 128}) {
      const std::vector<uint64_t> values = RandomValues(random, count);
      std::string packed = "x";
      PackBits(values.data(), count, width, packed);
      ASSERT_EQ(packed.size(), 1 + PackedBytes(count, width));
      packed.append(kUnpackSlack, '\xFF');
      for (const SimdLevel level : SimdLevels()) {
        std::vector<uint64_t> out(count + kUnpackGroup, 1);
        UnpackBits(reinterpret_cast<const uint8_t*>(packed.data()) + 1, count, width, out.data(),
                   level);
        for (size_t i = 0; i < count; ++i)
          ASSERT_EQ(out[i], values[i] & LowMask(width)) << width << " bits, value " << i;
      }
    }
  }
}

// The place of every bit is part of the format.
TEST(BitPack, LowBitsComeFirst) {
  const std::vector<uint64_t> values = {0b101, 0b011, 0b110, 1};
  std::string packed;
  PackBits(values.data(), values.size(), 3, packed);
  EXPECT_EQ(packed, std::string("\x9D\x03", 2));  // 001 110 011 101, from the left
}

// The bytes lie at the end of what may be read: sanitizers see a byte too many.
TEST(BitPack, ReadsNothingBehindTheEnd) {
  testing::Random random;
  for (unsigned width = 1; width <= kMaxBitWidth; ++width) {
    for (const size_t count : {1, 8, 100, 128}) {
      const std::vector<uint64_t> values = RandomValues(random, count);
      std::string packed;
      PackBits(values.data(), count, width, packed);
      const std::vector<uint8_t> exact(packed.begin(), packed.end());
      std::vector<uint64_t> out(count + kUnpackGroup);
      UnpackBitsBefore(exact.data() + exact.size(), exact.data(), count, width, out.data());
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(out[i], values[i] & LowMask(width)) << width;
    }
  }
}

TEST(BitPack, CountsOnes) {
  testing::Random random;
  for (size_t bits = 0; bits < 300; ++bits) {
    std::vector<uint8_t> bytes((bits + 7) / 8);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
    size_t expected = 0;
    for (size_t i = 0; i < bits; ++i) expected += bytes[i / 8] >> i % 8 & 1;
    for (const SimdLevel level : SimdLevels())
      ASSERT_EQ(CountOnes(bytes.data(), bits, level), expected);
  }
}

}  // namespace
}  // namespace slowburn::tsdb
