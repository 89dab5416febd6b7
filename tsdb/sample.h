// Samples and times.
//
// Intervals are half-open inside this project: [start, end). Prometheus' windows are left-open,
// (t - range, t]; they are turned into [t - range + 1, t + 1) once, where the query plan is built.
#ifndef SLOWBURN_TSDB_SAMPLE_H_
#define SLOWBURN_TSDB_SAMPLE_H_

#include <bit>
#include <cstdint>
#include <limits>
#include <memory>

#include "base/clock.h"

namespace slowburn::tsdb {

using base::DurationMs;
using base::TimestampMs;

struct Histogram;
// Shared by the store and every reader; never changed after it was appended.
using HistogramPtr = std::shared_ptr<const Histogram>;

inline constexpr TimestampMs kMinTime = std::numeric_limits<TimestampMs>::min();
inline constexpr TimestampMs kMaxTime = std::numeric_limits<TimestampMs>::max();

struct TimeRange {  // [start, end)
  TimestampMs start = kMinTime;
  TimestampMs end = kMaxTime;
  bool empty() const { return start >= end; }
  bool Contains(TimestampMs t) const { return t >= start && t < end; }
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

struct Sample {
  TimestampMs t = 0;
  double v = 0;
  // Bit-exact: NaN payloads and -0 count.
  friend bool operator==(const Sample& a, const Sample& b) {
    return a.t == b.t && std::bit_cast<uint64_t>(a.v) == std::bit_cast<uint64_t>(b.v);
  }
};

// The staleness marker: one particular NaN. A histogram is stale when its sum is this NaN.
inline constexpr uint64_t kStaleNaNBits = 0x7ff0000000000002;
inline constexpr uint64_t kNormalNaNBits = 0x7ff8000000000001;  // what Prometheus stores for "NaN"
inline double StaleNaN() { return std::bit_cast<double>(kStaleNaNBits); }
inline bool IsStaleNaN(double v) { return std::bit_cast<uint64_t>(v) == kStaleNaNBits; }

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SAMPLE_H_
