// A sequence of 64-bit integers in patched bit-packing: what is left of each after a prediction is
// one of 2^width values, except for a few, which are patched.
//
//   none     predicts nothing: the integers lie close together
//   delta    predicts the integer before: a counter, a slow gauge
//   delta2   predicts the step before, too: what goes on as it went
//
// Every kRestart integers lies a restart point, so that a part is decoded without what is before
// it. All arithmetic wraps, so any integers can be packed. tsdb/FORMAT.md has the grammar.
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

namespace slowburn::tsdb {

enum class Predictor : uint8_t { kNone, kDelta, kDelta2 };
inline constexpr size_t kPredictors = 3;

inline constexpr size_t kRestart = 128;

// A block of integers, with room for what unpacking writes behind them.
using IntegerBlock = std::array<uint64_t, kRestart + 2 * kUnpackGroup>;

// The values in [reference, reference + 2^width) are packed, others are patched.
struct Window {
  int64_t reference = 0;
  unsigned width = 0;
};

// The first integer of a block and, for delta2, the step to the second.
struct RestartPoint {
  uint64_t value = 0, step = 0;
};

struct PackedPlan {
  Predictor predictor = Predictor::kNone;
  Window window;
  double bytes = 0;  // an estimate that is good to a few bytes
};

// REQUIRES: at least one integer; for PlanPackedAs, too.
PackedPlan PlanPacked(std::span<const int64_t> integers);
PackedPlan PlanPackedAs(std::span<const int64_t> integers, Predictor predictor);
void WritePacked(std::span<const int64_t> integers, const PackedPlan& plan, std::string& out);

// Reads what WritePacked wrote; it ends where the bytes end.
class PackedReader {
 public:
  // False: such a sequence does not begin so. Reads beyond `end` never happen.
  bool Open(const uint8_t* begin, const uint8_t* end, size_t count, Predictor predictor);

  // The integers [kRestart * block, …) of one block, BlockSize(block) of them. Blocks are asked for
  // in ascending order. False: damaged.
  bool Read(size_t block, IntegerBlock& out);
  size_t BlockSize(size_t block) const {
    return block + 1 < blocks_ ? kRestart : count_ - block * kRestart;
  }

 private:
  size_t PayloadBytes(size_t block_size) const;
  bool ReadRestarts(size_t block);
  void Unpack(size_t block, size_t count, uint64_t* out) const;
  bool Patch(size_t block, size_t first, IntegerBlock& out);

  Predictor predictor_ = Predictor::kNone;
  Window window_;
  size_t count_ = 0, blocks_ = 0;
  const uint8_t* payload_ = nullptr;
  const uint8_t* end_ = nullptr;
  // Patches that were not used yet: where the next one is, and the bytes of its high part and of
  // those behind it.
  size_t patch_at_ = 0;
  const uint8_t* patches_ = nullptr;
  const uint8_t* patches_end_ = nullptr;
  // The restart point of block restarts_read_ - 1, and the bytes of those behind it.
  size_t restarts_read_ = 0;
  RestartPoint restart_;
  const uint8_t* restarts_ = nullptr;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_PACKED_INTEGERS_H_
