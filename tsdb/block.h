// Block: one block that is open for reading.
//
// Threads: thread-safe. Lifetimes: what it returns lives as long as the block. A block that turns
// out to be damaged is marked: it is reported once, and from then on left out.
#ifndef SLOWBURN_TSDB_BLOCK_H_
#define SLOWBURN_TSDB_BLOCK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "tsdb/block_index.h"
#include "tsdb/block_meta.h"
#include "tsdb/block_store.h"
#include "tsdb/rocks_block_files.h"

namespace slowburn::tsdb {

class Block {
 public:
  // `damages` counts the blocks that were marked.
  Block(std::unique_ptr<BlockFile> file, BlockMeta meta,
        std::shared_ptr<std::atomic<uint64_t>> damages);

  const BlockInfo& info() const { return meta_.info; }
  const BlockMeta& meta() const { return meta_; }
  uint64_t order() const { return meta_.order; }
  const BlockFile& file() const { return *file_; }

  // kDataLoss.
  absl::StatusOr<const BlockIndex*> Index() const;
  absl::StatusOr<std::string_view> Piece(uint32_t number) const {
    return file_->Get({PartKind::kPiece, number});
  }

  bool damaged() const { return damaged_.load(std::memory_order_relaxed); }
  void MarkDamaged(const absl::Status& why) const;
  // Whether it may have samples in the range.
  bool Overlaps(TimeRange range) const {
    return meta_.info.min_t < range.end && meta_.info.max_t >= range.start;
  }

 private:
  const std::unique_ptr<BlockFile> file_;
  const BlockMeta meta_;
  const std::shared_ptr<std::atomic<uint64_t>> damages_;
  mutable std::atomic<bool> damaged_{false};
  mutable std::atomic<const BlockIndex*> index_{nullptr};  // set once, to what opened_ holds
  mutable base::Mutex mu_;
  mutable std::optional<BlockIndex> opened_ ABSL_GUARDED_BY(mu_);
};

// A block as a view sees it.
struct ViewedBlock {
  std::shared_ptr<const Block> block;
  std::shared_ptr<const std::vector<Tombstone>> tombstones;  // null: none
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_H_
