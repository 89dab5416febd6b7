// How a sequence of integers is best packed (tsdb/packed_integers.h): by which prediction, and in
// which windows.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_PACKED_PLAN_H_
#define SLOWBURN_TSDB_PACKED_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/container/inlined_vector.h"

namespace slowburn::tsdb {

//   none     predicts nothing: the integers lie close together
//   delta    predicts the integer before: a counter, a slow gauge
//   delta2   predicts the step before, too: what goes on as it went
enum class Predictor : uint8_t { kNone, kDelta, kDelta2 };
inline constexpr size_t kPredictors = 3;

// Every so many integers lies a restart point.
inline constexpr size_t kRestart = 128;
// A long sequence may be packed in segments, each with a window of its own.
inline constexpr size_t kSegment = 8 * kRestart;

// The values in [reference, reference + 2^width) are packed, others are patched.
struct Window {
  int64_t reference = 0;
  unsigned width = 0;
};

struct PackedPlan {
  Predictor predictor = Predictor::kNone;
  // One, or one for each segment of the sequence.
  absl::InlinedVector<Window, 1> windows;
  double bytes = 0;  // an estimate that is good to a few bytes

  bool segmented() const { return windows.size() > 1; }
};

// Of the best predictor, or of a given one. REQUIRES: at least one integer.
PackedPlan PlanPacked(std::span<const int64_t> integers);
PackedPlan PlanPackedAs(std::span<const int64_t> integers, Predictor predictor);

// The predictors that a look at a sample does not rule out.
absl::InlinedVector<Predictor, kPredictors> LikelyPredictors(std::span<const int64_t> integers);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_PACKED_PLAN_H_
