// Ratio: an exact non-negative fraction. Objectives, budgets and thresholds are Ratios, because
// 1 - 99.9/100 in binary is not 0.001, and a threshold that is off by one bit fires at an error
// ratio that should stay silent.
//
// Threads: values.
#ifndef SLOWBURN_SLO_RATIO_H_
#define SLOWBURN_SLO_RATIO_H_

#include <compare>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace slowburn::slo {

struct Ratio {  // in lowest terms; den is never 0
  uint64_t num = 0;
  uint64_t den = 1;

  double ToDouble() const;
  friend bool operator==(const Ratio&, const Ratio&) = default;
  friend std::strong_ordering operator<=>(const Ratio& a, const Ratio& b);
};

// REQUIRES: den > 0.
Ratio MakeRatio(uint64_t num, uint64_t den);
// "99.9" → 999/10. Digits, at most one point, at most kMaxFractionDigits behind it; no sign, no
// exponent.
absl::StatusOr<Ratio> ParseDecimal(std::string_view text);
// kOutOfRange when the result does not fit in 64 bits above and below the line.
absl::StatusOr<Ratio> Multiply(const Ratio& a, const Ratio& b);
// 1 - a. REQUIRES: a <= 1.
Ratio Complement(const Ratio& a);

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_RATIO_H_
