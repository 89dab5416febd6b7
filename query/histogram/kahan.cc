#include "query/histogram/kahan.h"

#include <cstddef>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace slowburn::query {
namespace {

// The rounding error of an addition is taken without asking which addend is larger. That gives the
// same number, which is exact, unless something is infinite; then the compensation is 0 anyway.
void AddFrom(size_t i, std::span<const double> x, std::span<double> sum,
             std::span<double> compensation) {
  for (; i < x.size(); ++i) KahanAdd(x[i], sum[i], compensation[i]);
}

#if defined(__x86_64__)
// No fused multiplication and addition here: it would round otherwise.
__attribute__((target("avx2"))) size_t AddByFours(std::span<const double> x, std::span<double> sum,
                                                  std::span<double> compensation) {
  const __m256d infinity = _mm256_set1_pd(std::numeric_limits<double>::infinity());
  const __m256d sign = _mm256_set1_pd(-0.0);
  size_t i = 0;
  for (; i + 4 <= x.size(); i += 4) {
    const __m256d v = _mm256_loadu_pd(x.data() + i), s = _mm256_loadu_pd(sum.data() + i);
    const __m256d t = _mm256_add_pd(s, v);
    const __m256d added = _mm256_sub_pd(t, s);
    const __m256d lost =
        _mm256_add_pd(_mm256_sub_pd(s, _mm256_sub_pd(t, added)), _mm256_sub_pd(v, added));
    const __m256d c = _mm256_add_pd(_mm256_loadu_pd(compensation.data() + i), lost);
    const __m256d is_infinite = _mm256_cmp_pd(_mm256_andnot_pd(sign, t), infinity, _CMP_EQ_OQ);
    _mm256_storeu_pd(compensation.data() + i, _mm256_andnot_pd(is_infinite, c));
    _mm256_storeu_pd(sum.data() + i, t);
  }
  return i;
}
#endif

}  // namespace

void KahanAddAll(std::span<const double> x, std::span<double> sum, std::span<double> compensation) {
  size_t done = 0;
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2) done = AddByFours(x, sum, compensation);
#endif
  AddFrom(done, x, sum, compensation);
}

bool SumOverflows(std::span<const double> x, std::span<const double> sum) {
  bool any = false;
  for (size_t i = 0; i < x.size(); ++i) any |= std::isinf(sum[i] + x[i]);
  return any;
}

}  // namespace slowburn::query
