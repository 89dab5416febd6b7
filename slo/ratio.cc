#include "slo/ratio.h"

#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "slo/limits.h"

namespace slowburn::slo {
namespace {

__extension__ typedef unsigned __int128 Wide;

absl::Status BadDecimal(std::string_view text, const std::string& wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text), "\" is not a decimal number: wanted ", wanted));
}

}  // namespace

double Ratio::ToDouble() const {
  return static_cast<double>(static_cast<long double>(num) / static_cast<long double>(den));
}

std::strong_ordering operator<=>(const Ratio& a, const Ratio& b) {
  const Wide left = Wide{a.num} * b.den;
  const Wide right = Wide{b.num} * a.den;
  if (left == right) return std::strong_ordering::equal;
  return left < right ? std::strong_ordering::less : std::strong_ordering::greater;
}

Ratio MakeRatio(uint64_t num, uint64_t den) {
  CHECK(den > 0);
  const uint64_t divisor = std::gcd(num, den);
  return {num / divisor, den / divisor};
}

absl::StatusOr<Ratio> ParseDecimal(std::string_view text) {
  const std::string digits_wanted =
      absl::StrCat("digits with at most ", kMaxFractionDigits, " behind the point, e.g. 99.9");
  uint64_t num = 0, den = 1;
  int whole_digits = 0, fraction_digits = 0;
  bool point = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return BadDecimal(text, digits_wanted);
    if (point) {
      if (++fraction_digits > kMaxFractionDigits) return BadDecimal(text, digits_wanted);
      den *= 10;
    } else if (++whole_digits > 9) {
      return BadDecimal(text, "at most 9 digits before the point");
    }
    num = num * 10 + static_cast<uint64_t>(c - '0');
  }
  if (whole_digits == 0 || (point && fraction_digits == 0)) return BadDecimal(text, digits_wanted);
  return MakeRatio(num, den);
}

absl::StatusOr<Ratio> Multiply(const Ratio& a, const Ratio& b) {
  // Reducing crosswise first keeps the products as small as they can be.
  const Ratio x = MakeRatio(a.num, b.den);
  const Ratio y = MakeRatio(b.num, a.den);
  Ratio out;
  if (__builtin_mul_overflow(x.num, y.num, &out.num) ||
      __builtin_mul_overflow(x.den, y.den, &out.den)) {
    return absl::OutOfRangeError("the exact product needs more than 64 bits: use fewer digits");
  }
  return out;
}

Ratio Complement(const Ratio& a) {
  CHECK(a.num <= a.den);
  return MakeRatio(a.den - a.num, a.den);
}

}  // namespace slowburn::slo
