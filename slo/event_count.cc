#include "slo/event_count.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/number.h"

namespace slowburn::slo {
namespace {

using Limbs = std::array<uint64_t, 3>;  // most significant first

Limbs Product(EventCount a, uint64_t x) {
  const Uint128 raw = static_cast<Uint128>(a.raw());
  const Uint128 low = Uint128{static_cast<uint64_t>(raw)} * x;
  const Uint128 high = Uint128{static_cast<uint64_t>(raw >> 64)} * x + (low >> 64);
  return {static_cast<uint64_t>(high >> 64), static_cast<uint64_t>(high),
          static_cast<uint64_t>(low)};
}

}  // namespace

EventCount EventCount::FromDouble(double value) {
  if (std::isnan(value)) return {};
  value = std::clamp(value, -0x1p63, 0x1p63);
  // Scaling by a power of two is exact; only what is finer than 2^-48 is rounded.
  return FromRaw(static_cast<Int128>(std::rint(std::ldexp(value, kFractionBits))));
}

double EventCount::ToDouble() const {
  return std::ldexp(static_cast<double>(raw_), -kFractionBits);
}

std::string EventCount::ToString() const {
  if (!IsWhole()) return base::FormatFloat(ToDouble());
  Int128 whole = Whole();
  const bool negative = whole < 0;
  std::string digits;
  do {
    const int digit = static_cast<int>(whole % 10);
    digits.push_back(static_cast<char>('0' + (negative ? -digit : digit)));
    whole /= 10;
  } while (whole != 0);
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::strong_ordering CompareProducts(EventCount a, uint64_t x, EventCount b, uint64_t y) {
  return Product(a, x) <=> Product(b, y);
}

}  // namespace slowburn::slo
