#include "tsdb/packed_integers.h"

#include <algorithm>

#include "tsdb/differences.h"

namespace slowburn::tsdb {
namespace {

// The first byte is the width; a flag says that patches follow; one value that is no width says
// that there are segments.
constexpr uint8_t kPatchesFlag = 0x80, kSegmented = 0x7F;

constexpr size_t kBlocksPerSegment = kSegment / kRestart;

size_t Blocks(size_t count) { return (count + kRestart - 1) / kRestart; }

// How many integers of a block its restart point gives.
size_t Given(Predictor predictor, size_t block_size) {
  return std::min<size_t>(static_cast<size_t>(predictor), block_size);
}

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

class SegmentWriter {
 public:
  SegmentWriter(std::span<const int64_t> values, Predictor predictor, const Window& window)
      : values_(values), predictor_(predictor), window_(window) {}

  void Write(std::string& out) {
    std::string restarts, patches, payload;
    payload.reserve(PackedBytes(values_.size(), window_.width) + Blocks(values_.size()) * 8);
    for (size_t block = 0; block < Blocks(values_.size()); ++block) {
      if (predictor_ != Predictor::kNone) PutRestart(block, restarts);
      PutBlock(block, patches, payload);
    }
    AppendByte(window_.width | (patches.empty() ? 0 : kPatchesFlag), out);
    if (!patches.empty()) AppendVarint(patches.size(), out);
    AppendZigzag(static_cast<uint64_t>(window_.reference), out);
    out += patches;
    out += restarts;
    out += payload;
  }

 private:
  uint64_t At(size_t i) const { return static_cast<uint64_t>(values_[i]); }

  void PutRestart(size_t block, std::string& out) {
    const size_t at = block * kRestart;
    const RestartPoint expected =
        block == 0 ? RestartPoint{} : Expected(restart_, window_, predictor_);
    restart_ = {At(at), at + 1 < values_.size() ? At(at + 1) - At(at) : expected.step};
    AppendZigzag(restart_.value - expected.value, out);
    if (predictor_ == Predictor::kDelta2) AppendZigzag(restart_.step - expected.step, out);
  }

  void PutBlock(size_t block, std::string& patches, std::string& payload) {
    const size_t begin = block * kRestart;
    const size_t size = std::min(kRestart, values_.size() - begin);
    const size_t given = Given(predictor_, size);
    std::array<int64_t, kRestart> buffer;
    std::array<uint64_t, kRestart> remainders;
    std::span<const int64_t> left = values_.subspan(begin, size);
    for (size_t order = 0; order < given; ++order) left = Differences(left, buffer);
    uint64_t beyond = 0;
    for (size_t i = 0; i < left.size(); ++i) {
      remainders[i] = static_cast<uint64_t>(left[i]) - static_cast<uint64_t>(window_.reference);
      beyond |= remainders[i];
    }
    PackBits(remainders.data(), left.size(), window_.width, payload);
    if ((beyond & ~LowMask(window_.width)) != 0)
      PutPatches(begin + given, {remainders.data(), left.size()}, patches);
  }

  void PutPatches(size_t begin, std::span<const uint64_t> remainders, std::string& out) {
    for (size_t i = 0; i < remainders.size(); ++i) {
      if ((remainders[i] & ~LowMask(window_.width)) == 0) continue;
      AppendVarint(begin + i - next_patch_, out);
      AppendZigzag(static_cast<uint64_t>(static_cast<int64_t>(remainders[i]) >> window_.width),
                   out);
      next_patch_ = begin + i + 1;
    }
  }

