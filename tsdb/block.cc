#include "tsdb/block.h"

#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace slowburn::tsdb {

Block::Block(std::unique_ptr<BlockFile> file, BlockMeta meta,
             std::shared_ptr<std::atomic<uint64_t>> damages)
    : file_(std::move(file)), meta_(std::move(meta)), damages_(std::move(damages)) {}

absl::StatusOr<const BlockIndex*> Block::Index() const {
  if (const BlockIndex* index = index_.load(std::memory_order_acquire)) return index;
  BlockIndex::Sections sections;
  for (uint32_t i = 0; i < kIndexSections; ++i) {
    ASSIGN_OR_RETURN(sections[i], file_->Get({PartKind::kIndex, i}));
  }
  ASSIGN_OR_RETURN(BlockIndex index, BlockIndex::Open(sections));
  if (index.series_count() != info().series)
    return tsdb::Damaged("the index has ", index.series_count(), " series instead of ",
                         info().series);
  base::MutexLock lock(mu_);
  if (!opened_.has_value()) opened_ = index;
  index_.store(&*opened_, std::memory_order_release);
  return &*opened_;
}

void Block::MarkDamaged(const absl::Status& why) const {
  if (damaged_.exchange(true)) return;
  damages_->fetch_add(1);
  base::Error("a block is damaged and left out", {{"block", info().id},
                                                  {"from", info().min_t},
                                                  {"to", info().max_t},
                                                  {"series", info().series},
                                                  {"error", why}});
}

}  // namespace slowburn::tsdb
