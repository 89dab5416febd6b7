#include "tests/tsdb/fake_block_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/status_macros.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

using BlockPtr = std::shared_ptr<const FakeBlock>;

constexpr size_t kBatchSamples = 7;  // few, so that readers meet many batches

class FakeSamples final : public SampleIterator {
 public:
  explicit FakeSamples(FakeSeries samples) : samples_(std::move(samples)), at_(samples_.begin()) {}

  bool Next(SampleBatch& out) override {
    t_.clear();
    v_.clear();
    histograms_.clear();
    starts_.clear();
    bool any_histogram = false, any_start = false;
    for (; at_ != samples_.end() && t_.size() < kBatchSamples; ++at_) {
      t_.push_back(at_->first);
      v_.push_back(at_->second.v);
      histograms_.push_back(at_->second.histogram);
      starts_.push_back(at_->second.start);
      any_histogram |= at_->second.histogram != nullptr;
      any_start |= at_->second.start != 0;
    }
    if (!any_histogram) histograms_.clear();
    if (!any_start) starts_.clear();
    out = {t_, v_, histograms_, starts_};
    return !t_.empty();
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const FakeSeries samples_;
  FakeSeries::const_iterator at_;
  std::vector<TimestampMs> t_, starts_;
  std::vector<double> v_;
  std::vector<HistogramPtr> histograms_;
};

class FakeSet final : public SeriesSet {
 public:
  explicit FakeSet(std::vector<std::pair<Labels, FakeSeries>> series)
      : series_(std::move(series)) {}
  bool Next() override { return next_ < series_.size() && ++next_ > 0; }
  const Labels& labels() const override { return series_[next_ - 1].first; }
  SeriesRef ref() const override { return SeriesRef::kUnknown; }
  std::unique_ptr<SampleIterator> samples() override {
    return std::make_unique<FakeSamples>(series_[next_ - 1].second);
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const std::vector<std::pair<Labels, FakeSeries>> series_;
  size_t next_ = 0;
};

FakeSeries CutTo(const FakeSeries& series, TimeRange range) {
  if (range.empty()) return {};
  return {series.lower_bound(range.start), series.lower_bound(range.end)};
}

class FakeView final : public BlockView {
 public:
  FakeView(std::vector<BlockPtr> blocks, SealMark mark) : blocks_(std::move(blocks)), mark_(mark) {
    std::sort(blocks_.begin(), blocks_.end(), [](const BlockPtr& a, const BlockPtr& b) {
      return std::pair(a->info.partition.start, a->info.id) <
             std::pair(b->info.partition.start, b->info.id);
    });
    for (const BlockPtr& block : blocks_) infos_.push_back(block->info);
    // The later block counts.
    by_id_ = blocks_;
    std::sort(by_id_.begin(), by_id_.end(),
              [](const BlockPtr& a, const BlockPtr& b) { return a->info.id > b->info.id; });
  }

  const std::vector<BlockInfo>& blocks() const override { return infos_; }
  SealMark mark() const override { return mark_; }

  absl::StatusOr<std::unique_ptr<SeriesSet>> Select(const Matchers& matchers,
                                                    const SelectHints& hints) const override {
    std::map<Labels, FakeSeries> found;
    ForEach(matchers, hints.range,
            [&](const Labels& labels, FakeSeries samples) { found[labels].merge(samples); });
    std::vector<std::pair<Labels, FakeSeries>> out(found.begin(), found.end());
    if (hints.limit > 0 && out.size() > hints.limit) out.resize(hints.limit);
    return std::make_unique<FakeSet>(std::move(out));
  }

  absl::StatusOr<std::unique_ptr<SampleIterator>> SamplesOf(const Labels& labels,
                                                            TimeRange range) const override {
    FakeSeries found;
    for (const BlockPtr& block : by_id_) {
      const auto it = block->series.find(labels);
      if (it == block->series.end()) continue;
      FakeSeries samples = CutTo(it->second, range);
      found.merge(samples);
    }
    if (found.empty()) return std::unique_ptr<SampleIterator>();
    return std::make_unique<FakeSamples>(std::move(found));
  }

