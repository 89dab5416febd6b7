// Db: the embedded time-series store in one directory.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Db> db, Db::Open(options, clock, registry));
//
// The directory holds FORMAT (a version), LOCK, log/ (the log of accepted samples), blocks/
// (RocksDB: sealed samples, see tsdb/block_store.h), state/ (RocksDB: see base/state_store.h), and
// snapshots/ (tsdb/directory_snapshot.h). A commit is in the log before it is visible; Open replays
// it. What is some hours old is moved from memory and log into blocks, in the background.
// tsdb/FORMAT.md is the grammar of what is on disk.
//
// Threads: thread-safe.
// Errors of Open: kFailedPrecondition (locked by a living process, or written by a later version,
//   or a Prometheus directory: the message offers `slowburn tsdb import`), kDataLoss (unreadable
//   manifest; says what to do).
#ifndef SLOWBURN_TSDB_DB_H_
#define SLOWBURN_TSDB_DB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/state_store.h"
#include "tsdb/change_epochs.h"
#include "tsdb/commit_tap.h"
#include "tsdb/directory_snapshot.h"
#include "tsdb/limits.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

class LogFiles;

enum class WalSync { kAlways, kInterval, kOs };

class BlockStore;

struct DbOptions {
  std::string path;
  WalSync wal_sync = WalSync::kInterval;
  DurationMs wal_sync_interval_ms = 200;
  DurationMs retention_ms = 15 * base::kDay;  // 0: for ever
  uint64_t retention_bytes = 0;               // of blocks and log; 0: any
  DurationMs out_of_order_window_ms = 0;
  DurationMs max_future_ms = 10 * base::kMinute;
  size_t max_exemplars = 100000;
  Limits limits;
  // Called from Open's thread while the log is replayed; done and total in the same unit. May be
  // empty.
  std::function<void(uint64_t done, uint64_t total)> on_replay;
  // Seal, and rewrite blocks, in threads of its own. Without it only what is called happens.
  bool background = true;
  // Disks that fail when told to, or null. The log's outlives the Db.
  LogFiles* log_files_for_test = nullptr;
  void* env_for_test = nullptr;  // a rocksdb::Env, of everything else
  // Instead of those in the directory; outlives the Db.
  BlockStore* blocks_for_test = nullptr;
  std::function<uint64_t()> free_bytes_for_test;  // instead of the disk's
};

struct DbStats {
  uint64_t series = 0, samples = 0, label_pairs = 0, chunks = 0;  // in memory
  uint64_t blocks = 0, block_series = 0, block_samples = 0;       // a series counts in each block
  TimestampMs min_time = kMaxTime, max_time = kMinTime;           // of all
  TimestampMs head_min_time = kMaxTime, head_max_time = kMinTime;
  uint64_t wal_bytes = 0, block_bytes = 0, head_bytes = 0;
  struct Count {
    std::string name;
    uint64_t value = 0;
  };
  // Top `limit` of each, descending: for /api/v1/status/tsdb.
  std::vector<Count> series_by_metric, values_by_label, bytes_by_label, series_by_pair;
};

// Whether a snapshot has what is not in blocks yet.
enum class SnapshotHead { kWith, kWithout };

struct TakenSnapshot {
  std::string name, path;  // the directory, and where it is
  SnapshotStats stats;
};

class Db : public Storage {
 public:
  static absl::StatusOr<std::unique_ptr<Db>> Open(DbOptions options, const base::Clock& clock,
                                                  prometheus::Registry& registry);

  // The tap sees every commit that publishes after AddTap returns; a Querier made after that sees
  // every earlier one.
  virtual void AddTap(CommitTap* tap) = 0;
  virtual void RemoveTap(CommitTap* tap) = 0;  // no call runs after it returns

  virtual base::StateStore& state() = 0;
  virtual ChangeEpochs& changes() = 0;
  virtual DbStats Stats(size_t limit) const = 0;
  // Drops what is older than retention, or too much. Called by a timer of app; cheap when there is
  // nothing to do.
  virtual absl::Status ApplyRetention() = 0;

  // Moves samples into blocks: all of the commits that returned before, or what is due by their
  // time. Reads and commits go on meanwhile. With kWait the memory is free afterwards: it waits for
  // the Queriers from before, of which the caller has none, for half a minute at most; kUnavailable
  // when nothing could be moved. With kLeave nothing is moved while Queriers from before the last
  // move are still there.
  enum class SealWhat { kAll, kDue };
  enum class OldReaders { kWait, kLeave };
  virtual absl::Status Seal(SealWhat what, OldReaders readers) = 0;
  // Deletes the samples in the range of the series that match any of the selectors, and their
  // exemplars; all of the commits that returned before. Returns how many series of blocks were
  // touched. Later Queriers do not see them. Ledgers keep what they counted. kUnavailable: Queriers
  // from before, of which the caller has none, were there for more than half a minute.
  virtual absl::StatusOr<uint64_t> Delete(const std::vector<Matchers>& any_of, TimeRange range) = 0;
  // Frees the space of what was deleted.
  virtual absl::Status CleanTombstones() = 0;
  // Does one piece of what the background does with blocks. False: there was none.
  virtual absl::StatusOr<bool> RewriteBlocks() = 0;

  // A new directory in snapshots/, named by time and chance. It is one moment of everything: what a
  // kill at that moment would have left. All of the commits and changes of state that returned
  // before are in it; commits wait for as long as the state takes to be copied. Files that do not
  // change any more are linked, not copied, so a snapshot keeps the space of what is dropped later.
  virtual absl::StatusOr<TakenSnapshot> Snapshot(SnapshotHead head,
                                                 const SnapshotProgress& progress) = 0;

  virtual void SetOutOfOrderWindow(DurationMs window) = 0;  // at configuration reload
  // Syncs the log. The destructor does this as well.
  virtual absl::Status Flush() = 0;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_DB_H_
