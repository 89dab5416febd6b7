// Sealer: moves samples from the head into blocks.
//
//   write    the samples before a time into one BlockBatch, a block for each partition, series by
//            series in order of labels; commits and readers go on meanwhile
//   publish  the blocks and the SealMark, which tells replay what to leave out, in one step on the
//            disk; then, in one step for readers, the view that has them (see snapshots.h)
//   free     the head's copy, once the readers from before are gone; then files of the log
//
// A crash before the publication changes nothing; after it, the log's copy is passed over.
// The blocks may also hold samples of commits after the mark: those are replayed, and are the same.
//
// Threads: one at a time, but Stop from any. Lifetimes: borrows everything. Errors: kUnavailable
// when the blocks cannot be written; the samples stay where they are.
#ifndef SLOWBURN_TSDB_SEALER_H_
#define SLOWBURN_TSDB_SEALER_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "tsdb/block_store.h"
#include "tsdb/committer.h"
#include "tsdb/db_metrics.h"
#include "tsdb/head.h"

namespace slowburn::tsdb {

class Sealer {
 public:
  Sealer(Head& head, Committer& committer, BlockStore& blocks, const base::Clock& clock,
         DbMetrics& metrics)
      : head_(head), committer_(committer), blocks_(blocks), clock_(clock), metrics_(metrics) {}

  // What is done about readers from before: kWait until they are gone, half a minute at most, so
  // that the head's copy is freed when Seal returns; or kLeave it to a later Free. Whoever waits
  // has no Querier.
  enum class OldReaders { kWait, kLeave };
  // Seals the samples before `until`, or all (Committer::kAllSamples). False: not now, because
  // readers from before the last seal are still there, or because of Stop.
  absl::StatusOr<bool> Seal(TimestampMs until, OldReaders readers);
  // Frees what the last seal left. False when it cannot be yet.
  absl::StatusOr<bool> Free(OldReaders readers);
  bool has_unfreed() const { return unfreed_.has_value(); }

  // Seals and waits end early from now on.
  void Stop();

 private:
  absl::Status WriteBlocks(const Committer::SealStart& start);
  absl::Status WritePartition(const Head::SortedSeries& series, TimestampMs until,
                              TimeRange partition, std::span<const Slot> slots, BlockBatch& batch);
  absl::Status WriteSeries(const Labels& labels, SeriesSamples samples, BlockWriter& writer);

  Head& head_;
  Committer& committer_;
  BlockStore& blocks_;
  const base::Clock& clock_;
  DbMetrics& metrics_;
  std::atomic<bool> stop_{false};
  std::optional<uint64_t> unfreed_;  // mark of the readers that may need it
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SEALER_H_
