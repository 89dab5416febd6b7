#include "tsdb/integer_view.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

#include "tests/testing/random.h"
#include "tests/tsdb/column_samples.h"
#include "tests/tsdb/simd_levels.h"
#include "tsdb/differences.h"

namespace slowburn::tsdb {
namespace {

TEST(IntegerView, OneValueInEachView) {
  const struct {
    double v;
    View view;
    bool has;
    int64_t integer;
  } cases[] = {
      {0, 0, true, 0},
      {-7, 0, true, -7},
      {0.5, 0, false, 0},
      {0.5, 1, true, 5},
      {-0.0, 0, false, 0},
      {-0.0, 2, false, 0},
      {0x1p53 - 1, 0, true, (int64_t{1} << 53) - 1},
      {0x1p53, 0, false, 0},
      {1234.56, 2, true, 123456},
      {1234.56, 1, false, 0},
      {0.1 + 0.2, 1, false, 0},
      {INFINITY, 3, false, 0},
      {NAN, 0, false, 0},
      {5e-324, 14, false, 0},
      {1e300, 14, false, 0},
      {-1, kBitsView, true, static_cast<int64_t>(0xbff0000000000000)},
  };
  for (const auto& test : cases) {
    int64_t integer = 0;
    ASSERT_EQ(ToInteger(BitsOf(test.v), test.view, integer), test.has) << test.v;
    if (!test.has) continue;
    EXPECT_EQ(integer, test.integer) << test.v;
    EXPECT_EQ(FromInteger(integer, test.view), BitsOf(test.v)) << test.v;
  }
}

TEST(IntegerView, ChoosesTheCoarsestViewThatFits) {
  const auto view = [](std::vector<double> values) {
    std::vector<uint64_t> bits;
    for (const double v : values) bits.push_back(BitsOf(v));
    return ChooseView(bits);
  };
  EXPECT_EQ(view({1, 2, 3}), 0);
  EXPECT_EQ(view({1, 2.5, 3}), 1);
  EXPECT_EQ(view({0.001, 2.5, 3}), 3);
  EXPECT_EQ(view({M_PI, M_E, M_LN2}), kBitsView);
  EXPECT_EQ(view({NAN, INFINITY}), 0);
}

// Any integers, also those of no double: what a damaged column may have.
uint64_t RandomInteger(testing::Random& random) {
  return static_cast<uint64_t>(static_cast<int64_t>(random.Next()) >> random.Below(64));
}

TEST(IntegerView, LevelsAgreeOnEveryViewOfEveryInteger) {
  testing::Random random;
  for (int round = 0; round < 2000; ++round) {
    const size_t count = random.Below(70);
    std::vector<uint64_t> integers(count);
    for (uint64_t& integer : integers) integer = RandomInteger(random);
    const uint64_t base = random.OneIn(2) ? 0 : RandomInteger(random);
    const uint64_t divisor = random.OneIn(2) ? 1 : RandomInteger(random);
    for (View view = 0; view <= kBitsView; ++view) {
      std::vector<double> out(count);
      for (const SimdLevel level : SimdLevels()) {
        FromIntegers(integers.data(), count, base, divisor, view, out.data(), level);
        for (size_t i = 0; i < count; ++i) {
          const auto integer = static_cast<int64_t>(base + divisor * integers[i]);
          ASSERT_EQ(BitsOf(out[i]), FromInteger(integer, view)) << integer << " view " << int{view};
        }
      }
    }
  }
}

// Quotients that lie close to the middle between two doubles are the hard ones for a division that
// is done by multiplying.
TEST(IntegerView, MultiplyingGivesTheQuotientsOfDivisions) {
  testing::Random random;
  for (View view = 1; view <= kMaxExponent; ++view) {
    const auto power = static_cast<uint64_t>(std::pow(10, view));
    std::vector<uint64_t> integers;
    while (integers.size() < 40'000) {
      // A double and half of its last place, times the power, and the integers around that.
      const uint64_t half_way = (random.Next() >> 11 | uint64_t{1} << 52) * 2 + 1;
      const auto product = static_cast<unsigned __int128>(half_way) * power;
      const auto shift = static_cast<unsigned>(std::bit_width(power) + 1 + random.Below(12));
      integers.push_back(static_cast<uint64_t>(product >> shift));
      integers.push_back(integers.back() + 1);
    }
    std::vector<double> out(integers.size());
    FromIntegers(integers.data(), integers.size(), 0, 1, view, out.data());
    for (size_t i = 0; i < integers.size(); ++i) {
      const double expected =
          static_cast<double>(static_cast<int64_t>(integers[i])) / static_cast<double>(power);
      ASSERT_EQ(BitsOf(out[i]), BitsOf(expected)) << integers[i] << " view " << int{view};
    }
  }
}

TEST(IntegerView, LevelsAgreeOnTheIntegersOfAColumn) {
  testing::Random random;
  for (int round = 0; round < 2000; ++round) {
    const std::vector<uint64_t> bits = RandomColumn(random, 1 + random.Below(70));
    for (View view = 0; view <= kBitsView; ++view) {
      std::vector<int64_t> expected(bits.size());
      SpecialValues expected_specials;
      ToIntegers(bits, view, expected, expected_specials, SimdLevel::kPlain);
      for (const SimdLevel level : SimdLevels()) {
        std::vector<int64_t> integers(bits.size());
        SpecialValues specials;
        ToIntegers(bits, view, integers, specials, level);
        ASSERT_EQ(integers, expected) << "round " << round << " view " << int{view};
        ASSERT_EQ(specials.size(), expected_specials.size());
      }
      size_t special = 0;
      for (size_t i = 0; i < bits.size(); ++i) {
        const bool is_special =
            special < expected_specials.size() && expected_specials[special].index == i;
        const uint64_t back =
            is_special ? expected_specials[special++].bits : FromInteger(expected[i], view);
        ASSERT_EQ(back, bits[i]);
      }
    }
  }
}

TEST(IntegerView, CommonDivisorIsTheGreatest) {
  testing::Random random;
  for (int round = 0; round < 5000; ++round) {
    const auto unit = static_cast<int64_t>(random.Next() >> (30 + random.Below(34)));
    const int64_t base = random.Between(-1'000'000, 1'000'000);
    std::vector<int64_t> integers;
    for (size_t i = 0; i < 1 + random.Below(20); ++i)
      integers.push_back(base + unit * random.Between(-1000, 1000));
    int64_t expected = 0;
    for (const int64_t integer : integers) expected = std::gcd(expected, integer - integers[0]);
    ASSERT_EQ(CommonDivisor(integers), static_cast<uint64_t>(expected));
  }
  const int64_t least = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(CommonDivisor(std::vector<int64_t>{0, least}), uint64_t{1} << 63);
  EXPECT_EQ(CommonDivisor(std::vector<int64_t>{5}), 0U);
}

TEST(IntegerView, InversesOfOddNumbers) {
  testing::Random random;
  for (int round = 0; round < 1000; ++round) {
    const uint64_t odd = random.Next() >> random.Below(63) | 1;
    ASSERT_EQ(odd * OddInverse(odd), 1U) << odd;
  }
}

TEST(Differences, SumsAreTheValuesAgainAtEveryLevel) {
  testing::Random random;
  for (int round = 0; round < 2000; ++round) {
    std::vector<int64_t> values(1 + random.Below(200));
    for (int64_t& value : values) value = static_cast<int64_t>(RandomInteger(random));
    const uint64_t step = RandomInteger(random);
    std::vector<uint64_t> sums = {static_cast<uint64_t>(values[0])};
    std::vector<int64_t> steps(values.size());
    for (const int64_t difference : Differences(values, steps))
      sums.push_back(static_cast<uint64_t>(difference) - step);
    for (const SimdLevel level : SimdLevels()) {
      std::vector<uint64_t> out = sums;
      SumUp(out.data(), out.size(), step, level);
      for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], static_cast<uint64_t>(values[i]));
    }
  }
}

}  // namespace
}  // namespace slowburn::tsdb
