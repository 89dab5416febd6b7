#include "tsdb/differences.h"

#include <algorithm>
#include <array>

namespace slowburn::tsdb {

std::span<int64_t> Differences(std::span<const int64_t> values, std::span<int64_t> out) {
  int64_t before = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    const int64_t value = values[i];
    out[i - 1] = WrappingMinus(value, before);
    before = value;
  }
  return out.first(values.size() - 1);
}

void SumUp(uint64_t* values, size_t count, uint64_t step, SimdLevel /*level*/) {
  for (size_t i = 1; i < count; ++i) values[i] += values[i - 1] + step;
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
