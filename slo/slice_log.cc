#include "slo/slice_log.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace slowburn::slo {
namespace {

constexpr char kBlockFormat = 1;

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

int64_t BlockOf(int64_t slice) { return FloorDiv(slice, kSlicesPerBlock); }

// Bits [0, n) of a block's coverage.
int64_t CountBits(const std::array<uint64_t, 6>& bits, int64_t n) {
  int64_t count = 0;
  for (int64_t word = 0; word * 64 < n; ++word) {
    uint64_t value = bits[static_cast<size_t>(word)];
    const int64_t rest = n - word * 64;
    if (rest < 64) value &= (uint64_t{1} << rest) - 1;
    count += std::popcount(value);
  }
  return count;
}

}  // namespace

int64_t SliceOf(TimestampMs t) {
  return t == std::numeric_limits<TimestampMs>::min() ? FloorDiv(t, kSliceMs)
                                                      : FloorDiv(t - 1, kSliceMs);
}
TimestampMs FloorToSlice(TimestampMs t) { return FloorDiv(t, kSliceMs) * kSliceMs; }
TimestampMs CeilToSlice(TimestampMs t) { return (SliceOf(t) + 1) * kSliceMs; }

void SliceLog::Extend(Options options) {
  options_.keep_ms = std::max(options_.keep_ms, options.keep_ms);
  options_.fine_ms = std::max(options_.fine_ms, options.fine_ms);
}

size_t SliceLog::LowerBound(int64_t index) const {
  if (blocks_.empty() || blocks_.back().index < index) return blocks_.size();
  const auto at = std::lower_bound(blocks_.begin(), blocks_.end(), index,
                                   [](const Block& block, int64_t i) { return block.index < i; });
  return static_cast<size_t>(at - blocks_.begin());
}

void SliceLog::Coarsen(Block& block) {
  if (block.factor != 1) return;
  block.part = block.part.Coarser(kCoarseFactor);
  block.total = block.total.Coarser(kCoarseFactor);
  block.factor = kCoarseFactor;
  block.changed = true;
}

void SliceLog::Age() {
  const int64_t newest = blocks_.back().index;
  const int64_t keep = options_.keep_ms / kBlockMs + 1;
  const int64_t fine = options_.fine_ms / kBlockMs + 1;
  const size_t drop = LowerBound(newest - keep);
  if (drop > 0) {
    blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<ptrdiff_t>(drop));
    valid_ = 0;
  }
  for (size_t i = LowerBound(newest - fine); i-- > 0 && blocks_[i].factor == 1;)
    Coarsen(blocks_[i]);
}

SliceLog::Block* SliceLog::FindOrMake(int64_t index, size_t& at) {
  at = !blocks_.empty() && blocks_.back().index == index ? blocks_.size() - 1 : LowerBound(index);
  if (at < blocks_.size() && blocks_[at].index == index) return &blocks_[at];
  const bool newest = at == blocks_.size();
  if (!newest && index < blocks_.back().index - options_.keep_ms / kBlockMs - 1) return nullptr;
  blocks_.insert(blocks_.begin() + static_cast<ptrdiff_t>(at), Block(index));
  valid_ = std::min(valid_, at + 1);
  if (newest) {
    Age();
    at = blocks_.size() - 1;
  } else if (index < blocks_.back().index - options_.fine_ms / kBlockMs - 1) {
    Coarsen(blocks_[at]);
  }
  return &blocks_[at];
}

void SliceLog::Touch(size_t at) {
  blocks_[at].changed = true;
  valid_ = std::min(valid_, at + 1);
}

void SliceLog::Add(SliceColumn Block::*column, TimestampMs t, EventCount delta) {
  if (delta.raw() == 0) return;
  const int64_t slice = SliceOf(t);
  const int64_t index = BlockOf(slice);
  size_t at = 0;
  Block* block = FindOrMake(index, at);
  if (block == nullptr) return;
  (block->*column)
      .Add(static_cast<size_t>((slice - index * kSlicesPerBlock) / block->factor), delta);
  Touch(at);
}

void SliceLog::AddPart(TimestampMs t, EventCount delta) { Add(&Block::part, t, delta); }
void SliceLog::AddTotal(TimestampMs t, EventCount delta) { Add(&Block::total, t, delta); }

void SliceLog::Cover(TimestampMs after, TimestampMs until) {
  if (after >= until) return;
  const int64_t last = SliceOf(until);
  for (int64_t slice = SliceOf(after + 1); slice <= last; ++slice) {
    const int64_t index = BlockOf(slice);
    size_t at = 0;
    Block* block = FindOrMake(index, at);
    if (block == nullptr) continue;
    const int64_t bit = slice - index * kSlicesPerBlock;
    uint64_t& word = block->covered[static_cast<size_t>(bit / 64)];
    const uint64_t mask = uint64_t{1} << (bit % 64);
    if ((word & mask) != 0) continue;
    word |= mask;
    Touch(at);
  }
}

SliceTotals SliceLog::SumOf(const Block& block, int64_t slices) {
  const size_t entries = static_cast<size_t>(slices / block.factor);
  return {block.part.Sum(entries), block.total.Sum(entries), CountBits(block.covered, slices)};
}

TimestampMs SliceLog::Edge(TimestampMs edge) const {
  const int64_t slice = FloorDiv(edge, kSliceMs);
  const int64_t index = BlockOf(slice);
  const size_t at = LowerBound(index);
  if (at == blocks_.size() || blocks_[at].index != index) return slice * kSliceMs;
  return FloorDiv(slice, blocks_[at].factor) * blocks_[at].factor * kSliceMs;
}

