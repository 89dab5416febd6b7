// Keeper: everything that happens to stored samples without a commit: it decides when the head is
// sealed, what is too old or too much, and when blocks are rewritten; and it deletes.
//
//   a thread that seals      when the head reaches over more than a partition and a delay, or grows
//                            beyond its limit
//   a thread that rewrites   blocks, at the lowest priority and with rests, so that it takes at
//                            most three tenths of a core
//
// Threads: thread-safe. Lifetimes: borrows everything. Locks: mu_ (one seal, sweep or deletion at a
// time) before the commit lock.
#ifndef SLOWBURN_TSDB_KEEPER_H_
#define SLOWBURN_TSDB_KEEPER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "tsdb/block_store.h"
#include "tsdb/committer.h"
#include "tsdb/db_metrics.h"
#include "tsdb/head.h"
#include "tsdb/sealer.h"

namespace slowburn::tsdb {

struct KeeperOptions {
  DurationMs retention_ms = 0;   // 0: for ever
  uint64_t retention_bytes = 0;  // of blocks and log; 0: any
  DurationMs cold_after_ms = base::kDay;
  std::function<uint64_t()> log_bytes;
};

class Keeper {
 public:
  Keeper(const KeeperOptions& options, Head& head, Committer& committer, BlockStore& blocks,
         const base::Clock& clock, DbMetrics& metrics);
  ~Keeper();  // Stop

  void StartThreads();
  void Stop();

  // What the sealing thread does each second, with kLeave.
  absl::Status SealIfDue(Sealer::OldReaders readers);
  // Seals everything; see Sealer. kUnavailable: with kWait nothing could be sealed.
  absl::Status SealAll(Sealer::OldReaders readers);
  // Hides what is too old at once; frees it, and drops blocks that are too old or too much, when it
  // is due and no seal is under way.
  absl::Status ApplyRetention();
  // Seals everything, then deletes in the blocks. Returns how many series of how many blocks were
  // touched. The caller has no Querier.
  absl::StatusOr<uint64_t> Delete(const std::vector<Matchers>& any_of, TimeRange range);
  absl::Status CleanTombstones();
  // Calls `look` while nothing is sealed, deleted or dropped, and no file of the log goes.
  absl::Status BetweenSeals(const std::function<absl::Status()>& look);
  // One piece of rewriting. False: there was nothing to do.
  absl::StatusOr<bool> Rewrite();

  void UpdateGauges();

 private:
  bool IsDue(TimestampMs& until) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status SealLocked(TimestampMs until, Sealer::OldReaders readers, bool& sealed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RetainLocked(TimestampMs from) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status DropBlocks(TimestampMs from) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PublishBlocks() { head_.snapshots().RefreshBlocks(blocks_); }
  TimestampMs NewestTime() const;
  void SealLoop();
  void RewriteLoop();
  // False when it is time to stop.
  bool Rest(int64_t nanoseconds);
  absl::StatusOr<bool> RewriteWith(const std::function<bool()>& go_on)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(rewrite_mu_);

  const KeeperOptions options_;
  Head& head_;
  Committer& committer_;
  BlockStore& blocks_;
  const base::Clock& clock_;
  DbMetrics& metrics_;

  base::Mutex rewrite_mu_;  // one rewrite at a time; never together with mu_
  base::Mutex mu_;
  Sealer sealer_;  // under mu_, but for Stop
  int64_t sealed_at_ns_ ABSL_GUARDED_BY(mu_) = INT64_MIN;
  int64_t not_before_ns_ ABSL_GUARDED_BY(mu_) = INT64_MIN;  // of the next try after a failure
  TimestampMs swept_from_ ABSL_GUARDED_BY(mu_) = kMinTime;

  std::atomic<bool> stop_{false};
  base::Mutex rest_mu_;
  base::CondVar rest_over_;
  std::vector<std::thread> threads_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_KEEPER_H_