  absl::StatusOr<std::vector<std::string>> LabelNames(const Matchers& matchers,
                                                      TimeRange range) const override {
    std::set<std::string> names;
    ForEach(matchers, range, [&](const Labels& labels, const FakeSeries&) {
      for (const LabelView label : labels) names.emplace(label.name);
    });
    return std::vector<std::string>(names.begin(), names.end());
  }

  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const Matchers& matchers,
                                                       TimeRange range) const override {
    std::set<std::string> values;
    ForEach(matchers, range, [&](const Labels& labels, const FakeSeries&) {
      if (labels.Has(name)) values.emplace(labels.Get(name));
    });
    return std::vector<std::string>(values.begin(), values.end());
  }

 private:
  template <typename Visit>
  void ForEach(const Matchers& matchers, TimeRange range, Visit visit) const {
    for (const BlockPtr& block : by_id_) {
      for (const auto& [labels, samples] : block->series) {
        if (!MatchesAll(matchers, labels)) continue;
        FakeSeries cut = CutTo(samples, range);
        if (!cut.empty()) visit(labels, std::move(cut));
      }
    }
  }

  std::vector<BlockPtr> blocks_, by_id_;
  std::vector<BlockInfo> infos_;
  const SealMark mark_;
};

void Describe(FakeBlock& block) {
  BlockInfo& info = block.info;
  info.min_t = kMaxTime;
  info.max_t = kMinTime;
  info.samples = 0;
  info.series = block.series.size();
  for (const auto& [labels, samples] : block.series) {
    info.samples += samples.size();
    info.min_t = std::min(info.min_t, samples.begin()->first);
    info.max_t = std::max(info.max_t, samples.rbegin()->first);
  }
  info.data_bytes = 10 * info.samples;
}

class FakeWriter final : public BlockWriter {
 public:
  explicit FakeWriter(std::shared_ptr<FakeBlock> block) : block_(std::move(block)) {}

  absl::Status AddSeries(const Labels& labels) override {
    if (!block_->series.empty() && !(block_->series.rbegin()->first < labels))
      return absl::InvalidArgumentError("series out of order");
    at_ = &block_->series[labels];
    return absl::OkStatus();
  }

  absl::Status AddSamples(const SampleBatch& samples) override {
    if (at_ == nullptr || samples.t.empty()) return absl::InvalidArgumentError("nothing to add");
    for (size_t i = 0; i < samples.t.size(); ++i) {
      const TimestampMs t = samples.t[i];
      if (!block_->info.partition.Contains(t))
        return absl::InvalidArgumentError("outside of the partition");
      if (!at_->empty() && at_->rbegin()->first >= t)
        return absl::InvalidArgumentError("samples out of order");
      at_->emplace(
          t, FakeSample{samples.v[i], samples.histograms.empty() ? nullptr : samples.histograms[i],
                        samples.starts.empty() ? 0 : samples.starts[i]});
    }
    return absl::OkStatus();
  }

  const std::shared_ptr<FakeBlock>& block() const { return block_; }

 private:
  const std::shared_ptr<FakeBlock> block_;
  FakeSeries* at_ = nullptr;
};

}  // namespace

class FakeBatch final : public BlockBatch {
 public:
  explicit FakeBatch(FakeBlockStore& store) : store_(store) {}

  absl::StatusOr<BlockWriter*> NewBlock(TimeRange partition, Temperature temperature,
                                        std::vector<BlockId> replaces) override {
    if (store_.fault) RETURN_IF_ERROR(store_.fault());
    auto block = std::make_shared<FakeBlock>();
    block->info.partition = partition;
    block->info.temperature = temperature;
    block->info.replaces = std::move(replaces);
    writers_.push_back(std::make_unique<FakeWriter>(std::move(block)));
    return writers_.back().get();
  }

