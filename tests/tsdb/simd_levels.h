// The levels of vector instructions that this machine has: what differs between them is a fault.
//
// Threads: pure functions.
#ifndef SLOWBURN_TESTS_TSDB_SIMD_LEVELS_H_
#define SLOWBURN_TESTS_TSDB_SIMD_LEVELS_H_

#include <vector>

#include "tsdb/simd_level.h"

namespace slowburn::tsdb {

inline std::vector<SimdLevel> SimdLevels() {
  std::vector<SimdLevel> levels = {SimdLevel::kPlain};
  if (DetectSimdLevel() != SimdLevel::kPlain) levels.push_back(DetectSimdLevel());
  return levels;
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_SIMD_LEVELS_H_
