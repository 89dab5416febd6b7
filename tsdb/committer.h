// Committer: the one writer of the store. Appenders bring their work; whoever holds the commit lock
// takes all the work that waits, judges it in order, writes one batch to the log, publishes commit
// by commit, and tells the taps.
//
//   admit     is there room on the disk and in memory? Else everybody gets kUnavailable
//   judge     against the newest sample of each series, counting those of the group that are not
//             published yet, and against what is stored at the same time, here or in blocks
//   log       one record a commit, in the order of judging: replaying them builds the same state
//   publish   Head::Apply: a reader sees a commit as a whole or not at all
//   undo      when the log fails: nothing of the group happened, everybody gets kUnavailable
//
// Threads: thread-safe. Lifetimes: borrows head, log, blocks, clock and metrics. Locks: see head.h.
#ifndef SLOWBURN_TSDB_COMMITTER_H_
#define SLOWBURN_TSDB_COMMITTER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "tsdb/block_store.h"
#include "tsdb/commit_log.h"
#include "tsdb/commit_record.h"
#include "tsdb/commit_tap.h"
#include "tsdb/db_metrics.h"
#include "tsdb/head.h"
#include "tsdb/sealed_samples.h"

namespace slowburn::tsdb {

// What one appender wants committed, and what became of it.
struct CommitWork {
  struct Call {
    TimestampMs t = 0;
    uint64_t bits = 0;
    Slot slot = kNoSlot;
    uint32_t detail = 0;  // 1 + index into details; 0: none
  };
  struct Detail {
    HistogramPtr histogram;
    TimestampMs start = 0;
    SeriesRef ref{};  // when it is not that of the slot
  };
  std::vector<Call> calls;
  std::vector<Detail> details;
  std::vector<ExemplarRing::Staged> exemplars;
  std::vector<uint32_t> exemplar_places;  // how many calls were before each
  std::vector<std::pair<std::string, Metadata>> metadata;
  absl::flat_hash_set<Slot> reserved;

  absl::Status status;
  CommitResult result;
  bool done = false;  // under the commit lock
};

struct CommitterOptions {
  LogSync sync = LogSync::kNone;
  std::function<uint64_t()> free_bytes;  // of the disk; empty: enough
  DurationMs retention_ms = 0;
  DurationMs max_future_ms = 0;
  DurationMs out_of_order_window_ms = 0;
};

class Committer {
 public:
  // Where the log stood when it was read.
  struct LogState {
    uint64_t next_sequence = 1;
    uint64_t run = 1;  // of this process
    uint32_t partition = 0;
    struct Partition {
      TimestampMs newest = kMinTime;  // of its samples
      TimestampMs newest_exemplar = kMinTime;
      uint64_t last_sequence = 0;
    };
    std::map<uint32_t, Partition> partitions;  // those that have records
  };
  Committer(const CommitterOptions& options, const base::Clock& clock, Head& head, CommitLog& log,
            BlockStore& blocks, DbMetrics& metrics, LogState state);

  void Commit(CommitWork& work);

  void AddTap(CommitTap* tap);
  void RemoveTap(CommitTap* tap);
  void SetOutOfOrderWindow(DurationMs window);
  // Hides samples from before `from`.
  void Retain(TimestampMs from);

  // --- One thread at a time: a seal, a sweep or a deletion.

  // Names what a seal takes: the samples before `until`, which may be kAllSamples, of the commits
  // so far. It is never less than what earlier seals took.
  static constexpr TimestampMs kAllSamples = kMaxTime;
  struct SealStart {
    TimestampMs until = kMinTime;
    uint64_t sequence = 0;
    SealNumber number = 0;
  };
  SealStart BeginSeal(TimestampMs until);
  // Head::CloseBefore.
  void CloseBefore(std::span<const Slot> slots, TimestampMs until,
                   Head::PartitionSlots& partitions);
  // Frees what retention hides, what is in blocks if asked to, and series that got nothing for a
  // while; a page of series at a time, so that commits go on in between. Then DropLog.
  absl::Status Sweep(Head::Marked marked);
  // Drops the files of the log that are not needed any more: all that they have is in blocks, or
  // retention hides it.
  absl::Status DropLog();
  // After samples of these series in the range were deleted from the blocks: samples of the same
  // times may come again, and exemplars go too.
  void ForgetDeleted(const std::vector<Slot>& slots, TimeRange range);
  // Calls `look` while nothing is committed: what is in the log is what was acknowledged.
  absl::Status BetweenCommits(const std::function<absl::Status()>& look);
  // True once after something was logged without being synced.
  bool TakeUnsynced() { return unsynced_.exchange(false); }

