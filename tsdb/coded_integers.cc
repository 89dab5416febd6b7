#include "tsdb/coded_integers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "tsdb/bit_pack.h"
#include "tsdb/differences.h"
#include "tsdb/zstd_bytes.h"

namespace slowburn::tsdb {
namespace {

constexpr unsigned kSymbolWidth = 8, kMaxLowWidth = 55;
constexpr unsigned kLowWidthBits = 6;  // of the first byte; the predictor is above
// Within so many bits the frequency of values is told apart; the entropy of what is below is full.
constexpr unsigned kTellingBits = 6;

struct Cut {
  int64_t reference = 0;
  unsigned low_width = 0;

  unsigned width() const { return low_width + kSymbolWidth; }
};

// Cuts so that nearly all remainders are in kTellingBits and the low bits, around the middle.
Cut ChooseCut(std::span<const int64_t> remainders) {
  const int64_t middle = SampledMedian(remainders);
  std::array<uint32_t, kMaxBitWidth + 1> histogram{};
  for (const int64_t value : remainders)
    ++histogram[BitWidth(Zigzag(WrappingMinus(value, middle)))];
  unsigned width = kMaxBitWidth;
  for (size_t beyond = 0; width > 0; --width) {
    beyond += histogram[width];
    if (beyond * 256 > remainders.size()) break;
  }
  const unsigned low = std::clamp(width, kTellingBits, kMaxLowWidth + kTellingBits) - kTellingBits;
  return {WrappingMinus(middle, int64_t{1} << (low + kSymbolWidth - 1)), low};
}

double EntropyBytes(std::span<const int64_t> remainders, const Cut& cut) {
  std::array<uint32_t, 1 << kSymbolWidth> symbols{};
  size_t beyond = 0;
  for (const int64_t value : remainders) {
    const auto distance = static_cast<uint64_t>(WrappingMinus(value, cut.reference));
    beyond += distance >> cut.width() != 0;
    ++symbols[distance >> cut.low_width & LowMask(kSymbolWidth)];
  }
  const auto total = static_cast<double>(remainders.size());
  double bits = total * cut.low_width + 24.0 * static_cast<double>(beyond), kinds = 0;
  for (const uint32_t n : symbols) {
    if (n == 0) continue;
    bits += n * std::log2(total / n);
    ++kinds;
  }
  return (bits + 5 * kinds) / 8;  // the table of codes has about five bits for each
}

CodedPlan Plan(std::span<const int64_t> remainders, Predictor predictor) {
  constexpr double kOtherBytes = 20;
  if (remainders.empty()) return {predictor, 0, 0, kOtherBytes};
  const Cut cut = ChooseCut(remainders);
  return {predictor, cut.reference, cut.low_width, EntropyBytes(remainders, cut) + kOtherBytes};
}

}  // namespace

CodedPlan PlanCodedAs(std::span<const int64_t> integers, Predictor predictor) {
  const auto buffer = std::make_unique_for_overwrite<int64_t[]>(integers.size());
  std::span<const int64_t> remainders = integers;
  for (size_t order = 0; order < static_cast<size_t>(predictor) && !remainders.empty(); ++order)
    remainders = Differences(remainders, {buffer.get(), integers.size()});
  return Plan(remainders, predictor);
}

CodedPlan PlanCoded(std::span<const int64_t> integers) {
  CodedPlan best;
  best.bytes = std::numeric_limits<double>::max();
  for (const Predictor predictor : LikelyPredictors(integers)) {
    const CodedPlan plan = PlanCodedAs(integers, predictor);
    if (plan.bytes < best.bytes) best = plan;
  }
  return best;
}

bool AppendCoded(std::span<const int64_t> integers, const CodedPlan& plan, std::string& out) {
  std::vector<int64_t> remainders(integers.begin(), integers.end());
  std::string head;
  AppendByte(plan.low_width | static_cast<unsigned>(plan.predictor) << kLowWidthBits, head);
  AppendZigzag(static_cast<uint64_t>(plan.reference), head);
  for (size_t order = 0; order < static_cast<size_t>(plan.predictor); ++order) {
    AppendZigzag(remainders.empty() ? 0 : static_cast<uint64_t>(remainders[0]), head);
    if (!remainders.empty()) remainders.resize(Differences(remainders, remainders).size());
  }
  const Cut cut{plan.reference, plan.low_width};
  std::string symbols, patches, coded;
  std::vector<uint64_t> low;
  size_t next_patch = 0;
  for (size_t i = 0; i < remainders.size(); ++i) {
    const auto distance = static_cast<uint64_t>(WrappingMinus(remainders[i], cut.reference));
    symbols.push_back(static_cast<char>(static_cast<uint8_t>(distance >> cut.low_width)));
    low.push_back(distance);
    if (distance >> cut.width() == 0) continue;
    AppendVarint(i - next_patch, patches);
    AppendZigzag(static_cast<uint64_t>(static_cast<int64_t>(distance) >> cut.width()), patches);
    next_patch = i + 1;
  }
  if (!AppendZstd(symbols, coded)) return false;
  AppendVarint(patches.size(), head);
  AppendVarint(coded.size(), head);
  out += head;
  out += patches;
  out += coded;
  PackBits(low.data(), low.size(), cut.low_width, out);
  return true;
}

namespace {

bool Patch(Unread patches, unsigned width, std::span<uint64_t> remainders) {
  size_t at = 0;
  while (!patches.empty()) {
    uint64_t distance = 0, high = 0;
    if (!patches.Varint(distance) || !patches.Zigzag(high)) return false;
    if (distance >= remainders.size() - at) return false;
    at += distance;
    remainders[at++] += high << width;
  }
  return true;
}

// The low bits of all remainders, in pieces so that what unpacking writes behind them has room.
void UnpackLow(Unread packed, unsigned width, std::span<uint64_t> out) {
  IntegerBlock block;
  for (size_t done = 0; done < out.size(); done += kRestart) {
    const size_t count = std::min(kRestart, out.size() - done);
    UnpackBitsBefore(packed.end, packed.begin + PackedBytes(done, width), count, width,
                     block.data());
    std::copy_n(block.begin(), count, out.begin() + static_cast<ptrdiff_t>(done));
  }
}

}  // namespace

bool DecodeCoded(Unread unread, std::span<uint64_t> out) {
  uint8_t shape = 0;
  uint64_t reference = 0, patch_bytes = 0, coded_bytes = 0;
  if (!unread.Byte(shape) || !unread.Zigzag(reference)) return false;
  const unsigned low_width = shape & LowMask(kLowWidthBits);
  const size_t order = shape >> kLowWidthBits;
  if (low_width > kMaxLowWidth || order >= kPredictors) return false;
  std::array<uint64_t, kPredictors> first{};
  for (size_t i = 0; i < order; ++i) {
    if (!unread.Zigzag(first[i])) return false;
  }
  Unread patches, coded;
  if (!unread.Varint(patch_bytes) || !unread.Varint(coded_bytes)) return false;
  if (!unread.Piece(patch_bytes, patches) || !unread.Piece(coded_bytes, coded)) return false;
  const size_t given = std::min(order, out.size());
  const std::span<uint64_t> remainders = out.subspan(given);
  if (unread.size() != PackedBytes(remainders.size(), low_width)) return false;
  std::vector<uint8_t> symbols(remainders.size());
  if (!DecodeZstd(coded, symbols.data(), symbols.size())) return false;
  UnpackLow(unread, low_width, remainders);
  for (size_t i = 0; i < symbols.size(); ++i) {
    remainders[i] += reference + (uint64_t{symbols[i]} << low_width);
  }
  if (!Patch(patches, low_width + kSymbolWidth, remainders)) return false;
  for (size_t i = order; i-- > 0;) {
    if (i >= out.size()) continue;
    out[i] = first[i];
    SumUp(out.data() + i, out.size() - i, 0);
  }
  return true;
}

}  // namespace slowburn::tsdb
