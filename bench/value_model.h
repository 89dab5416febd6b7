// Values of made-up series, by the classes that real exporters have: constants, counters that
// rarely or often move, byte counters, CPU seconds with two decimals, page-aligned gauges, sums of
// doubles. Threads: one at a time for each state.
#ifndef SLOWBURN_BENCH_VALUE_MODEL_H_
#define SLOWBURN_BENCH_VALUE_MODEL_H_

#include <cstdint>

#include "bench/random.h"

namespace slowburn::bench {

enum class ValueKind : uint8_t {
  kConstant,
  kRareCounter,
  kCounter,      // about 5 a row
  kFastCounter,  // about 1000 a row
  kByteCounter,  // about 1e6 a row
  kCpuSeconds,   // hundredths
  kMemory,       // multiples of 4096
  kLoad,         // hundredths
  kDoubleSum,    // full doubles
  kPercent,      // TSBS: a walk within 0 and 100, cut to an integer
};

// How often each class occurs. kExporter: as in a node exporter. kService: noisier, as in request
// counters of services.
enum class ValueMix : uint8_t { kExporter, kService, kPercent };

struct ValueState {
  double real = 0;    // running sum, mean rate or walk
  int64_t whole = 0;  // in units of the class
  ValueKind kind = ValueKind::kConstant;
};

ValueState MakeValue(ValueMix mix, Random& random);
double NextValue(ValueState& state, Random& random);

}  // namespace slowburn::bench

#endif  // SLOWBURN_BENCH_VALUE_MODEL_H_
