#include "query/histogram/kahan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/testing/random.h"

namespace slowburn::query {
namespace {

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

double AnyValue(testing::Random& random) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kOdd[] = {kInf, -kInf, std::numeric_limits<double>::quiet_NaN(),
                             0.0,  -0.0,  1e308};
  if (random.OneIn(20)) return kOdd[random.Below(std::size(kOdd))];
  return (random.Unit() - 0.5) * std::pow(10, double(random.Between(-20, 20)));
}

TEST(KahanAddAll, EqualsOneByOne) {
  testing::Random random;
  for (int round = 0; round < 300; ++round) {
    const size_t n = random.Below(23);
    std::vector<double> sum(n, 0), lost(n, 0), want_sum(n, 0), want_lost(n, 0), x(n);
    for (int i = 0; i < 30; ++i) {
      for (double& v : x) v = AnyValue(random);
      bool overflows = false;
      for (size_t k = 0; k < n; ++k) overflows |= std::isinf(sum[k] + x[k]);
      EXPECT_EQ(SumOverflows(x, sum), overflows);
      KahanAddAll(x, sum, lost);
      for (size_t k = 0; k < n; ++k) KahanAdd(x[k], want_sum[k], want_lost[k]);
      ASSERT_TRUE(std::ranges::equal(sum, want_sum, SameBits));
      ASSERT_TRUE(std::ranges::equal(lost, want_lost, SameBits));
    }
  }
}

}  // namespace
}  // namespace slowburn::query
