// SliceLog: how many events fell into which slice of time, and how many fell before a given moment.
//
// A slice is ten seconds, left-open as Prometheus' windows are: slice s holds the samples of
// (s·10 s, (s+1)·10 s]. 360 slices make a block of an hour. The count of a window is the difference
// of two Before() calls, each one cached prefix sum over blocks plus the sum of at most 360 narrow
// integers: its cost depends neither on the window's length nor on the number of series.
//
// Blocks older than fine_ms (counted from the newest block) keep one entry a minute instead of six,
// those older than keep_ms are dropped. An edge that falls into a coarse block is moved back to its
// minute: Edge() tells. Coverage is a bit a slice: was anything measured there? It is kept apart
// from counts, because a service without traffic is measured, and one that nobody scrapes is not.
//
// Not thread-safe, not even Before(), which fills the cache.
#ifndef SLOWBURN_SLO_SLICE_LOG_H_
#define SLOWBURN_SLO_SLICE_LOG_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "slo/event_count.h"
#include "slo/slice_column.h"

namespace slowburn::slo {

using base::DurationMs;
using base::TimestampMs;

inline constexpr DurationMs kSliceMs = 10 * base::kSecond;
inline constexpr int64_t kSlicesPerBlock = 360;
inline constexpr int64_t kCoarseFactor = 6;  // slices in an entry of a coarse block
inline constexpr DurationMs kBlockMs = kSliceMs * kSlicesPerBlock;

// The slice that holds a sample of time t.
int64_t SliceOf(TimestampMs t);
// The latest multiple of kSliceMs that is not after t, and the earliest that is not before it.
TimestampMs FloorToSlice(TimestampMs t);
TimestampMs CeilToSlice(TimestampMs t);

struct SliceTotals {
  EventCount part, total;
  int64_t covered = 0;  // slices
  friend SliceTotals operator-(const SliceTotals& a, const SliceTotals& b) {
    return {a.part - b.part, a.total - b.total, a.covered - b.covered};
  }
  friend bool operator==(const SliceTotals&, const SliceTotals&) = default;
};

class SliceLog {
 public:
  struct Options {
    DurationMs keep_ms = 61 * base::kDay;
    DurationMs fine_ms = 4 * base::kDay;
  };
  explicit SliceLog(Options options) : options_(options) {}

  // Lengthens what is kept, never shortens it.
  void Extend(Options options);
  const Options& options() const { return options_; }

  // Adds to the slice of t; dropped silently when that is older than what is kept.
  void AddPart(TimestampMs t, EventCount delta);
  void AddTotal(TimestampMs t, EventCount delta);
  // Something was measured in (after, until].
  void Cover(TimestampMs after, TimestampMs until);

  // Of all samples with time <= edge. `edge` is moved as Edge() says.
  SliceTotals Before(TimestampMs edge) const;
  // `edge` rounded down to a slice, or to a minute where slices are coarse.
  TimestampMs Edge(TimestampMs edge) const;
  // Of the newest slice that is covered; the least time when none is.
  TimestampMs CoveredUntil() const;
  // Of the oldest slice kept; the greatest time when there is none.
  TimestampMs Begin() const;

  // Forgets everything after `edge`, which is a multiple of a minute.
  void TruncateAfter(TimestampMs edge);

  // Blocks for the disk: changed since the last TakeChanged, or all of them. Index = hours since
  // the epoch.
  struct EncodedBlock {
    int64_t index = 0;
    std::string bytes;
  };
  std::vector<EncodedBlock> TakeChanged();
  void MarkAllChanged();
  void MarkChanged(int64_t index);
  int64_t first_index() const { return blocks_.empty() ? 0 : blocks_.front().index; }
  // Takes a block from the disk, replacing what is there. False: the bytes are not a block.
  bool LoadBlock(int64_t index, std::string_view bytes);

  size_t MemoryBytes() const;

 private:
  struct Block {
    explicit Block(int64_t i) : index(i), part(kSlicesPerBlock), total(kSlicesPerBlock) {}
    int64_t index;
    int64_t factor = 1;  // slices an entry
    bool changed = true;
    SliceColumn part, total;
    std::array<uint64_t, 6> covered{};  // bit i: slice i
  };

  // Null when the block would be too old to keep. `at` becomes its place in blocks_.
  Block* FindOrMake(int64_t index, size_t& at);
  size_t LowerBound(int64_t index) const;
  void Add(SliceColumn Block::*column, TimestampMs t, EventCount delta);
  void Touch(size_t at);
  void Age();  // coarsens and drops what the newest block made old
  static void Coarsen(Block& block);
  static SliceTotals SumOf(const Block& block, int64_t slices);

  Options options_;
  std::vector<Block> blocks_;  // ascending, sparse
  // prefix_[i] = sum of blocks_[0, i), right for i < valid_.
  mutable std::vector<SliceTotals> prefix_;
  mutable size_t valid_ = 0;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLICE_LOG_H_
