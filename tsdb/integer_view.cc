#include "tsdb/integer_view.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#if SLOWBURN_HAS_AVX2
#include <immintrin.h>
#endif

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

// The integer that continues the line of the last two.
int64_t Continued(std::span<const int64_t> integers) {
  if (integers.size() < 2) return integers.empty() ? 0 : integers[0];
  const auto last = static_cast<uint64_t>(integers.back());
  return static_cast<int64_t>(2 * last - static_cast<uint64_t>(integers[integers.size() - 2]));
}

#if SLOWBURN_HAS_AVX2

// The low 64 bits of products.
SLOWBURN_AVX2 inline __m256i Multiply(__m256i a, __m256i b) {
  const __m256i crossed = _mm256_mullo_epi32(a, _mm256_shuffle_epi32(b, 0xB1));
  const __m256i high = _mm256_add_epi32(crossed, _mm256_shuffle_epi32(crossed, 0xB1));
  const __m256i shifted = _mm256_slli_epi64(high, 32);
  return _mm256_add_epi64(_mm256_mul_epu32(a, b), shifted);
}

// Signed integers as doubles, rounded once. The high 48 and the low 16 bits become the ends of the
// mantissas of two doubles that are exact; their sum rounds.
SLOWBURN_AVX2 inline __m256d ToDouble(__m256i integers) {
  const __m256d high_base = _mm256_set1_pd(0x3p67), low_base = _mm256_set1_pd(0x1p52);
  const __m256i high =
      _mm256_blend_epi16(_mm256_srai_epi32(integers, 16), _mm256_setzero_si256(), 0x33);
  const __m256i low = _mm256_blend_epi16(integers, _mm256_castpd_si256(low_base), 0x88);
  const __m256d high_double =
      _mm256_castsi256_pd(_mm256_add_epi64(high, _mm256_castpd_si256(high_base)));
  return _mm256_add_pd(_mm256_sub_pd(high_double, _mm256_set1_pd(0x3p67 + 0x1p52)),
                       _mm256_castsi256_pd(low));
}

// Whether 1 / 10^e, rounded, is so close that one correction of a product with it gives the same as
// a division: the product is then off by less than one unit in its last place, and the remainder is
// exact (Markstein). The relative error of the reciprocal must not exceed 2^-54.
constexpr bool HasCloseReciprocal(View view) { return view != 5 && view != 9 && view != 11; }

SLOWBURN_AVX2 inline __m256d Divide(__m256d whole, __m256d power, __m256d reciprocal) {
  const __m256d quotient = _mm256_mul_pd(whole, reciprocal);
  const __m256d remainder = _mm256_fnmadd_pd(quotient, power, whole);
  return _mm256_fmadd_pd(remainder, reciprocal, quotient);
}

// Four at once up to the first that might have no integer; returns how many.
template <bool kScaled>
SLOWBURN_AVX2 size_t ToIntegersAvx2(std::span<const uint64_t> bits, double power, int64_t* out) {
  const __m256d rounder = _mm256_set1_pd(kRounder), limit = _mm256_set1_pd(kMaxScaled);
  const __m256d sign = _mm256_set1_pd(-0.0), powers = _mm256_set1_pd(power);
  size_t i = 0;
  for (; i + 4 <= bits.size(); i += 4) {
    const __m256d values = _mm256_loadu_pd(reinterpret_cast<const double*>(bits.data() + i));
    const __m256d scaled = kScaled ? _mm256_mul_pd(values, powers) : values;
    const __m256d shifted = _mm256_add_pd(scaled, rounder);
    const __m256d whole = _mm256_sub_pd(shifted, rounder);
    const __m256d back = kScaled ? _mm256_div_pd(whole, powers) : whole;
    const __m256d small = _mm256_cmp_pd(_mm256_andnot_pd(sign, scaled), limit, _CMP_LT_OQ);
    const __m256i same = _mm256_cmpeq_epi64(_mm256_castpd_si256(back), _mm256_castpd_si256(values));
    if (_mm256_movemask_pd(_mm256_and_pd(small, _mm256_castsi256_pd(same))) != 0xF) break;
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(out + i),
        _mm256_sub_epi64(_mm256_castpd_si256(shifted), _mm256_castpd_si256(rounder)));
  }
  return i;
}

size_t ToIntegersAvx2(std::span<const uint64_t> bits, View view, int64_t* out) {
  if (view == kBitsView) return 0;
  return view == 0 ? ToIntegersAvx2<false>(bits, 1, out)
                   : ToIntegersAvx2<true>(bits, kPowers[view], out);
}

enum class Scale : uint8_t { kBits, kWhole, kReciprocal, kDivide };

