#include "query/histogram/trim.h"

#include <cmath>
#include <utility>

#include "query/histogram/arithmetic.h"

namespace slowburn::query {
namespace {

struct Remainder {
  double count = 0;
  double midpoint = 0;
};

double ZeroIfInfinite(double v) { return std::isinf(v) ? 0 : v; }

double Midpoint(double lower, double upper, Side side, bool linear) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  const double geometric = std::sqrt(std::fabs(lower * upper));
  return side == Side::kPositive ? geometric : -geometric;
}

// A bucket without a lower end. How its observations lie is unknown, so when in doubt all of them
// go; a finite positive upper bound is taken to mean that it begins at zero.
Remainder TrimFromMinusInfinity(const Bucket& b, double limit, Trim trim) {
  const bool from_zero = !std::isinf(b.upper);
  if (trim == Trim::kUpper) {
    if (limit >= b.upper) return {b.count, 0};
    if (limit > 0 && b.upper > 0 && from_zero) return {b.count * limit / b.upper, limit / 2};
    if (b.upper <= 0) return {b.count, limit};
    return {0, ZeroIfInfinite(b.upper)};
  }
  if (limit <= b.lower) return {b.count, 0};
  if (limit >= 0 && b.upper > limit && from_zero) {
    return {b.count * (1 - limit / b.upper), (limit + b.upper) / 2};
  }
  return {0, ZeroIfInfinite(b.upper)};
}

Remainder TrimToPlusInfinity(const Bucket& b, double limit, Trim trim) {
  if (trim == Trim::kLower && limit >= b.lower) return {b.count, limit};
  return {0, ZeroIfInfinite(b.lower)};
}

// What is left of the bucket that the limit divides.
Remainder Divide(const Bucket& b, double limit, Side side, Trim trim, bool linear) {
  if (std::isinf(b.lower) && b.lower < 0) return TrimFromMinusInfinity(b, limit, trim);
  if (std::isinf(b.upper) && b.upper > 0) return TrimToPlusInfinity(b, limit, trim);
  double below = b.count;
  if (limit <= b.lower) {
    below = 0;
  } else if (limit < b.upper) {
    below = b.count * b.FractionBelow(limit, linear);
  }
  if (trim == Trim::kUpper) return {below, Midpoint(b.lower, limit, side, linear)};
  return {b.count - below, Midpoint(limit, b.upper, side, linear)};
}

struct Totals {
  double count = 0;
  double sum = 0;
  bool trimmed = false;
  void Add(const Remainder& left) {
    count += left.count;
    sum += left.midpoint * left.count;
  }
};

// True if the side has any observation.
bool TrimSide(const Histogram& h, Side side, double limit, Trim trim, std::vector<double>& counts,
              Totals& totals) {
  const bool linear = UsesCustomBuckets(h);
  bool populated = false;
  std::vector<Bucket> buckets;
  SideBuckets(h, side, buckets);
  for (size_t i = 0; i < buckets.size(); ++i) {
    const Bucket& b = buckets[i];
    if (b.count == 0) continue;
    populated = true;
    const bool whole = trim == Trim::kUpper ? b.upper <= limit : b.lower >= limit;
    const bool divided = trim == Trim::kUpper ? b.lower < limit : b.upper > limit;
    Remainder left;
    if (whole) {
      left = {b.count, Midpoint(b.lower, b.upper, side, linear)};
    } else if (divided) {
      left = Divide(b, limit, side, trim, linear);
    }
    totals.Add(left);
    if (whole) continue;
    totals.trimmed |= !divided || counts[i] != left.count;
    counts[i] = left.count;
  }
  return populated;
}

Remainder TrimZeroBucket(const Bucket& zero, double limit, bool negative, bool positive,
                         Trim trim) {
  const double upper = negative && !positive ? 0 : zero.upper;
  const double lower = positive && !negative ? 0 : zero.lower;
  const Remainder all{zero.count, (lower + upper) / 2};
  if (limit <= lower) return trim == Trim::kUpper ? Remainder{} : all;
  if (limit >= upper) return trim == Trim::kUpper ? all : Remainder{};
  if (trim == Trim::kUpper) {
    return {zero.count * ((limit - lower) / (upper - lower)), (lower + limit) / 2};
  }
  return {zero.count * ((upper - limit) / (upper - lower)), (limit + upper) / 2};
}

}  // namespace

void TrimBuckets(Histogram& h, double limit, Trim trim) {
  h.is_float = true;
  Totals totals;
  std::vector<double> positive = h.positive_buckets, negative = h.negative_buckets;
  const bool has_positive = TrimSide(h, Side::kPositive, limit, trim, positive, totals);
  const bool has_negative = TrimSide(h, Side::kNegative, limit, trim, negative, totals);
  h.positive_buckets = std::move(positive);
  h.negative_buckets = std::move(negative);
  if (h.zero_count > 0) {
    const Remainder left = TrimZeroBucket(ZeroBucket(h), limit, has_negative, has_positive, trim);
    totals.trimmed |= h.zero_count != left.count;
    h.zero_count = left.count;
    totals.Add(left);
  }
  if (!totals.trimmed) return;
  h.count = totals.count;
  h.sum = totals.sum;
  Compact(h);
}

}  // namespace slowburn::query
