// BlockReads: what the series and the iterators of one Select share: the blocks, where each of them
// is being read, and time columns that were decoded. Series that share a time column in a block and
// are read by one thread decode it once, while it is kept.
//
// Threads: thread-safe, so that iterators of one Select may be used by different threads, which do
// not wait for each other as long as they are no more than kReaders: as many as a query has.
// Lifetimes: keeps its blocks. Errors: a block that turns out to be damaged is marked, and has no
// samples.
#ifndef SLOWBURN_TSDB_BLOCK_READS_H_
#define SLOWBURN_TSDB_BLOCK_READS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "tsdb/block.h"
#include "tsdb/row_group.h"
#include "tsdb/series_merge.h"
#include "tsdb/time_columns.h"

namespace slowburn::tsdb {

using Times = std::shared_ptr<const std::vector<TimestampMs>>;

// A column of a series in one of the blocks.
struct FoundColumn {
  uint32_t block = 0;   // number in BlockReads
  uint32_t series = 0;  // number in the block
  uint32_t count = 0;
  TimestampMs first = 0, last = 0;
  Column column;
};

class BlockReads {
 public:
  // In the order in which parts of a series are read: of time, then of Block::order.
  BlockReads(std::vector<ViewedBlock> blocks, TimeRange range);

  TimeRange range() const { return range_; }
  const std::vector<ViewedBlock>& blocks() const { return blocks_; }
  const Block& block(uint32_t b) const { return *blocks_[b].block; }
  // Blocks of one cluster may have samples in the same stretch of time.
  uint32_t cluster(uint32_t b) const { return clusters_[b]; }
  // Empty, or what was deleted of a series.
  std::vector<TimeRange> Deleted(uint32_t b, uint32_t series) const;

  // Appends the columns of the series that overlap the range, in ascending time.
  void FindColumns(SeriesMerge::Part part, std::vector<FoundColumn>& out);
  // Null when the block is damaged.
  Times TimesOf(const FoundColumn& column);

  // What iterators decode into, lent to one at a time.
  std::vector<double> TakeBuffer();
  void GiveBuffer(std::vector<double> buffer);

 private:
  // A column of a block to be read next. Where threads share a reader, each moves one.
  struct Cursor {
    uint32_t series = 0, end_series = 0;  // end: of the row group; equal: none is open
    DirectoryReader directory;
    bool is_open() const { return series < end_series; }
  };
  struct Cursors {
    std::vector<Cursor> all;
    size_t oldest = 0;  // goes when there are too many
  };
  static Cursor& CursorFor(uint32_t series, Cursors& cursors);
  struct CachedTimes {
    uint64_t key = 0;  // block and number of the column, plus one
    TimeColumn column;
    Times times;  // null: not decoded yet
  };

  // What one thread reads with. Where there are more threads, some share.
  struct alignas(64) Reader {
    base::Mutex mu;
    std::vector<Cursors> cursors ABSL_GUARDED_BY(mu);  // by block; empty before the first use
    std::vector<CachedTimes> cache ABSL_GUARDED_BY(mu);
    size_t cached_samples ABSL_GUARDED_BY(mu) = 0;
    std::vector<std::vector<double>> buffers ABSL_GUARDED_BY(mu);
  };
  static constexpr size_t kReaders = 8;

  Reader& ReaderOfThread();
  absl::Status Find(SeriesMerge::Part part, Reader& reader, std::vector<FoundColumn>& out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reader.mu);
  absl::Status MoveTo(const Block& block, uint32_t series, Cursor& cursor);
  absl::StatusOr<CachedTimes*> FindTimes(uint32_t b, uint32_t number, Reader& reader)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reader.mu);

  const std::vector<ViewedBlock> blocks_;
  const TimeRange range_;
  std::vector<uint32_t> clusters_;
  std::array<std::atomic<std::thread::id>, kReaders> threads_;  // that have readers_; no id: none
  std::atomic<size_t> readers_in_use_{0};
  std::array<Reader, kReaders> readers_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_READS_H_
