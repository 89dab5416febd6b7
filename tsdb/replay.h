// Replay: builds the head from the log, at start.
//
// What the log says is sealed is passed over (see SealMark); what came after that seal is judged as
// it was then, with the help of the blocks.
//
// Threads: one, before anybody else uses the head. Records that make no sense are left out, counted
// and reported.
#ifndef SLOWBURN_TSDB_REPLAY_H_
#define SLOWBURN_TSDB_REPLAY_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tsdb/commit_log.h"
#include "tsdb/committer.h"
#include "tsdb/head.h"
#include "tsdb/sealed_samples.h"

namespace slowburn::tsdb {

struct ReplayResult {
  Committer::LogState log;  // where this process goes on
  uint64_t records = 0, samples = 0, unreadable = 0;
};

// Samples from before `retain_from`, and those that are in the blocks of `view`, are left out.
// `view` and `progress` may be empty.
ReplayResult Replay(const CommitLog& log, Head& head, TimestampMs retain_from,
                    std::shared_ptr<const BlockView> view,
                    const std::function<void(uint64_t done, uint64_t total)>& progress);

// Applies decoded records in their order.
class RecordReplayer {
 public:
  RecordReplayer(Head& head, TimestampMs retain_from, std::shared_ptr<const BlockView> view);
  // The newest time in the record is added to `newest`. Returns how many samples were kept.
  uint64_t Apply(const LogKey& key, CommitRecord& record, TimestampMs& newest);

 private:
  // The slots of ids: ids of one run are dense, and records go through them in order.
  class SlotMap {
   public:
    Slot Find(uint32_t id) const {
      const size_t page = id / kPerPage;
      return page < pages_.size() && pages_[page] != nullptr ? (*pages_[page])[id % kPerPage]
                                                             : kNoSlot;
    }
    void Set(uint32_t id, Slot slot);
    void Clear() { pages_.clear(); }

   private:
    static constexpr size_t kPerPage = 4096;
    std::vector<std::unique_ptr<std::array<Slot, kPerPage>>> pages_;
  };

  bool Keep(uint32_t id, TimestampMs t, uint64_t bits, const HistogramPtr& histogram,
            TimestampMs start);
  bool IsSealed(TimestampMs t) const { return record_is_sealed_ && t < mark_.until; }
  bool IsInBlocks(Slot slot, TimestampMs t, uint64_t bits, const HistogramPtr& histogram);
  Slot SlotOf(uint32_t id);
  Slot Make(uint32_t id);
  void KeepExemplar(uint32_t id, Exemplar exemplar);

  Head& head_;
  const TimestampMs retain_from_;
  const SealedSamples sealed_;
  const SealMark mark_;
  const CommitNumber commit_;
  bool record_is_sealed_ = false;  // what it has before mark_.until is in blocks
  uint64_t run_ = 0;
  uint32_t partition_ = 0;
  // Of the run and partition. A series is made when a sample of it is kept: most of an old
  // partition's are not.
  SlotMap slots_;
  absl::flat_hash_map<uint32_t, Labels> unmade_;
  std::vector<Slot> made_;  // by the record at hand
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_REPLAY_H_
