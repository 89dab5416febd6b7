// BlockSet: the BlockView of a store at one moment. Immutable.
#ifndef SLOWBURN_TSDB_BLOCK_VIEW_H_
#define SLOWBURN_TSDB_BLOCK_VIEW_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_set.h"
#include "tsdb/block.h"
#include "tsdb/block_reads.h"
#include "tsdb/block_store.h"
#include "tsdb/series_merge.h"

namespace slowburn::tsdb {

// Samples that were damaged before the set was made.
struct LostBlock {
  TimeRange range;  // all of time where it is not known
  std::string what;
};
LostBlock AsLost(const BlockInfo& damaged);

class BlockSet final : public BlockView {
 public:
  BlockSet(std::vector<ViewedBlock> blocks, std::vector<LostBlock> lost, SealMark mark);

  const std::vector<BlockInfo>& blocks() const override { return infos_; }
  SealMark mark() const override { return mark_; }
  absl::StatusOr<std::unique_ptr<SeriesSet>> Select(const Matchers& matchers,
                                                    const SelectHints& hints) const override;
  absl::StatusOr<std::unique_ptr<SampleIterator>> SamplesOf(const Labels& labels,
                                                            TimeRange range) const override;
  absl::StatusOr<std::vector<std::string>> LabelNames(const Matchers& matchers,
                                                      TimeRange range) const override;
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const Matchers& matchers,
                                                       TimeRange range) const override;
  std::vector<std::string> Warnings(TimeRange range) const override;

  const std::vector<ViewedBlock>& viewed() const { return blocks_; }  // in the order of blocks()

 private:
  std::vector<ViewedBlock> Overlapping(TimeRange range) const;

  std::vector<ViewedBlock> blocks_;
  const std::vector<LostBlock> lost_;
  std::vector<BlockInfo> infos_;
  const SealMark mark_;
};

// Select over some blocks, which may be in any order.
std::unique_ptr<SeriesSet> SelectFromBlocks(std::vector<ViewedBlock> blocks,
                                            const Matchers& matchers, const SelectHints& hints);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_VIEW_H_