 private:
  struct Tap {
    CommitTap* tap = nullptr;
    absl::flat_hash_set<Slot> wanted;
    std::vector<TappedSample> samples;  // scratch of one commit
  };
  struct Group;

  void CommitGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void BeginGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void TakeGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  absl::Status Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  absl::Status JudgeAndLog() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void EnterPartition() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  TimestampMs NewestOfGroup() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void BeginPartition(TimestampMs newest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void RepeatMetadata() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void Judge(CommitWork& work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  bool JudgeSample(CommitWork& work, const CommitWork::Call& call, Rejection& reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  bool JudgeLate(CommitWork& work, Series& series, const CommitWork::Call& call, Rejection& reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  const SealedSamples& sealed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void FindNewest(Series& series, Slot slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  Head::Stored ComparePending(const CommitWork& work, const Series& series,
                              const CommitWork::Call& call)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void Stage(CommitWork& work, Series& series, const CommitWork::Call& call, bool late)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void Reject(CommitWork& work, size_t call, Rejection reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void DefineSeries(Series& series, Slot slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void JudgeExemplars(CommitWork& work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  absl::Status WriteLog() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void Undo() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void Publish(size_t member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void AskTaps(Slot slot, const Labels& labels, CommitTap::Past past)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void TellTaps(std::span<const StagedSample> samples) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  void Count(const CommitWork& work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  bool LogExemplars() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);
  absl::Status DropLogLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mu_);

  const base::Clock& clock_;
  Head& head_;
  CommitLog& log_;
  BlockStore& blocks_;
  DbMetrics& metrics_;
  const CommitterOptions options_;
  std::atomic<bool> unsynced_{false};

  base::Mutex queue_mu_;
  std::vector<CommitWork*> queue_ ABSL_GUARDED_BY(queue_mu_);

  base::Mutex commit_mu_;
  DurationMs out_of_order_window_ ABSL_GUARDED_BY(commit_mu_);
  LogState state_ ABSL_GUARDED_BY(commit_mu_);
  // The last write failed: resume, and name all series anew.
  bool broken_ ABSL_GUARDED_BY(commit_mu_) = false;
  // A newer sample begins another partition of the log.
  TimestampMs partition_until_ ABSL_GUARDED_BY(commit_mu_) = kMaxTime;
  bool metadata_logged_ ABSL_GUARDED_BY(commit_mu_) = false;  // in this partition
  bool exemplars_logged_ ABSL_GUARDED_BY(commit_mu_) = true;  // the log may have some
  // What is no sample stands in the log behind the last seal once more.
  bool others_repeated_ ABSL_GUARDED_BY(commit_mu_) = true;
  std::vector<Tap> taps_ ABSL_GUARDED_BY(commit_mu_);
  int64_t disk_checked_ns_ ABSL_GUARDED_BY(commit_mu_) = INT64_MIN;
  uint64_t free_bytes_ ABSL_GUARDED_BY(commit_mu_) = UINT64_MAX;
  // Of the group at hand.
  std::optional<SealedSamples> sealed_ ABSL_GUARDED_BY(commit_mu_);
  struct Member {
    CommitWork* work = nullptr;
    size_t first_sample = 0, end_sample = 0;      // in staged_
    size_t first_exemplar = 0, end_exemplar = 0;  // in staged_exemplars_
    uint64_t sequence = 0;
    std::string record;  // empty: nothing to log
  };
  std::vector<Member> group_ ABSL_GUARDED_BY(commit_mu_);
  std::vector<StagedSample> staged_ ABSL_GUARDED_BY(commit_mu_);
  std::vector<StagedDetail> staged_details_ ABSL_GUARDED_BY(commit_mu_);
  std::vector<ExemplarRing::Staged> staged_exemplars_ ABSL_GUARDED_BY(commit_mu_);
  RecordWriter writer_ ABSL_GUARDED_BY(commit_mu_);
  TimestampMs accept_from_ ABSL_GUARDED_BY(commit_mu_) = kMinTime;  // the bounds of the group
  TimestampMs accept_to_ ABSL_GUARDED_BY(commit_mu_) = kMaxTime;    // including
  // Staged samples by series and time; kept from the first sample of the group that is out of order
  // on.
  bool pending_known_ ABSL_GUARDED_BY(commit_mu_) = false;
  absl::flat_hash_map<std::pair<Slot, TimestampMs>, uint32_t> pending_ ABSL_GUARDED_BY(commit_mu_);
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_COMMITTER_H_