template <Scale kScale, bool kAffine>
SLOWBURN_AVX2 size_t FromIntegersAvx2(const uint64_t* integers, size_t count, uint64_t base,
                                      uint64_t divisor, double power, double* out) {
  const __m256i bases = _mm256_set1_epi64x(static_cast<int64_t>(base));
  const __m256i divisors = _mm256_set1_epi64x(static_cast<int64_t>(divisor));
  const __m256d powers = _mm256_set1_pd(power), reciprocals = _mm256_set1_pd(1 / power);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    __m256i four = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(integers + i));
    if (kAffine) four = _mm256_add_epi64(Multiply(four, divisors), bases);
    __m256d values = _mm256_castsi256_pd(four);
    if (kScale != Scale::kBits) values = ToDouble(four);
    if (kScale == Scale::kReciprocal) values = Divide(values, powers, reciprocals);
    if (kScale == Scale::kDivide) values = _mm256_div_pd(values, powers);
    _mm256_storeu_pd(out + i, values);
  }
  return i;
}

template <bool kAffine>
size_t FromIntegersAvx2(const uint64_t* integers, size_t count, uint64_t base, uint64_t divisor,
                        View view, double* out) {
  const double power = view == kBitsView ? 1 : kPowers[view];
  const auto run = view == kBitsView          ? &FromIntegersAvx2<Scale::kBits, kAffine>
                   : view == 0                ? &FromIntegersAvx2<Scale::kWhole, kAffine>
                   : HasCloseReciprocal(view) ? &FromIntegersAvx2<Scale::kReciprocal, kAffine>
                                              : &FromIntegersAvx2<Scale::kDivide, kAffine>;
  return run(integers, count, base, divisor, power, out);
}

size_t FromIntegersAvx2(const uint64_t* integers, size_t count, uint64_t base, uint64_t divisor,
                        View view, double* out) {
  return base == 0 && divisor == 1
             ? FromIntegersAvx2<false>(integers, count, base, divisor, view, out)
             : FromIntegersAvx2<true>(integers, count, base, divisor, view, out);
}

#endif

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
                SpecialValues& specials, SimdLevel level) {
  specials.clear();
  // The first values, as long as they are specials: of the integers nothing is known until then.
  size_t i = 0;
  for (; i < bits.size() && !ToInteger(bits[i], view, integers[i]); ++i)
    specials.push_back({static_cast<uint32_t>(i), bits[i]});
  std::fill_n(integers.begin(), i, i < bits.size() ? integers[i] : 0);
  while (i < bits.size()) {
#if SLOWBURN_HAS_AVX2
    if (level == SimdLevel::kAvx2) i += ToIntegersAvx2(bits.subspan(i), view, integers.data() + i);
#else
    static_cast<void>(level);
#endif
    for (const size_t end = std::min(i + 4, bits.size()); i < end; ++i) {
      if (ToInteger(bits[i], view, integers[i])) continue;
      integers[i] = Continued(integers.first(i));
      specials.push_back({static_cast<uint32_t>(i), bits[i]});
    }
  }
}

void FromIntegers(const uint64_t* integers, size_t count, uint64_t base, uint64_t divisor,
                  View view, double* out, SimdLevel level) {
  size_t done = 0;
#if SLOWBURN_HAS_AVX2
  if (level == SimdLevel::kAvx2) done = FromIntegersAvx2(integers, count, base, divisor, view, out);
#else
  static_cast<void>(level);
#endif
  for (size_t i = done; i < count; ++i) {
    const auto integer = static_cast<int64_t>(base + divisor * integers[i]);
    out[i] = std::bit_cast<double>(FromInteger(integer, view));
  }
}

uint64_t CommonDivisor(std::span<const int64_t> integers) {
  const auto first = static_cast<uint64_t>(integers[0]);
  uint64_t any = 0;
  for (size_t i = 0; i < integers.size() && (any & 1) == 0; ++i)
    any |= static_cast<uint64_t>(integers[i]) - first;
  if (any == 0) return 0;
  const int twos = std::countr_zero(any);
  uint64_t odd = 0, inverse = 0;
  for (const int64_t integer : integers) {
    const auto difference = static_cast<int64_t>(static_cast<uint64_t>(integer) - first) >> twos;
    const auto bits = static_cast<uint64_t>(difference);
    const uint64_t distance = difference < 0 ? -bits : bits;
    // A multiple of an odd number, and only that, times its inverse is a small number.
    if (distance == 0 || (odd != 0 && distance * inverse <= ~uint64_t{0} / odd)) continue;
    odd = std::gcd(odd, distance >> std::countr_zero(distance));
    if (odd == 1) break;
    inverse = OddInverse(odd);
  }
  return odd << twos;
}

uint64_t OddInverse(uint64_t odd) {
  uint64_t inverse = odd;  // right in three bits, then in twice as many each time
  for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}

}  // namespace slowburn::tsdb
