// A BlockStore without blocks, until there is one that has some.
#include <memory>
#include <utility>

#include "tsdb/block_store.h"

namespace slowburn::tsdb {
namespace {

class NoSeries final : public SeriesSet {
 public:
  bool Next() override { return false; }
  const Labels& labels() const override { return labels_; }
  SeriesRef ref() const override { return SeriesRef::kUnknown; }
  std::unique_ptr<SampleIterator> samples() override { return nullptr; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const Labels labels_;
};

class NoBlocks final : public BlockView {
 public:
  const std::vector<BlockInfo>& blocks() const override { return blocks_; }
  SealMark mark() const override { return {}; }
  absl::StatusOr<std::unique_ptr<SeriesSet>> Select(const Matchers&,
                                                    const SelectHints&) const override {
    return std::make_unique<NoSeries>();
  }
  absl::StatusOr<std::unique_ptr<SampleIterator>> SamplesOf(const Labels&,
                                                            TimeRange) const override {
    return std::unique_ptr<SampleIterator>();
  }
  absl::StatusOr<std::vector<std::string>> LabelNames(const Matchers&, TimeRange) const override {
    return std::vector<std::string>();
  }
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view, const Matchers&,
                                                       TimeRange) const override {
    return std::vector<std::string>();
  }

 private:
  const std::vector<BlockInfo> blocks_;
};

class NoBatch final : public BlockBatch {
 public:
  absl::StatusOr<BlockWriter*> NewBlock(TimeRange, Temperature, std::vector<BlockId>) override {
    return absl::UnimplementedError("there are no blocks yet");
  }
  absl::Status Commit(SealMark) override { return absl::OkStatus(); }
};

class NoBlockStore final : public BlockStore {
 public:
  std::shared_ptr<const BlockView> View() const override { return view_; }
  std::unique_ptr<BlockBatch> NewBatch() override { return std::make_unique<NoBatch>(); }
  absl::Status DropBefore(TimestampMs) override { return absl::OkStatus(); }
  absl::Status DropToSize(uint64_t) override { return absl::OkStatus(); }
  absl::StatusOr<uint64_t> Delete(const Matchers&, TimeRange) override { return 0; }
  absl::Status CleanTombstones() override { return absl::OkStatus(); }
  absl::StatusOr<bool> Rewrite(TimestampMs, DurationMs, const std::atomic<bool>&) override {
    return false;
  }
  absl::Status Verify(const std::function<void(uint64_t, uint64_t)>&) const override {
    return absl::OkStatus();
  }
  absl::Status Checkpoint(const std::string&) const override { return absl::OkStatus(); }
  BlockStats Stats() const override { return {}; }
  std::vector<BlockInfo> Blocks() const override { return {}; }

 private:
  const std::shared_ptr<const BlockView> view_ = std::make_shared<NoBlocks>();
};

}  // namespace

absl::StatusOr<std::unique_ptr<BlockStore>> BlockStore::Open(const std::string&, void*) {
  return std::make_unique<NoBlockStore>();
}

absl::StatusOr<std::unique_ptr<BlockStore>> BlockStore::OpenReadOnly(const std::string&) {
  return std::make_unique<NoBlockStore>();
}

}  // namespace slowburn::tsdb