  const std::span<const int64_t> values_;
  const Predictor predictor_;
  const Window window_;
  RestartPoint restart_;
  size_t next_patch_ = 0;
};

}  // namespace

void AppendPacked(std::span<const int64_t> integers, const PackedPlan& plan, std::string& out) {
  if (!plan.segmented()) {
    SegmentWriter(integers, plan.predictor, plan.windows[0]).Write(out);
    return;
  }
  std::string sizes, segments;
  for (size_t i = 0; i < plan.windows.size(); ++i) {
    const size_t begin = i * kSegment, before = segments.size();
    const size_t size = std::min(kSegment, integers.size() - begin);
    SegmentWriter(integers.subspan(begin, size), plan.predictor, plan.windows[i]).Write(segments);
    if (i + 1 < plan.windows.size()) AppendVarint(segments.size() - before, sizes);
  }
  AppendByte(kSegmented, out);
  AppendVarint(sizes.size(), out);
  out += sizes;
  out += segments;
}

bool SegmentReader::Open(Unread unread, size_t count, Predictor predictor) {
  *this = {};
  predictor_ = predictor;
  count_ = count;
  blocks_ = Blocks(count);
  end_ = unread.end;
  uint8_t shape = 0;
  if (!unread.Byte(shape)) return false;
  window_.width = shape & ~kPatchesFlag;
  if (window_.width > kMaxBitWidth) return false;
  uint64_t patch_bytes = 0, reference = 0, gap = count;
  if ((shape & kPatchesFlag) != 0 && (!unread.Varint(patch_bytes) || patch_bytes == 0))
    return false;
  if (!unread.Zigzag(reference) || !unread.Piece(patch_bytes, patches_)) return false;
  window_.reference = static_cast<int64_t>(reference);
  const size_t last = BlockSize(blocks_ - 1);
  const size_t payload = (blocks_ - 1) * PayloadBytes(kRestart) + PayloadBytes(last);
  if (payload > unread.size()) return false;
  payload_ = end_ - payload;
  restarts_ = {unread.begin, payload_};
  if (!patches_.empty() && !patches_.Varint(gap)) return false;
  patch_at_ = gap;
  return predictor_ != Predictor::kNone || restarts_.empty();
}

size_t SegmentReader::PayloadBytes(size_t block_size) const {
  return PackedBytes(block_size - Given(predictor_, block_size), window_.width);
}

// Reads restart points up to that of `block`.
bool SegmentReader::ReadRestarts(size_t block) {
  if (predictor_ == Predictor::kNone) return true;
  while (restarts_read_ <= block) {
    uint64_t value = 0, step = 0;
    if (!restarts_.Zigzag(value)) return false;
    if (predictor_ == Predictor::kDelta2 && !restarts_.Zigzag(step)) return false;
    const RestartPoint expected =
        restarts_read_ == 0 ? RestartPoint{} : Expected(restart_, window_, predictor_);
    restart_ = {expected.value + value, expected.step + step};
    ++restarts_read_;
  }
  return restarts_read_ < blocks_ || restarts_.empty();
}

// Adds the high parts of patched integers of the block, of which the first ones are not packed.
bool SegmentReader::Patch(size_t block, size_t first, IntegerBlock& out) {
  const size_t begin = block * kRestart, end = begin + BlockSize(block);
  while (patch_at_ < end) {
    uint64_t high = 0, gap = 0;
    if (!patches_.Zigzag(high)) return false;
    if (patch_at_ >= begin) {
      if (patch_at_ < begin + first || window_.width == kMaxBitWidth) return false;
      out[patch_at_ - begin] += high << window_.width;
    }
    if (patches_.empty()) {
      patch_at_ = count_;
      break;
    }
    if (!patches_.Varint(gap) || gap >= count_ - patch_at_ - 1) return false;
    patch_at_ += 1 + gap;
  }
  return block + 1 < blocks_ || (patch_at_ == count_ && patches_.empty());
}

bool SegmentReader::Read(size_t block, IntegerBlock& out) {
  const size_t size = BlockSize(block), given = Given(predictor_, size);
  if (!ReadRestarts(block)) return false;
  UnpackBitsBefore(end_, payload_ + block * PayloadBytes(kRestart), size - given, window_.width,
                   out.data() + given);
  if (!Patch(block, given, out)) return false;
  const auto reference = static_cast<uint64_t>(window_.reference);
  switch (predictor_) {
    case Predictor::kNone:
      for (size_t i = 0; i < size; ++i) out[i] += reference;
      break;
    case Predictor::kDelta:
      out[0] = restart_.value;
      SumUp(out.data(), size, reference);
      break;
    case Predictor::kDelta2:
      out[0] = restart_.value;
      out[1] = restart_.step;
      SumUp(out.data() + 1, size - 1, reference);
      SumUp(out.data(), size, 0);
      break;
  }
  return true;
}

bool PackedReader::Open(Unread unread, size_t count, Predictor predictor) {
  *this = {};
  predictor_ = predictor;
  count_ = count;
  segmented_ = !unread.empty() && *unread.begin == kSegmented;
  if (!segmented_) return reader_.Open(unread, count, predictor);
  uint64_t sizes = 0;
  ++unread.begin;
  if (count <= kSegment || !unread.Varint(sizes) || !unread.Piece(sizes, sizes_)) return false;
  segments_ = unread;
  return true;
}

// Opens the segment, which is not before the open one.
bool PackedReader::NextSegment(size_t segment) {
  const size_t last = (count_ - 1) / kSegment;
  Unread bytes;
  while (segments_open_ <= segment) {
    uint64_t size = segments_.size();
    if (segments_open_ < last && !sizes_.Varint(size)) return false;
    if (!segments_.Piece(size, bytes)) return false;
    ++segments_open_;
  }
  if (segment == last && !sizes_.empty()) return false;
  const size_t begin = segment * kSegment;
  return reader_.Open(bytes, std::min(kSegment, count_ - begin), predictor_);
}

bool PackedReader::Read(size_t block, IntegerBlock& out) {
  if (!segmented_) return reader_.Read(block, out);
  const size_t segment = block / kBlocksPerSegment;
  if (segment >= segments_open_ && !NextSegment(segment)) return false;
  return reader_.Read(block % kBlocksPerSegment, out);
}

}  // namespace slowburn::tsdb
