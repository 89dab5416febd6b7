// Snapshots: which commits and which blocks each reader sees, and when memory that readers may
// still look at can be freed.
//
// A reader registers the last published commit and sees nothing later. A publisher holds Publishing
// while it changes the head, so that no reader begins in the middle of a commit. Memory that was
// taken out of the head is retired: it is freed when every reader from before is gone.
//
// With the commit a reader gets the view of the blocks, in one step. What a seal has put into
// blocks is therefore for each reader in the head (those from before PublishSeal), or in the blocks
// (those from after it); and the blocks hold nothing of a commit that the reader does not see.
//
// Threads: thread-safe; one Publishing at a time.
#ifndef SLOWBURN_TSDB_SNAPSHOTS_H_
#define SLOWBURN_TSDB_SNAPSHOTS_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "tsdb/chunk.h"

namespace slowburn::tsdb {

class BlockStore;
class BlockView;

using CommitNumber = uint64_t;  // 0: before the first
using SealNumber = uint64_t;    // 0: before the first of this run

// What a reader sees of the head.
struct ReadPoint {
  CommitNumber commit = 0;
  SealNumber seal = 0;  // the seals up to this one are in its blocks
};

class Snapshots {
 public:
  Snapshots() = default;
  ~Snapshots();
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  // A reader, from construction to destruction.
  class Reader {
   public:
    explicit Reader(Snapshots& snapshots);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    const ReadPoint& point() const { return point_; }
    // Null while there is none.
    const std::shared_ptr<const BlockView>& blocks() const { return blocks_; }

   private:
    Snapshots& snapshots_;
    uint64_t id_ = 0;
    ReadPoint point_;
    std::shared_ptr<const BlockView> blocks_;
  };

  // While it lives no reader begins. Construct, change the head, Publish.
  class ABSL_SCOPED_LOCKABLE Publishing {
   public:
    explicit Publishing(Snapshots& snapshots) ABSL_EXCLUSIVE_LOCK_FUNCTION(snapshots.mu_);
    ~Publishing() ABSL_UNLOCK_FUNCTION();
    // Some reader sees `commit` and not what came after. False positives are fine.
    bool HasReaderFrom(CommitNumber commit) const { return has_reader_ && newest_ >= commit; }
    // Nobody sees less than this.
    CommitNumber oldest() const { return oldest_; }
    void Publish(CommitNumber commit);

   private:
    Snapshots& snapshots_;
    bool has_reader_ = false;
    CommitNumber newest_ = 0, oldest_ = 0;
  };

  CommitNumber published() const;
  void Retire(std::vector<ClosedChunk*> chunks);

  // Readers get the store's present view from now on. It holds the same samples as the one before,
  // but for what was deleted.
  void RefreshBlocks(const BlockStore& store);
  // The same when it holds what `seal` took out of the head. Returns a mark of the readers from
  // before.
  uint64_t PublishSeal(const BlockStore& store, SealNumber seal);
  bool HasReadersBefore(uint64_t mark) const;
  // False when `stop` became true first (see WakeWaiters), or when it took longer than `limit`, by
  // the clock and about.
  bool WaitForReadersBefore(uint64_t mark, const std::atomic<bool>& stop, const base::Clock& clock,
                            std::chrono::nanoseconds limit);
  void WakeWaiters();

 private:
  void FreeRetired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasBefore(uint64_t mark) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !readers_.empty() && readers_.begin()->first < mark;
  }

  mutable base::Mutex mu_;
  base::CondVar reader_gone_;
  int waiters_ ABSL_GUARDED_BY(mu_) = 0;
  CommitNumber published_ ABSL_GUARDED_BY(mu_) = 0;
  SealNumber sealed_ ABSL_GUARDED_BY(mu_) = 0;
  std::shared_ptr<const BlockView> blocks_ ABSL_GUARDED_BY(mu_);
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 1;
  std::map<uint64_t, CommitNumber> readers_ ABSL_GUARDED_BY(mu_);
  // With the id that the next reader had when they were retired.
  std::deque<std::pair<uint64_t, std::vector<ClosedChunk*>>> retired_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SNAPSHOTS_H_
