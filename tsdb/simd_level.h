// Which vector instructions the inner loops of the codecs may use. Every level gives the same
// results, bit for bit; tests run all that the machine has.
//
// Threads: pure functions.
#ifndef SLOWBURN_TSDB_SIMD_LEVEL_H_
#define SLOWBURN_TSDB_SIMD_LEVEL_H_

#include <cstdint>

namespace slowburn::tsdb {

enum class SimdLevel : uint8_t { kPlain, kAvx2, kAvx512 };

#if defined(__x86_64__)
inline SimdLevel DetectSimdLevel() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi2")) {
    return SimdLevel::kPlain;
  }
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512vl")
             ? SimdLevel::kAvx512
             : SimdLevel::kAvx2;
}
#else
inline SimdLevel DetectSimdLevel() { return SimdLevel::kPlain; }
#endif

// The best that this machine has.
inline SimdLevel BestSimdLevel() {
  static const SimdLevel level = DetectSimdLevel();
  return level;
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SIMD_LEVEL_H_
