// RecordReplayer: puts the records of the log into a head, in their order.
//
// Reading records and making series is the caller's thread; samples go into the head in windows, by
// other threads (ReplayWorkers).
//
// Threads: one. Lifetimes: borrows the head, which nobody else uses until Finish.
#ifndef SLOWBURN_TSDB_RECORD_REPLAYER_H_
#define SLOWBURN_TSDB_RECORD_REPLAYER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/head.h"
#include "tsdb/log_entry.h"
#include "tsdb/logged_names.h"
#include "tsdb/record_parts.h"
#include "tsdb/replay_workers.h"
#include "tsdb/sealed_samples.h"

namespace slowburn::tsdb {

class RecordReplayer : private DetailTarget {
 public:
  // `view` may be empty. `threads` besides the caller.
  RecordReplayer(Head& head, TimestampMs retain_from, std::shared_ptr<const BlockView> view,
                 size_t threads);
  ~RecordReplayer() override;

  struct Times {
    TimestampMs newest = kMinTime;  // of samples
    TimestampMs newest_exemplar = kMinTime;
  };
  // Takes what `record` has, and adds its times to `times`. kDataLoss: its samples make no sense,
  // and nothing happened.
  absl::Status Apply(const LogKey& key, RecordParts& record, Times& times);
  // Everything is in the head. Returns how many samples were kept.
  uint64_t Finish() { return workers_.Finish(); }

 private:
  void Keep(const LoggedSample& sample, const LoggedDetail& detail, ReplayTally& tally) override;
  bool IsInBlocks(const LoggedSample& sample, const LoggedDetail& detail);

  bool Scan(const RecordParts& record, bool names_are_known);
  void AddRun(const SampleSection::Sample& sample, uint64_t at, TimestampMs before);
  void TakeSamples(const RecordParts& record);
  void TakeOneByOne(const RecordParts& record);
  void TakeHistogram(const CommitRecord::HistogramSample& sample);
  void TakeExemplar(CommitRecord::SeriesExemplar& exemplar);
  Slot SlotOf(uint32_t id);

  Head& head_;
  const TimestampMs retain_from_;
  const SealedSamples sealed_;
  const SealMark mark_;
  LoggedNames names_;  // of run_ and partition_
  uint64_t run_ = 0;
  uint32_t partition_ = 0;
  // Of the record at hand.
  TimestampMs keep_from_ = kMinTime;
  TimestampMs min_t_ = kMaxTime, max_t_ = kMinTime;
  std::vector<ReplayWindow::Run> runs_;
  std::vector<uint32_t> unknown_;  // ids
  ReplayWorkers workers_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_RECORD_REPLAYER_H_