  absl::Status Commit(SealMark mark) override {
    if (store_.fault) RETURN_IF_ERROR(store_.fault());
    base::MutexLock lock(store_.mu_);
    if (mark.until < store_.mark_.until || mark.sequence < store_.mark_.sequence)
      return absl::InvalidArgumentError("the mark goes back");
    store_.mark_ = mark;
    for (const auto& writer : writers_) {
      const std::shared_ptr<FakeBlock>& block = writer->block();
      std::erase_if(block->series, [](const auto& entry) { return entry.second.empty(); });
      block->info.id = store_.next_id_++;
      store_.Put(block);
    }
    return absl::OkStatus();
  }

 private:
  FakeBlockStore& store_;
  std::vector<std::unique_ptr<FakeWriter>> writers_;
};

void FakeBlockStore::Put(std::shared_ptr<FakeBlock> block) {
  if (block->series.empty()) {
    blocks_.erase(block->info.id);
    return;
  }
  Describe(*block);
  blocks_[block->info.id] = std::move(block);
}

std::shared_ptr<const BlockView> FakeBlockStore::View() const {
  base::MutexLock lock(mu_);
  std::vector<BlockPtr> blocks;
  for (const auto& [id, block] : blocks_) blocks.push_back(block);
  return std::make_shared<FakeView>(std::move(blocks), mark_);
}

std::unique_ptr<BlockBatch> FakeBlockStore::NewBatch() {
  return std::make_unique<FakeBatch>(*this);
}

absl::Status FakeBlockStore::DropBefore(TimestampMs t) {
  base::MutexLock lock(mu_);
  std::erase_if(blocks_, [&](const auto& entry) { return entry.second->info.max_t < t; });
  return absl::OkStatus();
}

absl::Status FakeBlockStore::DropToSize(uint64_t bytes) {
  while (Stats().file_bytes > bytes) {
    const std::vector<BlockInfo> blocks = Blocks();
    if (blocks.front().partition == blocks.back().partition) break;
    base::MutexLock lock(mu_);
    std::erase_if(blocks_, [&](const auto& entry) {
      return entry.second->info.partition == blocks.front().partition;
    });
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> FakeBlockStore::Delete(const Matchers& matchers, TimeRange range) {
  base::MutexLock lock(mu_);
  uint64_t touched = 0;
  const Blocks_ before = blocks_;
  for (const auto& [id, block] : before) {
    auto copy = std::make_shared<FakeBlock>(*block);
    bool changed = false;
    for (auto& [labels, samples] : copy->series) {
      if (range.empty() || !MatchesAll(matchers, labels)) continue;
      const auto from = samples.lower_bound(range.start), to = samples.lower_bound(range.end);
      if (from == to) continue;
      samples.erase(from, to);
      ++touched;
      changed = true;
    }
    if (!changed) continue;
    std::erase_if(copy->series, [](const auto& entry) { return entry.second.empty(); });
    Put(std::move(copy));
  }
  return touched;
}

absl::StatusOr<bool> FakeBlockStore::Rewrite(TimestampMs, DurationMs,
                                             const std::function<bool()>&) {
  base::MutexLock lock(mu_);
  std::map<TimestampMs, std::vector<BlockPtr>> partitions;
  for (const auto& [id, block] : blocks_) partitions[block->info.partition.start].push_back(block);
  for (const auto& [start, blocks] : partitions) {
    if (blocks.size() < 2) continue;
    auto merged = std::make_shared<FakeBlock>(*blocks.back());
    for (auto block = blocks.rbegin() + 1; block != blocks.rend(); ++block) {
      for (const auto& [labels, samples] : (*block)->series) {
        FakeSeries copy = samples;
        merged->series[labels].merge(copy);
      }
      blocks_.erase((*block)->info.id);
    }
    Put(std::move(merged));
    return true;
  }
  return false;
}

BlockStats FakeBlockStore::Stats() const {
  BlockStats stats;
  for (const BlockInfo& info : Blocks()) {
    ++stats.blocks;
    stats.series += info.series;
    stats.samples += info.samples;
    stats.data_bytes += info.data_bytes;
  }
  stats.file_bytes = stats.data_bytes;
  return stats;
}

}  // namespace slowburn::tsdb
