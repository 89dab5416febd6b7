// Which vector instructions the inner loops of the codecs use: AVX2 where the machine has it. Every
// level gives the same results, bit for bit; tests run all that the machine has.
//
// Threads: pure functions.
#ifndef SLOWBURN_TSDB_SIMD_LEVEL_H_
#define SLOWBURN_TSDB_SIMD_LEVEL_H_

#include <cstdint>

#if defined(__x86_64__)
// A function of these may be called only at SimdLevel::kAvx2.
#define SLOWBURN_AVX2 __attribute__((target("avx2,fma,bmi,bmi2,popcnt")))
#define SLOWBURN_HAS_AVX2 1
#else
#define SLOWBURN_HAS_AVX2 0
#endif

namespace slowburn::tsdb {

enum class SimdLevel : uint8_t { kPlain, kAvx2 };

inline SimdLevel DetectSimdLevel() {
#if SLOWBURN_HAS_AVX2
  const bool has_all = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                       __builtin_cpu_supports("popcnt");
  if (has_all) return SimdLevel::kAvx2;
#endif
  return SimdLevel::kPlain;
}

// The best that this machine has; kPlain until static variables are initialised.
inline const SimdLevel kBestSimdLevel = DetectSimdLevel();

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SIMD_LEVEL_H_
