#include "tsdb/packed_integers.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include "tsdb/varint.h"

namespace slowburn::tsdb {
namespace {

constexpr uint8_t kMoreFlag = 0x80, kPatchesFlag = 1;

// ---- Windows.

// Counts of integers by the number of bits of their distance from something.
using Histogram = std::array<uint32_t, kMaxBitWidth + 1>;

size_t VarintBytes(unsigned bits) { return bits <= 7 ? 1 : (bits + 6) / 7; }

struct WindowCost {
  unsigned width = 0;
  double bits = std::numeric_limits<double>::max();
};

// The best width when the integers of more bits than that are patched.
WindowCost BestWidth(const Histogram& histogram, size_t count) {
  unsigned width = kMaxBitWidth;
  while (width > 0 && histogram[width] == 0) --width;
  WindowCost best{width, static_cast<double>(count) * width};
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

int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// A middle that outliers do not move.
int64_t SampledMedian(std::span<const int64_t> values) {
  std::array<int64_t, 15> sample;
  const size_t count = std::min(values.size(), sample.size());
  for (size_t i = 0; i < count; ++i) sample[i] = values[i * values.size() / count];
  std::nth_element(sample.begin(), sample.begin() + count / 2, sample.begin() + count);
  return sample[count / 2];
}

struct PlannedWindow {
  Window window;
  double bits = 0;
};

PlannedWindow ChooseWindow(std::span<const int64_t> values) {
  if (values.empty()) return {};
  const int64_t least = *std::min_element(values.begin(), values.end());
  const int64_t middle = SampledMedian(values);
  Histogram above{}, around{};
  for (const int64_t value : values) {
    ++above[BitWidth(static_cast<uint64_t>(Minus(value, least)))];
    ++around[BitWidth(Zigzag(Minus(value, middle)))];
  }
  const WindowCost low = BestWidth(above, values.size());
  const WindowCost both = BestWidth(around, values.size());
  if (low.bits <= both.bits) return {{least, low.width}, low.bits};
  const auto half = static_cast<int64_t>(both.width == 0 ? 0 : uint64_t{1} << (both.width - 1));
  return {{Minus(middle, half), both.width}, both.bits};
}

// ---- Predictions.

// What is left of the integers behind the first `order` ones. REQUIRES: room for all.
std::span<int64_t> Differences(std::span<const int64_t> values, std::span<int64_t> out) {
  for (size_t i = 1; i < values.size(); ++i) out[i - 1] = Minus(values[i], values[i - 1]);
  return out.first(values.size() - 1);
}

// How many integers of a block its restart point gives.
size_t Given(Predictor predictor, size_t block_size) {
  return std::min<size_t>(static_cast<size_t>(predictor), block_size);
}

// values[i] becomes values[0] + ... + values[i] + i * step.
void SumUp(uint64_t* values, size_t count, uint64_t step) {
  for (size_t i = 1; i < count; ++i) values[i] += values[i - 1] + step;
}

size_t Blocks(size_t count) { return (count + kRestart - 1) / kRestart; }

// The middle of a window: how much the predicted difference is, on average.
uint64_t Middle(const Window& window) {
  const uint64_t half = window.width == 0 ? 0 : uint64_t{1} << (window.width - 1);
  return static_cast<uint64_t>(window.reference) + half;
}

// What the next restart point is expected to be.
RestartPoint Expected(const RestartPoint& last, const Window& window, Predictor predictor) {
  if (predictor == Predictor::kDelta) return {last.value + kRestart * Middle(window), 0};
  return {last.value + kRestart * last.step, last.step};
}

class PackedWriter {
 public:
  PackedWriter(std::span<const int64_t> values, const PackedPlan& plan)
      : values_(values), plan_(plan) {}

  void Write(std::string& out) {
    std::string restarts, patches, payload;
    for (size_t block = 0; block < Blocks(values_.size()); ++block) {
      PutRestart(block, restarts);
      PutBlock(block, patches, payload);
    }
    const bool patched = !patches.empty();
    out.push_back(static_cast<char>(plan_.window.width | (patched ? kMoreFlag : 0)));
    if (patched) {
      out.push_back(static_cast<char>(kPatchesFlag));
      Put(patches.size(), out);
    }
    Put(Zigzag(plan_.window.reference), out);
    out += patches;
    out += restarts;
    out += payload;
  }

 private:
  static void Put(uint64_t value, std::string& out) {
    uint8_t buffer[kMaxVarintBytes];
    const uint8_t* const end = PutVarint(buffer, value);
    out.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
  }

  uint64_t At(size_t i) const { return static_cast<uint64_t>(values_[i]); }

  void PutRestart(size_t block, std::string& out) {
    if (plan_.predictor == Predictor::kNone) return;
    const size_t at = block * kRestart;
    const RestartPoint expected =
        block == 0 ? RestartPoint{} : Expected(restart_, plan_.window, plan_.predictor);
    restart_ = {At(at), at + 1 < values_.size() ? At(at + 1) - At(at) : 0};
    Put(Zigzag(static_cast<int64_t>(restart_.value - expected.value)), out);
    if (plan_.predictor != Predictor::kDelta2) return;
    if (at + 1 == values_.size()) restart_.step = expected.step;
    Put(Zigzag(static_cast<int64_t>(restart_.step - expected.step)), out);
  }

  uint64_t Remainder(size_t i) const {
    uint64_t predicted = 0;
    if (plan_.predictor == Predictor::kDelta) predicted = At(i - 1);
    if (plan_.predictor == Predictor::kDelta2) predicted = 2 * At(i - 1) - At(i - 2);
    return At(i) - predicted - static_cast<uint64_t>(plan_.window.reference);
  }

  void PutBlock(size_t block, std::string& patches, std::string& payload) {
    const size_t begin = block * kRestart;
    const size_t size = std::min(kRestart, values_.size() - begin);
    std::array<uint64_t, kRestart> remainders;
    size_t count = 0;
    for (size_t i = Given(plan_.predictor, size); i < size; ++i) {
      const uint64_t remainder = Remainder(begin + i);
      remainders[count++] = remainder;
      if ((remainder & ~LowMask(plan_.window.width)) == 0) [[likely]]
        continue;
      Put(begin + i - next_patch_, patches);
      Put(Zigzag(static_cast<int64_t>(remainder) >> plan_.window.width), patches);
      next_patch_ = begin + i + 1;
    }
    PackBits(remainders.data(), count, plan_.window.width, payload);
  }

  const std::span<const int64_t> values_;
  const PackedPlan& plan_;
  RestartPoint restart_;
  size_t next_patch_ = 0;
};

PackedPlan Plan(Predictor predictor, std::span<const int64_t> remainders, size_t count) {
  constexpr std::array<double, kPredictors> kRestartBytes = {0, 2, 4};
  const PlannedWindow planned = ChooseWindow(remainders);
  const double restarts =
      kRestartBytes[static_cast<size_t>(predictor)] * static_cast<double>(Blocks(count));
  return {predictor, planned.window, planned.bits / 8 + restarts};
}

}  // namespace

PackedPlan PlanPacked(std::span<const int64_t> integers) {
  const size_t count = integers.size();
  PackedPlan best = Plan(Predictor::kNone, integers, count);
  const auto buffer = std::make_unique_for_overwrite<int64_t[]>(count);
  std::span<const int64_t> remainders = integers;
  for (const Predictor predictor : {Predictor::kDelta, Predictor::kDelta2}) {
    if (remainders.empty()) break;
    remainders = Differences(remainders, {buffer.get(), count});
    const PackedPlan plan = Plan(predictor, remainders, count);
    if (plan.bytes < best.bytes) best = plan;
  }
  return best;
}

PackedPlan PlanPackedAs(std::span<const int64_t> integers, Predictor predictor) {
  const auto buffer = std::make_unique_for_overwrite<int64_t[]>(integers.size());
  std::span<const int64_t> remainders = integers;
  for (size_t order = 0; order < static_cast<size_t>(predictor) && !remainders.empty(); ++order)
    remainders = Differences(remainders, {buffer.get(), integers.size()});
  return Plan(predictor, remainders, integers.size());
}

void WritePacked(std::span<const int64_t> integers, const PackedPlan& plan, std::string& out) {
  PackedWriter(integers, plan).Write(out);
}

bool PackedReader::Open(const uint8_t* begin, const uint8_t* end, size_t count,
                        Predictor predictor) {
  *this = {};
  predictor_ = predictor;
  count_ = count;
  blocks_ = Blocks(count);
  end_ = end;
  if (begin == end) return false;
  const uint8_t shape = *begin++;
  window_.width = shape & ~kMoreFlag;
  if (window_.width > kMaxBitWidth) return false;
  uint64_t patch_bytes = 0, reference = 0;
  if (shape & kMoreFlag) {
    if (begin == end || *begin++ != kPatchesFlag) return false;
    if (!GetVarint(begin, end, patch_bytes) || patch_bytes == 0) return false;
  }
  if (!GetVarint(begin, end, reference)) return false;
  window_.reference = Unzigzag(reference);
  const size_t payload =
      (blocks_ - 1) * PayloadBytes(kRestart) + PayloadBytes(BlockSize(blocks_ - 1));
  const auto left = static_cast<size_t>(end - begin);
  if (patch_bytes > left || payload > left - patch_bytes) return false;
  patches_ = begin;
  patches_end_ = restarts_ = begin + patch_bytes;
  payload_ = end - payload;
  uint64_t gap = 0;
  if (patch_bytes != 0 && !GetVarint(patches_, patches_end_, gap)) return false;
  patch_at_ = patch_bytes == 0 ? count : gap;
  return predictor_ != Predictor::kNone || restarts_ == payload_;
}

size_t PackedReader::PayloadBytes(size_t block_size) const {
  return PackedBytes(block_size - Given(predictor_, block_size), window_.width);
}

// Reads restart points up to that of `block`.
bool PackedReader::ReadRestarts(size_t block) {
  if (predictor_ == Predictor::kNone) return true;
  while (restarts_read_ <= block) {
    uint64_t value = 0, step = 0;
    if (!GetVarint(restarts_, payload_, value)) return false;
    if (predictor_ == Predictor::kDelta2 && !GetVarint(restarts_, payload_, step)) return false;
    const RestartPoint expected =
        restarts_read_ == 0 ? RestartPoint{} : Expected(restart_, window_, predictor_);
    restart_.value = expected.value + static_cast<uint64_t>(Unzigzag(value));
    restart_.step = expected.step + static_cast<uint64_t>(Unzigzag(step));
    ++restarts_read_;
  }
  return restarts_read_ < blocks_ || restarts_ == payload_;
}

void PackedReader::Unpack(size_t block, size_t count, uint64_t* out) const {
  const uint8_t* packed = payload_ + block * PayloadBytes(kRestart);
  const size_t bytes = PackedBytes(count, window_.width);
  if (static_cast<size_t>(end_ - packed) >= bytes + kUnpackSlack) [[likely]] {
    UnpackBits(packed, count, window_.width, out);
    return;
  }
  std::array<uint8_t, kRestart * sizeof(uint64_t) + kUnpackSlack> padded;
  std::memcpy(padded.data(), packed, bytes);
  UnpackBits(padded.data(), count, window_.width, out);
}

// Adds the high parts of patched integers of the block; `first` of it are not packed.
bool PackedReader::Patch(size_t block, size_t first, IntegerBlock& out) {
  const size_t begin = block * kRestart, end = begin + BlockSize(block);
  while (patch_at_ < end) {
    uint64_t high = 0, gap = 0;
    if (!GetVarint(patches_, patches_end_, high)) return false;
    if (patch_at_ >= begin) {
      if (patch_at_ < begin + first || window_.width == kMaxBitWidth) return false;
      out[patch_at_ - begin] += static_cast<uint64_t>(Unzigzag(high)) << window_.width;
    }
    if (patches_ == patches_end_) {
      patch_at_ = count_;
      break;
    }
    if (!GetVarint(patches_, patches_end_, gap)) return false;
    if (gap >= count_ - patch_at_ - 1) return false;
    patch_at_ += 1 + gap;
  }
  return block + 1 < blocks_ || (patch_at_ == count_ && patches_ == patches_end_);
}

bool PackedReader::Read(size_t block, IntegerBlock& out) {
  const size_t size = BlockSize(block), given = Given(predictor_, size);
  if (!ReadRestarts(block)) return false;
  Unpack(block, size - given, out.data() + given);
  if (!Patch(block, given, out)) return false;
  if (predictor_ == Predictor::kNone) {
    for (size_t i = 0; i < size; ++i) out[i] += static_cast<uint64_t>(window_.reference);
    return true;
  }
  if (predictor_ == Predictor::kDelta2 && size > 1) {
    out[1] = restart_.step;
    SumUp(out.data() + 1, size - 1, static_cast<uint64_t>(window_.reference));
  }
  out[0] = restart_.value;
  SumUp(out.data(), size,
        predictor_ == Predictor::kDelta ? static_cast<uint64_t>(window_.reference) : 0);
  return true;
}

}  // namespace slowburn::tsdb
