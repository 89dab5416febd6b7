// Steps between integers, and the integers again from the steps. All arithmetic wraps.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_DIFFERENCES_H_
#define SLOWBURN_TSDB_DIFFERENCES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "tsdb/simd_level.h"

namespace slowburn::tsdb {

inline int64_t WrappingMinus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// Writes the steps to `out`, which may be where the values are, and returns them: one fewer.
// REQUIRES: at least one value.
std::span<int64_t> Differences(std::span<const int64_t> values, std::span<int64_t> out);

// values[i] becomes values[0] + ... + values[i] + i * step.
void SumUp(uint64_t* values, size_t count, uint64_t step, SimdLevel level = kBestSimdLevel);

// A value in the middle of a sample: outliers do not move it. REQUIRES: at least one value.
int64_t SampledMedian(std::span<const int64_t> values);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_DIFFERENCES_H_
