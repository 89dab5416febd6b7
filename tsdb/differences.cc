#include "tsdb/differences.h"

#include <algorithm>
#include <array>

#if SLOWBURN_HAS_AVX2
#include <immintrin.h>
#endif

namespace slowburn::tsdb {

#if SLOWBURN_HAS_AVX2
namespace {

// Returns how many values from the first one on are done, at least one.
SLOWBURN_AVX2 size_t SumUpAvx2(uint64_t* values, size_t count, uint64_t step) {
  // What the sums of the four values before, and the steps, add to each of four.
  const auto lane = [step](uint64_t n) { return static_cast<int64_t>(n * step); };
  __m256i carry = _mm256_setr_epi64x(lane(0), lane(1), lane(2), lane(3));
  const __m256i steps = _mm256_set1_epi64x(lane(4));
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    auto* const at = reinterpret_cast<__m256i*>(values + i);
    const __m256i four = _mm256_loadu_si256(at);
    const __m256i pairs = _mm256_add_epi64(four, _mm256_slli_si256(four, 8));
    // The sum of the lower two, for the upper two.
    const __m256i lower = _mm256_permute4x64_epi64(pairs, 0x50);
    const __m256i sums =
        _mm256_add_epi64(pairs, _mm256_blend_epi32(_mm256_setzero_si256(), lower, 0xF0));
    _mm256_storeu_si256(at, _mm256_add_epi64(sums, carry));
    const __m256i total = _mm256_permute4x64_epi64(sums, 0xFF);
    carry = _mm256_add_epi64(carry, _mm256_add_epi64(total, steps));
  }
  return i == 0 ? 1 : i;
}

}  // namespace
#endif

std::span<int64_t> Differences(std::span<const int64_t> values, std::span<int64_t> out) {
  int64_t before = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    const int64_t value = values[i];
    out[i - 1] = WrappingMinus(value, before);
    before = value;
  }
  return out.first(values.size() - 1);
}

void SumUp(uint64_t* values, size_t count, uint64_t step, SimdLevel level) {
  size_t done = 1;
#if SLOWBURN_HAS_AVX2
  if (level == SimdLevel::kAvx2) done = SumUpAvx2(values, count, step);
#else
  static_cast<void>(level);
#endif
  for (size_t i = done; i < count; ++i) values[i] += values[i - 1] + step;
}

int64_t SampledMedian(std::span<const int64_t> values) {
  std::array<int64_t, 15> sample;
  const size_t count = std::min(values.size(), sample.size());
  for (size_t i = 0; i < count; ++i) sample[i] = values[i * values.size() / count];
  const auto middle = sample.begin() + static_cast<ptrdiff_t>(count / 2);
  std::nth_element(sample.begin(), middle, sample.begin() + static_cast<ptrdiff_t>(count));
  return *middle;
}

}  // namespace slowburn::tsdb
