// BlockStore: the sealed samples of a data directory, in blocks that never change.
//
//   block    the samples of some series in one partition [start, end) of time, with an index of its
//            own: label pairs, postings, series in ascending order of labels, row groups of up to
//            128 series. Times that series share are stored once. Blocks may overlap: late samples
//            have blocks of their own. A reader merges them; where two blocks have a sample at one
//            time, the one of the later block counts: that was published later. A block that
//            replaces others takes the place of the latest of them.
//   seal     what one BlockBatch publishes: blocks and the SealMark, all or nothing, durable when
//            Commit returns
//   rewrite  in the background several blocks become one, colder and smaller, that `replaces` them
//
// On disk: one RocksDB without a log, one SST file a block, ingested (tsdb/FORMAT.md). Dropping a
// block drops its file; what a view still reads of it stays mapped.
//
// Threads: BlockStore and BlockView are thread-safe; a BlockBatch belongs to one thread.
// Lifetimes: a view pins the blocks that it was made with, dropped or not, and so does what a view
// returns. The store outlives batches.
// Errors: kUnavailable when the disk is full or failing (a later call may succeed, without the
// store being opened anew); kDataLoss names the damaged block. A damaged block is quarantined:
// counted in Stats, reported once, left out of views; the others are used.
#ifndef SLOWBURN_TSDB_BLOCK_STORE_H_
#define SLOWBURN_TSDB_BLOCK_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/labels.h"
#include "tsdb/matcher.h"
#include "tsdb/sample.h"
#include "tsdb/storage.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {

using BlockId = uint64_t;  // unique; given when the writing of the block begins

// Every sample of a commit with a log sequence <= `sequence` and a time < `until` is in the blocks:
// replay leaves it out. Both never go back.
struct SealMark {
  TimestampMs until = kMinTime;
  uint64_t sequence = 0;
};

struct BlockInfo {
  BlockId id = 0;
  TimeRange partition;
  TimestampMs min_t = kMaxTime, max_t = kMinTime;  // of the samples, both included
  uint64_t series = 0, samples = 0;
  uint64_t data_bytes = 0, index_bytes = 0;
  Temperature temperature = Temperature::kHot;
  std::vector<BlockId> replaces;
};

// Receives one block. Series come in strictly ascending order of labels, each with all its samples
// of the block, in ascending time, in one or more batches (floats and histograms may be mixed; see
// SampleBatch).
class BlockWriter {
 public:
  virtual ~BlockWriter() = default;
  // kInvalidArgument: out of order, outside of the partition, or too many samples.
  virtual absl::Status AddSeries(const Labels& labels) = 0;
  virtual absl::Status AddSamples(const SampleBatch& samples) = 0;
};

class BlockBatch {
 public:
  virtual ~BlockBatch() = default;  // without Commit nothing happened
  // The writer lives as long as the batch; finish one before asking for the next. Blocks with
  // the `replaces` of living blocks take their place, those without series too.
  virtual absl::StatusOr<BlockWriter*> NewBlock(TimeRange partition, Temperature temperature,
                                                std::vector<BlockId> replaces) = 0;
  // Publishes all blocks and the mark. Blocks without series are left out.
  virtual absl::Status Commit(SealMark mark) = 0;
};

// A consistent set of blocks.
class BlockView {
 public:
  virtual ~BlockView() = default;
  virtual const std::vector<BlockInfo>& blocks() const = 0;  // ascending partition, then id
  virtual SealMark mark() const = 0;
  // As Querier::Select: ascending labels, every series once, samples of all blocks merged and cut
  // to the range, what was deleted left out. ref() is SeriesRef::kUnknown.
  virtual absl::StatusOr<std::unique_ptr<SeriesSet>> Select(const Matchers& matchers,
                                                            const SelectHints& hints) const = 0;
  // The samples of one series; nullptr when there are none in the range.
  virtual absl::StatusOr<std::unique_ptr<SampleIterator>> SamplesOf(const Labels& labels,
                                                                    TimeRange range) const = 0;
  // Sorted, unique; of series in blocks that overlap the range (at the grain of blocks).
  virtual absl::StatusOr<std::vector<std::string>> LabelNames(const Matchers& matchers,
                                                              TimeRange range) const = 0;
  virtual absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                               const Matchers& matchers,
                                                               TimeRange range) const = 0;
  // As Querier::Warnings, of the range.
  virtual std::vector<std::string> Warnings(TimeRange) const { return {}; }
};

struct BlockStats {
  uint64_t blocks = 0, quarantined = 0, series = 0, samples = 0;
  uint64_t data_bytes = 0, index_bytes = 0, file_bytes = 0;
};

class BlockStore {
 public:
  virtual ~BlockStore() = default;

  // `env`: a rocksdb::Env for tests of failing disks, or null.
  static absl::StatusOr<std::unique_ptr<BlockStore>> Open(const std::string& path, void* env);
  // No batch, drop, delete or rewrite.
  static absl::StatusOr<std::unique_ptr<BlockStore>> OpenReadOnly(const std::string& path);

  virtual std::shared_ptr<const BlockView> View() const = 0;
  virtual std::unique_ptr<BlockBatch> NewBatch() = 0;

  // Drops blocks whose newest sample is before `t`. Readers that hold a view are not disturbed.
  virtual absl::Status DropBefore(TimestampMs t) = 0;
  // Drops the oldest partitions until file_bytes <= bytes; the newest partition is kept.
  virtual absl::Status DropToSize(uint64_t bytes) = 0;

  // Hides the samples of matching series in the range, durably; returns how many series in how many
  // blocks were touched (summed). They are gone from disk after Rewrite or CleanTombstones.
  virtual absl::StatusOr<uint64_t> Delete(const Matchers& matchers, TimeRange range) = 0;
  virtual absl::Status CleanTombstones() = 0;

  // One piece of background work, if there is any: overlapping blocks of a partition become one,
  // and the 2 h blocks of a day become one cold block once the day lies `cold_after` before
  // `newest`. Returns whether something was done; call it again until it was not. Runs beside
  // batches, readers and deletions (a piece that a deletion or a drop overtakes is thrown away and
  // tried again with the next call). `go_on` is called for each series: it may rest, and when it
  // returns false the work is thrown away. By one thread at a time.
  virtual absl::StatusOr<bool> Rewrite(TimestampMs newest, DurationMs cold_after,
                                       const std::function<bool()>& go_on) = 0;

  // Reads everything. kDataLoss names the first damaged block and what of it is damaged.
  virtual absl::Status Verify(
      const std::function<void(uint64_t done, uint64_t total)>& progress) const = 0;
  // A copy by hard links into `path`, which must not exist.
  virtual absl::Status Checkpoint(const std::string& path) const = 0;
  virtual BlockStats Stats() const = 0;
  virtual std::vector<BlockInfo> Blocks() const = 0;
};

// The partition of blocks: hot ones are two hours wide, aligned to the epoch; cold ones a day.
inline constexpr DurationMs kHotPartitionMs = 2 * base::kHour;
inline constexpr DurationMs kColdPartitionMs = 24 * base::kHour;

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_STORE_H_
