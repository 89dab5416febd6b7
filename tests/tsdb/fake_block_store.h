// A BlockStore of std::maps in memory, which outlives the Db that uses it: what the interface
// promises, at its plainest. It refuses what a caller may not do, and fails when told to.
#ifndef SLOWBURN_TESTS_TSDB_FAKE_BLOCK_STORE_H_
#define SLOWBURN_TESTS_TSDB_FAKE_BLOCK_STORE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "tsdb/block_store.h"

namespace slowburn::tsdb {

struct FakeSample {
  double v = 0;
  HistogramPtr histogram;
  TimestampMs start = 0;
};
using FakeSeries = std::map<TimestampMs, FakeSample>;

struct FakeBlock {
  BlockInfo info;
  std::map<Labels, FakeSeries> series;
};

class FakeBlockStore final : public BlockStore {
 public:
  std::shared_ptr<const BlockView> View() const override;
  std::unique_ptr<BlockBatch> NewBatch() override;
  absl::Status DropBefore(TimestampMs t) override;
  absl::Status DropToSize(uint64_t bytes) override;
  absl::StatusOr<uint64_t> Delete(const Matchers& matchers, TimeRange range) override;
  absl::Status CleanTombstones() override { return absl::OkStatus(); }
  // Merges the blocks of the first partition that has several.
  absl::StatusOr<bool> Rewrite(TimestampMs newest, DurationMs cold_after,
                               const std::function<bool()>& go_on) override;
  absl::Status Verify(const std::function<void(uint64_t, uint64_t)>&) const override {
    return absl::OkStatus();
  }
  absl::Status Checkpoint(const std::string&) const override {
    return absl::UnimplementedError("in memory");
  }
  BlockStats Stats() const override;
  std::vector<BlockInfo> Blocks() const override { return View()->blocks(); }

  // Asked before each block and each Commit of a batch; what it says is returned.
  std::function<absl::Status()> fault;

 private:
  friend class FakeBatch;
  using Blocks_ = std::map<BlockId, std::shared_ptr<const FakeBlock>>;
  void Put(std::shared_ptr<FakeBlock> block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable base::Mutex mu_;
  Blocks_ blocks_ ABSL_GUARDED_BY(mu_);
  BlockId next_id_ ABSL_GUARDED_BY(mu_) = 1;
  SealMark mark_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_FAKE_BLOCK_STORE_H_
