#include "tsdb/packed_plan.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "tsdb/bit_pack.h"
#include "tsdb/differences.h"
#include "tsdb/varint.h"

namespace slowburn::tsdb {
namespace {

// Counts of integers by the number of bits of their distance from something.
using Histogram = std::array<uint32_t, kMaxBitWidth + 1>;

size_t VarintBytes(unsigned bits) { return bits <= 7 ? 1 : (bits + 6) / 7; }

struct WidthChoice {
  unsigned width = 0;
  double bits = std::numeric_limits<double>::max();
};

// The best width when the integers of more bits than that are patched.
WidthChoice ChooseWidth(const Histogram& histogram, size_t count) {
  unsigned width = kMaxBitWidth;
  while (width > 0 && histogram[width] == 0) --width;
  WidthChoice best{width, static_cast<double>(count) * width};
  const unsigned widest = width;
  size_t patched = 0;
  while (width > 0) {
    patched += histogram[width--];
    if (patched * 4 > count) break;
    size_t bytes = 2 + patched;
    for (unsigned b = width + 1; b <= widest; ++b) {
      if (histogram[b] != 0) bytes += histogram[b] * VarintBytes(b - width + 1);
    }
    const double bits = static_cast<double>(count) * width + 8.0 * static_cast<double>(bytes);
    if (bits < best.bits) best = {width, bits};
  }
  return best;
}

struct WindowChoice {
  Window window;
  double bits = 0;
};

// Windows that begin at the least value, and windows around the middle.
WindowChoice ChooseWindow(std::span<const int64_t> values) {
  if (values.empty()) return {};
  const int64_t least = *std::min_element(values.begin(), values.end());
  const int64_t middle = SampledMedian(values);
  Histogram above{}, around{};
  for (const int64_t value : values) {
    ++above[BitWidth(static_cast<uint64_t>(WrappingMinus(value, least)))];
    ++around[BitWidth(Zigzag(WrappingMinus(value, middle)))];
  }
  const WidthChoice low = ChooseWidth(above, values.size());
  const WidthChoice both = ChooseWidth(around, values.size());
  if (low.bits <= both.bits) return {{least, low.width}, low.bits};
  const auto half = static_cast<int64_t>(both.width == 0 ? 0 : uint64_t{1} << (both.width - 1));
  return {{WrappingMinus(middle, half), both.width}, both.bits};
}

// What is left of integers after a prediction.
class Remainders {
 public:
  Remainders(std::span<const int64_t> integers, Predictor predictor) : values_(integers) {
    if (predictor == Predictor::kNone) return;
    buffer_ = std::make_unique_for_overwrite<int64_t[]>(integers.size());
    for (size_t i = 0; i < static_cast<size_t>(predictor) && !values_.empty(); ++i)
      values_ = Differences(values_, {buffer_.get(), integers.size()});
  }
  std::span<const int64_t> values() const { return values_; }

 private:
  std::unique_ptr<int64_t[]> buffer_;
  std::span<const int64_t> values_;
};

// Heads of segments and restart points.
constexpr double kSegmentBytes = 10;
// A part of a segment is found without what is in the others: that may cost a little.
constexpr double kSegmentsMayCost = 1.02;
constexpr std::array<double, kPredictors> kRestartBytes = {0, 2, 4};

// The remainders of a segment lie up to two before its integers: that is near enough for windows.
PackedPlan PlanSegments(std::span<const int64_t> remainders, size_t count, Predictor predictor) {
  PackedPlan plan{predictor, {}, 0};
  for (size_t i = 0; i < count; i += kSegment) {
    const size_t begin = std::min(i, remainders.size());
    const size_t size = std::min(kSegment, remainders.size() - begin);
    const WindowChoice choice = ChooseWindow(remainders.subspan(begin, size));
    plan.windows.push_back(choice.window);
    plan.bytes += choice.bits / 8 + kSegmentBytes;
  }
  return plan;
}

// How many bits of a prediction's remainders are more than those of another, before it is ruled
// out.
constexpr double kClearlyMoreBits = 1.2;
constexpr size_t kPieces = 4, kPiece = 16;  // of the sample; neighbours, because steps count

// Bits of the remainders of a sample, for each predictor.
std::array<double, kPredictors> SampledBits(std::span<const int64_t> integers) {
  std::array<std::array<int64_t, kPieces * kPiece>, kPredictors> sample;
  for (size_t piece = 0; piece < kPieces; ++piece) {
    const size_t begin = piece * (integers.size() - kPiece - 2) / (kPieces - 1);
    for (size_t i = 0; i < kPiece; ++i) {
      const int64_t* const at = integers.data() + begin + i;
      const int64_t step = WrappingMinus(at[1], at[0]);
      sample[0][piece * kPiece + i] = at[0];
      sample[1][piece * kPiece + i] = step;
      sample[2][piece * kPiece + i] = WrappingMinus(WrappingMinus(at[2], at[1]), step);
    }
  }
  std::array<double, kPredictors> bits{};
  for (size_t predictor = 0; predictor < kPredictors; ++predictor) {
    const int64_t middle = SampledMedian(sample[predictor]);
    for (const int64_t value : sample[predictor])
      bits[predictor] += BitWidth(Zigzag(WrappingMinus(value, middle)));
  }
  return bits;
}

}  // namespace

absl::InlinedVector<Predictor, kPredictors> LikelyPredictors(std::span<const int64_t> integers) {
  if (integers.size() < 2 * kPieces * kPiece)
    return {Predictor::kNone, Predictor::kDelta, Predictor::kDelta2};
  const std::array<double, kPredictors> bits = SampledBits(integers);
  const double limit =
      *std::min_element(bits.begin(), bits.end()) + kClearlyMoreBits * kPieces * kPiece;
  absl::InlinedVector<Predictor, kPredictors> likely;
  for (size_t i = 0; i < kPredictors; ++i) {
    if (bits[i] < limit) likely.push_back(static_cast<Predictor>(i));
  }
  return likely;
}

PackedPlan PlanPackedAs(std::span<const int64_t> integers, Predictor predictor) {
  const Remainders remainders(integers, predictor);
  const WindowChoice whole = ChooseWindow(remainders.values());
  const double restarts = kRestartBytes[static_cast<size_t>(predictor)] *
                          static_cast<double>((integers.size() + kRestart - 1) / kRestart);
  PackedPlan plan{predictor, {whole.window}, whole.bits / 8 + restarts};
  if (integers.size() < 2 * kSegment || whole.bits == 0) return plan;
  PackedPlan segments = PlanSegments(remainders.values(), integers.size(), predictor);
  segments.bytes += restarts;
  return segments.bytes < kSegmentsMayCost * plan.bytes ? segments : plan;
}

PackedPlan PlanPacked(std::span<const int64_t> integers) {
  PackedPlan best;
  best.bytes = std::numeric_limits<double>::max();
  for (const Predictor predictor : LikelyPredictors(integers)) {
    PackedPlan plan = PlanPackedAs(integers, predictor);
    if (plan.bytes < best.bytes) best = std::move(plan);
  }
  return best;
}

}  // namespace slowburn::tsdb
