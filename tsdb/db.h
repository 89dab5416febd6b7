// Db: the embedded time-series store in one directory.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Db> db, Db::Open(options, clock, registry));
//
// The directory holds FORMAT (a version), LOCK, log/ (the log of accepted samples),
// blocks/ (RocksDB: sealed row groups), state/ (RocksDB: see base/state_store.h). A commit is in
// the log before it is visible; Open replays it. tsdb/FORMAT.md is the grammar of what is on disk.
//
// Threads: thread-safe. Errors of Open: kFailedPrecondition (locked by a living process, or written
// by a later version,
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
#include "tsdb/commit_tap.h"
#include "tsdb/limits.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

class LogFiles;

enum class WalSync { kAlways, kInterval, kOs };

struct DbOptions {
  std::string path;
  WalSync wal_sync = WalSync::kInterval;
  DurationMs wal_sync_interval_ms = 200;
  DurationMs retention_ms = base::kDay;  // 0: for ever
  DurationMs out_of_order_window_ms = 0;
  DurationMs max_future_ms = 10 * base::kMinute;
  size_t max_exemplars = 100000;
  Limits limits;
  // Called from Open's thread while the log is replayed; done and total in the same unit. May be
  // empty.
  std::function<void(uint64_t done, uint64_t total)> on_replay;
  // Disks that fail when told to, or null. The log's outlives the Db.
  LogFiles* log_files_for_test = nullptr;
  void* env_for_test = nullptr;  // a rocksdb::Env, of everything else
};

struct DbStats {
  uint64_t series = 0, samples = 0, label_pairs = 0;
  TimestampMs min_time = kMaxTime, max_time = kMinTime;
  uint64_t wal_bytes = 0, block_bytes = 0;
  struct Count {
    std::string name;
    uint64_t value = 0;
  };
  // Top `limit` of each, descending: for /api/v1/status/tsdb.
  std::vector<Count> series_by_metric, values_by_label, bytes_by_label, series_by_pair;
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
  virtual DbStats Stats(size_t limit) const = 0;
  // Drops what is older than retention. Called by a timer of app; cheap when there is nothing to
  // do.
  virtual absl::Status ApplyRetention() = 0;
  virtual void SetOutOfOrderWindow(DurationMs window) = 0;  // at configuration reload
  // Syncs the log. The destructor does this as well.
  virtual absl::Status Flush() = 0;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_DB_H_
