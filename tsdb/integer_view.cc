#include "tsdb/integer_view.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

namespace slowburn::tsdb {
namespace {

constexpr std::array<double, kMaxExponent + 1> kPowers = {
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};

// Adding it rounds to an integer, which is then in the low bits.
constexpr double kRounder = 0x1.8p52;
constexpr double kMaxWhole = 0x1p53, kMaxScaled = 0x1p51;

double Decimal(int64_t integer, View view) {
  const auto whole = static_cast<double>(integer);
  return view == 0 ? whole : whole / kPowers[view];
}

bool IsFinite(uint64_t bits) { return (bits >> 52 & 0x7FF) != 0x7FF; }

// An integer of the column costs so many bits per step of the exponent; a special so many at once.
constexpr double kBitsPerExponent = 3.33, kBitsPerSpecial = 80;
constexpr size_t kViewSamples = 24;

}  // namespace

bool ToInteger(uint64_t bits, View view, int64_t& integer) {
  if (view == kBitsView) {
    integer = static_cast<int64_t>(bits);
    return true;
  }
  const double v = std::bit_cast<double>(bits);
  int64_t i = 0;
  if (view == 0) {
    if (!(std::abs(v) < kMaxWhole)) return false;
    i = static_cast<int64_t>(v);
  } else {
    const double scaled = v * kPowers[view];
    if (!(std::abs(scaled) < kMaxScaled)) return false;
    i = std::bit_cast<int64_t>(scaled + kRounder) - std::bit_cast<int64_t>(kRounder);
  }
  integer = i;
  return std::bit_cast<uint64_t>(Decimal(i, view)) == bits;
}

uint64_t FromInteger(int64_t integer, View view) {
  if (view == kBitsView) return static_cast<uint64_t>(integer);
  return std::bit_cast<uint64_t>(Decimal(integer, view));
}

View ChooseView(std::span<const uint64_t> bits) {
  std::array<size_t, kMaxExponent + 1> first_at = {};  // values by their least exponent
  size_t finite = 0;
  // An odd step: every other value of a column may be rounder than the rest.
  const size_t step = bits.size() / kViewSamples | 1;
  for (size_t n = 0; n < bits.size(); n += step) {
    if (!IsFinite(bits[n])) continue;
    ++finite;
    int64_t ignored = 0;
    for (View view = 0; view <= kMaxExponent; ++view) {
      if (!ToInteger(bits[n], view, ignored)) continue;
      ++first_at[view];
      break;
    }
  }
  if (finite == 0) return 0;
  View best = kBitsView;
  double best_cost = 64;
  size_t covered = 0;
  for (View view = 0; view <= kMaxExponent; ++view) {
    covered += first_at[view];
    const double special = static_cast<double>(finite - covered) / static_cast<double>(finite);
    const double cost = kBitsPerExponent * view + kBitsPerSpecial * special;
    if (first_at[view] == 0 || cost >= best_cost) continue;
    best = view;
    best_cost = cost;
  }
  return best;
}

void ToIntegers(std::span<const uint64_t> bits, View view, std::span<int64_t> integers,
                std::vector<Special>& specials) {
  specials.clear();
  uint64_t last = 0, step = 0;
  bool any = false;
  for (size_t i = 0; i < bits.size(); ++i) {
    int64_t value = 0;
    if (ToInteger(bits[i], view, value)) [[likely]] {
      if (!any) std::fill_n(integers.begin(), i, value);
      step = any ? static_cast<uint64_t>(value) - last : 0;
      any = true;
    } else {
      specials.push_back({static_cast<uint32_t>(i), bits[i]});
      value = static_cast<int64_t>(last + step);
    }
    integers[i] = value;
    last = static_cast<uint64_t>(value);
  }
}

void FromIntegers(const uint64_t* integers, size_t count, uint64_t base, uint64_t divisor,
                  View view, double* out, SimdLevel /*level*/) {
  for (size_t i = 0; i < count; ++i) {
    const auto integer = static_cast<int64_t>(base + divisor * integers[i]);
    out[i] = std::bit_cast<double>(FromInteger(integer, view));
  }
}

uint64_t CommonDivisor(std::span<const int64_t> integers) {
  uint64_t divisor = 0;
  for (const int64_t integer : integers) {
    auto difference = static_cast<uint64_t>(integer) - static_cast<uint64_t>(integers[0]);
    if (static_cast<int64_t>(difference) < 0) difference = -difference;
    divisor = std::gcd(divisor, difference);
    if (divisor == 1) break;
  }
  return divisor;
}

}  // namespace slowburn::tsdb
