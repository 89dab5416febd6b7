// Snapshots: which commits each reader sees, and when memory that readers may still look at can be
// freed.
//
// A reader registers the last published commit and sees nothing later. A publisher holds Publishing
// while it changes the head, so that no reader begins in the middle of a commit. Memory that was
// taken out of the head is retired: it is freed when every reader from before is gone.
//
// Threads: thread-safe; one Publishing at a time.
#ifndef SLOWBURN_TSDB_SNAPSHOTS_H_
#define SLOWBURN_TSDB_SNAPSHOTS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "tsdb/chunk.h"

namespace slowburn::tsdb {

using CommitNumber = uint64_t;  // 0: before the first

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
    CommitNumber commit() const { return commit_; }

   private:
    Snapshots& snapshots_;
    uint64_t id_ = 0;
    CommitNumber commit_ = 0;
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
  void Retire(std::vector<SealedChunk*> chunks);

 private:
  void FreeRetired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable base::Mutex mu_;
  CommitNumber published_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 1;
  std::map<uint64_t, CommitNumber> readers_ ABSL_GUARDED_BY(mu_);
  // With the id that the next reader had when they were retired.
  std::deque<std::pair<uint64_t, std::vector<SealedChunk*>>> retired_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SNAPSHOTS_H_
