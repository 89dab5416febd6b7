// Series: what the head keeps of one series, one cache line; and the table of all of them.
//
// Who may touch what (commit: the holder of Db's commit lock; shard: the lock of the series'
// shard):
//   - `labels`: constant from before the slot is handed out until the series is dead.
//   - leader members: the commit lock. Readers look at the atomics only, as hints.
//   - shard members: changed under both locks, so the committer reads them with its own lock alone.
// Slots are never used twice in one run, so that a SeriesRef can be refused for ever.
#ifndef SLOWBURN_TSDB_SERIES_H_
#define SLOWBURN_TSDB_SERIES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tsdb/chunk.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

using Slot = uint32_t;
inline constexpr Slot kNoSlot = ~Slot{0};

inline SeriesRef ToRef(Slot slot) { return SeriesRef{uint64_t{slot} + 1}; }
inline Slot ToSlot(SeriesRef ref) {
  const uint64_t value = static_cast<uint64_t>(ref);
  return value == 0 || value > kNoSlot ? kNoSlot : static_cast<Slot>(value - 1);
}

// A sample that came out of order. Where a time is here and in a chunk, this one counts (see Db's
// replay).
struct LateSample {
  TimestampMs t = 0;
  double v = 0;
  HistogramPtr histogram;
  TimestampMs start = 0;
  uint64_t commit : 63 = 0;
  uint64_t in_blocks : 1 = 0;  // see Head's sealing
};

// What few or only older series have.
struct SeriesExtra {
  std::vector<ClosedChunk*> closed;  // ascending
  // The open chunk, when its samples are histograms.
  std::unique_ptr<HistogramColumn> open_histograms;
  std::vector<LateSample> late;   // ascending, unique t
  TimestampMs start = 0;          // of the last sample of the open chunk
  HistogramPtr newest_histogram;  // leader: the newest sample, if it is one

  ~SeriesExtra();
};

enum class SeriesState : uint8_t {
  kNone,      // no such series
  kReserved,  // resolved by an appender that is still under way; has no samples
  kLive,
  kDead,  // dropped by retention, roll-back, or after a seal
};

struct alignas(64) Series {
  // Leader.
  // With kHasSamples: time of the newest accepted sample, which may not be published yet, wherever
  // it is. Without: no exemplar is later (there is no sample in the head; the blocks may have
  // some).
  std::atomic<TimestampMs> newest{0};
  uint64_t newest_bits = 0;
  // Constant.
  const uint32_t* labels = nullptr;  // LabelIndex's pair ids
  // Shard.
  OpenChunk* open = nullptr;
  SeriesExtra* extra = nullptr;
  uint64_t last_commit = 0;  // that changed the published samples
  uint32_t appended = 0;     // samples in order so far, modulo 2^32
  int32_t delta = 0;         // these four are ColumnTail's, of the open chunk
  uint16_t open_size = 0;
  uint8_t open_capacity = 0;  // in steps of OpenChunk::kStep
  uint8_t open_count = 0;
  uint8_t exponent : 4 = 0;
  bool run_open : 1 = false;
  bool has_start : 1 = false;  // extra->start is not 0
  // Leader.
  enum LeaderFlag : uint8_t {
    kHasSamples = 1,  // newest and newest_bits are known
    kNewestIsHistogram = 2,
    kLogged = 4,  // its labels are in the current partition of the log
    kTapped = 8,
    kPending = 16,  // has samples that were judged and are not published
  };
  uint8_t leader_flags = 0;
  std::atomic<SeriesState> state{SeriesState::kNone};

  bool Is(LeaderFlag flag) const { return (leader_flags & flag) != 0; }
  void Set(LeaderFlag flag, bool on = true) {
    leader_flags = static_cast<uint8_t>(on ? leader_flags | flag : leader_flags & ~flag);
  }
};
static_assert(sizeof(Series) == 64);

// Threads: Find and the atomics from any thread; Allocate and Bury under the lock of the index.
class SeriesTable {
 public:
  SeriesTable();
  ~SeriesTable();  // frees the series' chunks too
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  static constexpr size_t kPerPage = 4096;

  // kNoSlot when every slot of this run was used.
  Slot Allocate();
  // nullptr when the slot was never handed out.
  Series* Find(Slot slot) const {
    const Slot end = end_.load(std::memory_order_acquire);
    return slot < end ? &pages_[slot / kPerPage].load(std::memory_order_acquire)[slot % kPerPage]
                      : nullptr;
  }
  Series& operator[](Slot slot) const {  // REQUIRES: slot < end()
    return pages_[slot / kPerPage].load(std::memory_order_relaxed)[slot % kPerPage];
  }
  Slot end() const { return end_.load(std::memory_order_acquire); }

  // The series has died: its memory but for the record is freed, and the record's page when all of
  // it is dead. REQUIRES: the locks of the index and of its shard; its closed chunks were retired.
  void Bury(Slot slot);

 private:
  using Page = std::atomic<Series*>;
  static void Free(Series& series);

  Page* const pages_;  // zeroed address space for every slot there may be
  std::atomic<Slot> end_{0};
  std::vector<uint16_t> buried_;  // by page
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SERIES_H_
