// A sequence of 64-bit integers in patched bit-packing: what is left of each after a prediction is
// one of 2^width values, except for a few, which are patched. Every kRestart integers lies a
// restart point, so that a part is decoded without what is before it. All arithmetic wraps, so any
// integers can be packed. tsdb/FORMAT.md has the grammar.
//
// Threads: none of their own. A reader points into the bytes that it was opened with.
#ifndef SLOWBURN_TSDB_PACKED_INTEGERS_H_
#define SLOWBURN_TSDB_PACKED_INTEGERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tsdb/bit_pack.h"
#include "tsdb/column_bytes.h"
#include "tsdb/packed_plan.h"

namespace slowburn::tsdb {

// REQUIRES: a plan for as many integers.
void AppendPacked(std::span<const int64_t> integers, const PackedPlan& plan, std::string& out);

// A block of integers, with room for what unpacking writes behind them.
using IntegerBlock = std::array<uint64_t, kRestart + 2 * kUnpackGroup>;

// The first integer of a block and, for delta2, the step to the second.
struct RestartPoint {
  uint64_t value = 0, step = 0;
};

// Reads one segment, or a sequence without segments.
class SegmentReader {
 public:
  bool Open(Unread unread, size_t count, Predictor predictor);
  bool Read(size_t block, IntegerBlock& out);
  size_t BlockSize(size_t block) const {
    return block + 1 < blocks_ ? kRestart : count_ - block * kRestart;
  }

 private:
  size_t PayloadBytes(size_t block_size) const;
  bool ReadRestarts(size_t block);
  bool Patch(size_t block, size_t first, IntegerBlock& out);

  Predictor predictor_ = Predictor::kNone;
  Window window_;
  size_t count_ = 0, blocks_ = 0;
  const uint8_t* payload_ = nullptr;
  const uint8_t* end_ = nullptr;
  // Patches that were not used yet: where the next one is, and the bytes of its high part and of
  // those behind it.
  size_t patch_at_ = 0;
  Unread patches_;
  // The restart point of block restarts_read_ - 1, and the bytes of those behind it.
  size_t restarts_read_ = 0;
  RestartPoint restart_;
  Unread restarts_;
};

// Reads what AppendPacked wrote; it ends where the bytes end.
class PackedReader {
 public:
  // False: such a sequence does not begin so. REQUIRES: count > 0.
  bool Open(Unread unread, size_t count, Predictor predictor);

  // The integers [kRestart * block, …) of one block, BlockSize(block) of them. Blocks are asked for
  // in ascending order. False: damaged.
  bool Read(size_t block, IntegerBlock& out);
  size_t BlockSize(size_t block) const { return std::min(kRestart, count_ - block * kRestart); }

 private:
  bool NextSegment(size_t segment);

  Predictor predictor_ = Predictor::kNone;
  size_t count_ = 0;
  SegmentReader reader_;
  // Of a sequence in segments: the one that is read, the sizes of those behind it, their bytes.
  bool segmented_ = false;
  size_t segments_open_ = 0;
  Unread sizes_, segments_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_PACKED_INTEGERS_H_