SliceTotals SliceLog::Before(TimestampMs edge) const {
  const int64_t slice = FloorDiv(edge, kSliceMs);
  const int64_t index = BlockOf(slice);
  const size_t at = LowerBound(index);
  if (prefix_.size() < blocks_.size() + 1) prefix_.resize(blocks_.size() + 1);
  if (valid_ == 0) {
    prefix_[0] = {};
    valid_ = 1;
  }
  for (; valid_ <= at; ++valid_) {
    const SliceTotals block = SumOf(blocks_[valid_ - 1], kSlicesPerBlock);
    SliceTotals& sum = prefix_[valid_];
    sum = prefix_[valid_ - 1];
    sum.part += block.part;
    sum.total += block.total;
    sum.covered += block.covered;
  }
  SliceTotals out = prefix_[at];
  if (at == blocks_.size() || blocks_[at].index != index) return out;
  const Block& block = blocks_[at];
  const int64_t slices = (slice - index * kSlicesPerBlock) / block.factor * block.factor;
  const SliceTotals rest = SumOf(block, slices);
  out.part += rest.part;
  out.total += rest.total;
  out.covered += rest.covered;
  return out;
}

TimestampMs SliceLog::CoveredUntil() const {
  for (size_t i = blocks_.size(); i-- > 0;) {
    for (int64_t word = 5; word >= 0; --word) {
      const uint64_t bits = blocks_[i].covered[static_cast<size_t>(word)];
      if (bits == 0) continue;
      const int64_t slice =
          blocks_[i].index * kSlicesPerBlock + word * 64 + 63 - std::countl_zero(bits);
      return (slice + 1) * kSliceMs;
    }
  }
  return std::numeric_limits<TimestampMs>::min();
}

TimestampMs SliceLog::Begin() const {
  return blocks_.empty() ? std::numeric_limits<TimestampMs>::max()
                         : blocks_.front().index * kBlockMs;
}

void SliceLog::TruncateAfter(TimestampMs edge) {
  const int64_t slice = FloorDiv(edge, kSliceMs);
  const int64_t index = BlockOf(slice);
  const size_t at = LowerBound(index);
  const bool partial = at < blocks_.size() && blocks_[at].index == index;
  blocks_.erase(blocks_.begin() + static_cast<ptrdiff_t>(at + (partial ? 1 : 0)), blocks_.end());
  if (partial) {
    Block& block = blocks_[at];
    const int64_t keep = slice - index * kSlicesPerBlock;
    block.part.ZeroFrom(static_cast<size_t>(keep / block.factor));
    block.total.ZeroFrom(static_cast<size_t>(keep / block.factor));
    for (int64_t bit = keep; bit < kSlicesPerBlock; ++bit) {
      block.covered[static_cast<size_t>(bit / 64)] &= ~(uint64_t{1} << (bit % 64));
    }
    block.changed = true;
  }
  valid_ = std::min(valid_, at + 1);
}

std::vector<SliceLog::EncodedBlock> SliceLog::TakeChanged() {
  std::vector<EncodedBlock> out;
  for (Block& block : blocks_) {
    if (!block.changed) continue;
    block.changed = false;
    EncodedBlock encoded{block.index, {}};
    encoded.bytes.push_back(kBlockFormat);
    encoded.bytes.push_back(static_cast<char>(block.factor));
    block.part.AppendTo(encoded.bytes);
    block.total.AppendTo(encoded.bytes);
    encoded.bytes.append(reinterpret_cast<const char*>(block.covered.data()),
                         sizeof(block.covered));
    out.push_back(std::move(encoded));
  }
  return out;
}

void SliceLog::MarkAllChanged() {
  for (Block& block : blocks_) block.changed = true;
}

void SliceLog::MarkChanged(int64_t index) {
  const size_t at = LowerBound(index);
  if (at < blocks_.size() && blocks_[at].index == index) blocks_[at].changed = true;
}

bool SliceLog::LoadBlock(int64_t index, std::string_view bytes) {
  if (bytes.size() < 2 || bytes[0] != kBlockFormat) return false;
  const int64_t factor = bytes[1];
  if (factor != 1 && factor != kCoarseFactor) return false;
  bytes.remove_prefix(2);
  Block block(index);
  block.factor = factor;
  block.changed = false;
  block.part = SliceColumn(static_cast<size_t>(kSlicesPerBlock / factor));
  block.total = block.part;
  if (!block.part.ReadFrom(bytes) || !block.total.ReadFrom(bytes)) return false;
  if (bytes.size() != sizeof(block.covered)) return false;
  std::memcpy(block.covered.data(), bytes.data(), sizeof(block.covered));
  block.covered[5] &= (uint64_t{1} << (kSlicesPerBlock - 320)) - 1;
  const size_t at = LowerBound(index);
  if (at < blocks_.size() && blocks_[at].index == index) {
    blocks_[at] = std::move(block);
  } else {
    blocks_.insert(blocks_.begin() + static_cast<ptrdiff_t>(at), std::move(block));
  }
  valid_ = std::min(valid_, at + 1);
  return true;
}

size_t SliceLog::MemoryBytes() const {
  size_t bytes = blocks_.capacity() * sizeof(Block) + prefix_.capacity() * sizeof(SliceTotals);
  for (const Block& block : blocks_) bytes += block.part.bytes() + block.total.bytes();
  return bytes;
}

}  // namespace slowburn::slo
