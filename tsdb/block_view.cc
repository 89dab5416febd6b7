#include "tsdb/block_view.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "tsdb/block_matcher.h"
#include "tsdb/block_sample_iterator.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

using Texts = absl::btree_set<std::string, std::less<>>;

class BlockSeriesSet final : public SeriesSet {
 public:
  BlockSeriesSet(std::shared_ptr<BlockReads> reads, std::shared_ptr<const SeriesMerge> merge,
                 bool samples_needed, size_t limit)
      : reads_(std::move(reads)),
        merge_(std::move(merge)),
        samples_needed_(samples_needed),
        limit_(limit) {}

  bool Next() override {
    iterator_ = nullptr;
    if (limit_ > 0 && found_ >= limit_) return false;
    while (next_ < merge_->size()) {
      ++next_;
      if (samples_needed_) {
        iterator_ = Open();
        if (!iterator_->HasNext()) continue;
      }
      labels_ = merge_->labels(next_ - 1);
      ++found_;
      return true;
    }
    iterator_ = nullptr;
    return false;
  }

  const Labels& labels() const override { return labels_; }
  SeriesRef ref() const override { return SeriesRef::kUnknown; }
  std::unique_ptr<SampleIterator> samples() override {
    if (iterator_ != nullptr) return std::move(iterator_);
    return Open();
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  std::unique_ptr<BlockSampleIterator> Open() const {
    return std::make_unique<BlockSampleIterator>(reads_, merge_, merge_->parts(next_ - 1));
  }

  const std::shared_ptr<BlockReads> reads_;
  const std::shared_ptr<const SeriesMerge> merge_;
  const bool samples_needed_;
  const size_t limit_;
  size_t next_ = 0, found_ = 0;  // next_ - 1: the current one
  Labels labels_;
  std::unique_ptr<BlockSampleIterator> iterator_;
};

void SortByTime(std::vector<ViewedBlock>& blocks) {
  std::sort(blocks.begin(), blocks.end(), [](const ViewedBlock& a, const ViewedBlock& b) {
    return std::pair(a.block->info().min_t, a.block->order()) <
           std::pair(b.block->info().min_t, b.block->order());
  });
}

// Runs `read` on the index of each block; a block for which it fails is marked and left out.
template <typename Read>
void ForEachIndex(std::vector<ViewedBlock>& blocks, Read&& read) {
  std::erase_if(blocks, [&](const ViewedBlock& viewed) {
    if (viewed.block->damaged()) return true;
    const absl::StatusOr<const BlockIndex*> index = viewed.block->Index();
    const absl::Status status = index.ok() ? read(*viewed.block, **index) : index.status();
    if (!status.ok()) viewed.block->MarkDamaged(status);
    return !status.ok();
  });
}

// The label pairs of some series.
absl::Status PairsOf(const BlockIndex& index, const Runs& series,
                     absl::flat_hash_set<BlockPair>& out) {
  BlockRowReader rows(index);
  for (const Run& run : series) {
    for (uint32_t s = run.begin; s < run.end; ++s) {
      if (!rows.Read(s)) return Damaged("the rows of the index are malformed");
      out.insert(rows.row().begin(), rows.row().end());
    }
  }
  return absl::OkStatus();
}

absl::Status AddNames(const BlockIndex& index, BlockMatcher* matcher, Texts& out) {
  absl::flat_hash_set<BlockPair> pairs;
  if (matcher != nullptr) {
    ASSIGN_OR_RETURN(const Runs series, matcher->Select(index));
    RETURN_IF_ERROR(PairsOf(index, series, pairs));
  }
  BlockIndex::Name name;
  for (uint32_t i = 0; i < index.name_count(); ++i) {
    if (!index.NameAt(i, name)) return Damaged("the names of the index are malformed");
    const auto has = [&](BlockPair pair) { return pair >= name.begin && pair < name.end; };
    if (matcher == nullptr || std::any_of(pairs.begin(), pairs.end(), has))
      out.insert(std::string(name.text));
  }
  return absl::OkStatus();
}

absl::Status AddValues(const BlockIndex& index, std::string_view name_text, BlockMatcher* matcher,
                       Texts& out) {
  BlockIndex::Name name;
  const BlockIndex::Found found = index.FindName(name_text, name);
  if (found == BlockIndex::Found::kDamaged) return Damaged("the names of the index are malformed");
  if (found == BlockIndex::Found::kNo) return absl::OkStatus();
  absl::flat_hash_set<BlockPair> pairs;
  if (matcher != nullptr) {
    ASSIGN_OR_RETURN(const Runs series, matcher->Select(index));
    RETURN_IF_ERROR(PairsOf(index, series, pairs));
  }
  BlockValueReader values(index);
  for (BlockPair pair = name.begin; pair < name.end; ++pair) {
    if (matcher != nullptr && !pairs.contains(pair)) continue;
    if (!values.Read(pair)) return Damaged("the values of the index are malformed");
    if (!out.contains(values.value())) out.insert(std::string(values.value()));
  }
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<SeriesSet> SelectFromBlocks(std::vector<ViewedBlock> blocks,
                                            const Matchers& matchers, const SelectHints& hints) {
  SortByTime(blocks);
  std::shared_ptr<SeriesMerge> merge;
  BlockMatcher matcher(matchers);
  // Anew without the blocks that turn out to be damaged half-way.
  for (size_t tried = blocks.size() + 1; merge == nullptr || tried != blocks.size();) {
    tried = blocks.size();
    merge = std::make_shared<SeriesMerge>();
    uint32_t number = 0;
    ForEachIndex(blocks, [&](const Block&, const BlockIndex& index) -> absl::Status {
      ASSIGN_OR_RETURN(const Runs series, matcher.Select(index));
      return merge->AddBlock(number++, index, series);
    });
  }
  // With samples wanted, a series may turn out to have none: the set counts.
  merge->Finish(hints.samples_needed ? 0 : hints.limit);
  auto reads = std::make_shared<BlockReads>(std::move(blocks), hints.range);
  return std::make_unique<BlockSeriesSet>(std::move(reads), std::move(merge), hints.samples_needed,
                                          hints.limit);
}

LostBlock AsLost(const BlockInfo& damaged) {
  return {{damaged.min_t, SaturatingAdd(damaged.max_t, 1)},
          absl::StrCat("block ", damaged.id, " is damaged: its samples from ",
                       base::FormatRfc3339(damaged.min_t), " to ",
                       base::FormatRfc3339(damaged.max_t), " are missing")};
}

BlockSet::BlockSet(std::vector<ViewedBlock> blocks, std::vector<LostBlock> lost, SealMark mark)
    : blocks_(std::move(blocks)), lost_(std::move(lost)), mark_(mark) {
  std::sort(blocks_.begin(), blocks_.end(), [](const ViewedBlock& a, const ViewedBlock& b) {
    return std::pair(a.block->info().partition.start, a.block->info().id) <
           std::pair(b.block->info().partition.start, b.block->info().id);
  });
  for (const ViewedBlock& viewed : blocks_) infos_.push_back(viewed.block->info());
}

std::vector<ViewedBlock> BlockSet::Overlapping(TimeRange range) const {
  std::vector<ViewedBlock> found;
  for (const ViewedBlock& viewed : blocks_) {
    if (viewed.block->Overlaps(range)) found.push_back(viewed);
  }
  return found;
}

absl::StatusOr<std::unique_ptr<SeriesSet>> BlockSet::Select(const Matchers& matchers,
                                                            const SelectHints& hints) const {
  return SelectFromBlocks(Overlapping(hints.range), matchers, hints);
}

absl::StatusOr<std::unique_ptr<SampleIterator>> BlockSet::SamplesOf(const Labels& labels,
                                                                    TimeRange range) const {
  std::vector<ViewedBlock> blocks = Overlapping(range);
  SortByTime(blocks);
  auto parts = std::make_shared<std::vector<SeriesMerge::Part>>();
  uint32_t number = 0;
  ForEachIndex(blocks, [&](const Block&, const BlockIndex& index) -> absl::Status {
    uint32_t series = 0;
    const BlockIndex::Found found = index.FindSeries(labels, series);
    if (found == BlockIndex::Found::kDamaged) return Damaged("the index is malformed");
    if (found == BlockIndex::Found::kYes) parts->push_back({number, series});
    ++number;
    return absl::OkStatus();
  });
  const std::span<const SeriesMerge::Part> all(*parts);
  auto iterator = std::make_unique<BlockSampleIterator>(
      std::make_shared<BlockReads>(std::move(blocks), range), std::move(parts), all);
  if (!iterator->HasNext()) return std::unique_ptr<SampleIterator>();
  return iterator;
}

absl::StatusOr<std::vector<std::string>> BlockSet::LabelNames(const Matchers& matchers,
                                                              TimeRange range) const {
  std::vector<ViewedBlock> blocks = Overlapping(range);
  BlockMatcher matcher(matchers);
  Texts names;
  ForEachIndex(blocks, [&](const Block&, const BlockIndex& index) {
    return AddNames(index, matchers.empty() ? nullptr : &matcher, names);
  });
  return std::vector<std::string>(names.begin(), names.end());
}

absl::StatusOr<std::vector<std::string>> BlockSet::LabelValues(std::string_view name,
                                                               const Matchers& matchers,
                                                               TimeRange range) const {
  std::vector<ViewedBlock> blocks = Overlapping(range);
  BlockMatcher matcher(matchers);
  Texts values;
  ForEachIndex(blocks, [&](const Block&, const BlockIndex& index) {
    return AddValues(index, name, matchers.empty() ? nullptr : &matcher, values);
  });
  return std::vector<std::string>(values.begin(), values.end());
}

std::vector<std::string> BlockSet::Warnings(TimeRange range) const {
  std::vector<std::string> out;
  for (const LostBlock& lost : lost_) {
    if (!Intersect(lost.range, range).empty()) out.push_back(lost.what);
  }
  for (const ViewedBlock& viewed : blocks_) {
    if (viewed.block->damaged() && viewed.block->Overlaps(range))
      out.push_back(AsLost(viewed.block->info()).what);
  }
  return out;
}

}  // namespace slowburn::tsdb
