// Block: a block of Prometheus, opened for reading: its meta.json, index, chunks and tombstones.
//
// Threads: immutable once open, but all readings tell one ReadReport: one thread at a time.
// Lifetimes: a block outlives its series sets, the report outlives the block.
// Errors of Open: kDataLoss (nothing of it can be used), or the disk's. Damage of parts is in the
// report, they are left out.
#ifndef SLOWBURN_TSDB_PROMETHEUS_BLOCK_H_
#define SLOWBURN_TSDB_PROMETHEUS_BLOCK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/prometheus/block_meta.h"
#include "tsdb/prometheus/index_reader.h"
#include "tsdb/prometheus/tombstones.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

absl::StatusOr<BlockMeta> ReadBlockMeta(const std::string& path);

class Block {
 public:
  static absl::StatusOr<std::unique_ptr<Block>> Open(const std::string& path, ReadReport& report);

  const BlockMeta& meta() const { return meta_; }
  uint64_t bytes() const;                              // index and chunks
  TimeRange times() const { return index_->times(); }  // that samples may have
  // Series with chunks that touch the range; each with its samples in it.
  std::unique_ptr<SeriesSet> Series(TimeRange range) const;

 private:
  friend class BlockSamples;
  friend class BlockSeries;
  Block(std::string path, BlockMeta meta, ReadReport& report)
      : path_(std::move(path)), meta_(std::move(meta)), report_(report) {}
  absl::Status OpenSegments();
  void ReadTombstones();
  const DeletedTimes* DeletedOf(uint64_t series) const;
  // The samples of a chunk that were not deleted; false, and reported, where it is damaged.
  bool ReadChunk(uint64_t ref, Columns& out) const;

  const std::string path_;
  const BlockMeta meta_;
  ReadReport& report_;
  std::unique_ptr<IndexReader> index_;
  std::vector<std::unique_ptr<MappedFile>> segments_;  // null: cannot be read
  Tombstones tombstones_;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_BLOCK_H_
