// Replay: builds the head from the log, at start.
//
// Threads: one, before anybody else uses the head. Records that make no sense are left out, counted
// and reported.
#ifndef SLOWBURN_TSDB_REPLAY_H_
#define SLOWBURN_TSDB_REPLAY_H_

#include <cstdint>
#include <functional>

#include "absl/container/flat_hash_map.h"
#include "tsdb/committer.h"
#include "tsdb/head.h"
#include "tsdb/rocks_log.h"

namespace slowburn::tsdb {

struct ReplayResult {
  Committer::LogState log;  // where this process goes on
  uint64_t records = 0, samples = 0, unreadable = 0;
};

// Samples from before `retain_from` are left out. `progress` may be empty.
ReplayResult Replay(const RocksLog& log, Head& head, TimestampMs retain_from,
                    const std::function<void(uint64_t done, uint64_t total)>& progress);

// Applies decoded records in their order.
class RecordReplayer {
 public:
  RecordReplayer(Head& head, TimestampMs retain_from) : head_(head), retain_from_(retain_from) {}
  // The newest time in the record is added to `newest`. Returns how many samples were kept.
  uint64_t Apply(uint32_t partition, CommitRecord& record, TimestampMs& newest);

 private:
  // A series is made when a sample of it is kept: most of an old partition's are not.
  struct Named {
    Slot slot = kNoSlot;
    Labels labels;  // until it is made
  };
  bool Keep(uint32_t id, TimestampMs t, uint64_t bits, const HistogramPtr& histogram,
            TimestampMs start);

  Head& head_;
  const TimestampMs retain_from_;
  uint64_t run_ = 0;
  uint32_t partition_ = 0;
  absl::flat_hash_map<uint32_t, Named> names_;  // of the run and partition
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_REPLAY_H_
