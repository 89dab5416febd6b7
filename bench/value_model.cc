#include "bench/value_model.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace slowburn::bench {
namespace {

struct Share {
  ValueKind kind;
  int percent;
};

constexpr Share kExporterMix[] = {
    {ValueKind::kConstant, 55},   {ValueKind::kRareCounter, 10}, {ValueKind::kCounter, 7},
    {ValueKind::kFastCounter, 6}, {ValueKind::kByteCounter, 6},  {ValueKind::kCpuSeconds, 8},
    {ValueKind::kMemory, 4},      {ValueKind::kLoad, 2},         {ValueKind::kDoubleSum, 2}};
constexpr Share kServiceMix[] = {
    {ValueKind::kConstant, 31},    {ValueKind::kRareCounter, 12}, {ValueKind::kCounter, 12},
    {ValueKind::kFastCounter, 12}, {ValueKind::kByteCounter, 12}, {ValueKind::kCpuSeconds, 9},
    {ValueKind::kMemory, 5},       {ValueKind::kLoad, 3},         {ValueKind::kDoubleSum, 4}};

template <size_t n>
ValueKind Pick(const Share (&mix)[n], Random& random) {
  int at = static_cast<int>(random.Below(100));
  for (const Share& share : mix) {
    if ((at -= share.percent) < 0) return share.kind;
  }
  return ValueKind::kConstant;
}

int64_t Rounded(double value) { return static_cast<int64_t>(std::nearbyint(value)); }

}  // namespace

ValueState MakeValue(ValueMix mix, Random& random) {
  ValueState state;
  state.kind = mix == ValueMix::kPercent    ? ValueKind::kPercent
               : mix == ValueMix::kExporter ? Pick(kExporterMix, random)
                                            : Pick(kServiceMix, random);
  state.whole = static_cast<int64_t>(random.Below(1'000'000));
  switch (state.kind) {
    case ValueKind::kConstant:
      state.real = random.Below(2) == 0 ? 0.0 : static_cast<double>(state.whole);
      break;
    case ValueKind::kCpuSeconds:  // hundredths of a second a row
      state.real = 5 + 1400 * random.Uniform() * random.Uniform();
      break;
    case ValueKind::kLoad:
      state.whole = static_cast<int64_t>(random.Below(400));
      break;
    case ValueKind::kDoubleSum:
      state.real = 1000 * random.Uniform();
      break;
    case ValueKind::kPercent:
      state.real = 100 * random.Uniform();
      break;
    default:
      break;
  }
  return state;
}

double NextValue(ValueState& state, Random& random) {
  switch (state.kind) {
    case ValueKind::kConstant:
      return state.real;
    case ValueKind::kRareCounter:
      if (random.Below(32) == 0) state.whole += 1 + static_cast<int64_t>(random.Below(4));
      return static_cast<double>(state.whole);
    case ValueKind::kCounter:
      state.whole += std::max<int64_t>(0, Rounded(5 + 2.2 * random.Normal()));
      return static_cast<double>(state.whole);
    case ValueKind::kFastCounter:
      state.whole += std::max<int64_t>(0, Rounded(1000 + 150 * random.Normal()));
      return static_cast<double>(state.whole);
    case ValueKind::kByteCounter:
      state.whole += Rounded(1e6 * std::exp(0.5 * random.Normal()));
      return static_cast<double>(state.whole);
    case ValueKind::kCpuSeconds:
      state.whole += std::max<int64_t>(0, Rounded(state.real + 0.1 * state.real * random.Normal()));
      return static_cast<double>(state.whole) / 100;
    case ValueKind::kMemory:
      state.whole = std::max<int64_t>(0, state.whole + Rounded(200 * random.Normal()));
      return static_cast<double>(state.whole) * 4096;
    case ValueKind::kLoad:
      state.whole = std::max<int64_t>(0, state.whole + Rounded(5 * random.Normal()));
      return static_cast<double>(state.whole) / 100;
    case ValueKind::kDoubleSum:
      return state.real += 0.37 * std::exp(random.Normal());
    case ValueKind::kPercent:
      state.real = std::clamp(state.real + random.Normal(), 0.0, 100.0);
      return std::trunc(state.real);
  }
  return 0;
}

}  // namespace slowburn::bench
