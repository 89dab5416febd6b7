// Each write to the disk of blocks fails in turn: what was published stays, what was refused is not
// seen, and the store goes on without being opened anew.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/block_model.h"
#include "tests/tsdb/failing_disk.h"
#include "tests/tsdb/storage_reading.h"
#include "tsdb/block_store.h"

namespace slowburn::tsdb {
namespace {

constexpr TimestampMs kZero = 1'699'920'000'000;
constexpr int kWritesAtMost = 200;

class BlockFailingDisk : public ::testing::TestWithParam<DiskFault> {
 protected:
  BlockFailingDisk() {
    base::SetLogLevel(static_cast<base::LogLevel>(static_cast<int>(base::LogLevel::kError) + 1));
    Open();
  }
  ~BlockFailingDisk() override { base::SetLogLevel(base::LogLevel::kWarn); }

  void Open() {
    store_ = nullptr;
    absl::StatusOr<std::unique_ptr<BlockStore>> opened = BlockStore::Open("/blocks", disk_.env());
    ASSERT_OK(opened);
    store_ = *std::move(opened);
  }

  // A batch of two blocks, in the hours after the zero.
  absl::Status Write(int value) {
    const std::unique_ptr<BlockBatch> batch = store_->NewBatch();
    BlockContent contents[2];
    for (int i = 0; i < 2; ++i) {
      const TimestampMs start = kZero + i * kHotPartitionMs;
      for (const char* a : {"1", "2"}) {
        for (int k = 0; k < 10; ++k)
          contents[i][Labels{{"a", a}}][start + value * 100 + k].v = value;
      }
      auto writer = batch->NewBlock({start, start + kHotPartitionMs}, Temperature::kHot, {});
      if (!writer.ok()) return writer.status();
      if (const absl::Status status = WriteContent(**writer, contents[i], nullptr); !status.ok())
        return status;
    }
    const absl::Status status = batch->Commit({kZero, static_cast<uint64_t>(value)});
    if (!status.ok()) return status;
    for (const BlockContent& content : contents) Overlay(content, content_);
    sequence_ = static_cast<uint64_t>(value);
    return status;
  }

  static std::string Read(const BlockView& view) {
    absl::StatusOr<std::unique_ptr<SeriesSet>> set = view.Select({}, {});
    EXPECT_OK(set);
    return ReadSet(**set, Show::kAll);
  }
  std::string Read() { return Read(*store_->View()); }
  std::string Want() { return TextOf(content_, {}, {}); }

  FailingDisk disk_;
  std::unique_ptr<BlockStore> store_;
  BlockContent content_;
  uint64_t sequence_ = 0;
};

TEST_P(BlockFailingDisk, EveryWriteOfABatchFailsInTurn) {
  int value = 1;
  ASSERT_OK(Write(value));
  int failed = 0;
  for (int k = 0; k < kWritesAtMost; ++k) {
    SCOPED_TRACE(absl::StrCat("write ", k));
    const std::shared_ptr<const BlockView> before = store_->View();
    const std::string text = Read(*before);
    disk_.FailAfter(k, GetParam(), "");
    const absl::Status status = Write(++value);
    if (status.ok()) {
      disk_.Heal();
      if (disk_.failures() == 0) break;  // every write was failed once
    } else {
      ++failed;
      EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kUnavailable, ""));
      EXPECT_EQ(Read(), Want());
      EXPECT_EQ(store_->View()->mark().sequence, sequence_);
      EXPECT_FALSE(Write(value + 1).ok());  // still full
      EXPECT_EQ(Read(), Want());
    }
    disk_.Heal();
    EXPECT_EQ(Read(*before), text);
    value += 2;
    ASSERT_OK(Write(value));
    ASSERT_EQ(Read(), Want());
    if (k % 5 == 0) Open();
    ASSERT_EQ(Read(), Want());
    EXPECT_EQ(store_->View()->mark().sequence, sequence_);
    EXPECT_OK(store_->Verify({}));
  }
  EXPECT_GE(failed, 3);
  EXPECT_LT(failed, kWritesAtMost);
}

TEST_P(BlockFailingDisk, EveryWriteOfARewriteFailsInTurn) {
  int value = 1;
  const auto go_on = [] { return true; };
  for (int k = 0; k < kWritesAtMost; ++k) {
    SCOPED_TRACE(absl::StrCat("write ", k));
    ASSERT_OK(Write(value++));
    ASSERT_OK(Write(value++));
    const std::shared_ptr<const BlockView> before = store_->View();
    disk_.FailAfter(k, GetParam(), "");
    const absl::StatusOr<bool> rewritten = store_->Rewrite(kZero, base::kDay, go_on);
    const bool failed = disk_.failures() > 0;
    disk_.Heal();
    ASSERT_EQ(Read(), Want());
    EXPECT_EQ(Read(*before), Want());
    if (k % 3 == 0) {
      Open();
      ASSERT_EQ(Read(), Want());
    }
    // It works afterwards, and leaves one block in each partition.
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = store_->Rewrite(kZero, base::kDay, go_on);
    ASSERT_OK(more);
    EXPECT_EQ(store_->Blocks().size(), 2u);
    ASSERT_EQ(Read(), Want());
    Open();
    EXPECT_EQ(store_->Blocks().size(), 2u);
    ASSERT_EQ(Read(), Want());
    if (!failed) return;
  }
  FAIL() << "a rewrite that never succeeds";
}

TEST_P(BlockFailingDisk, EveryWriteOfADeleteFailsInTurn) {
  int value = 1;
  for (int k = 0; k < kWritesAtMost; ++k) {
    SCOPED_TRACE(absl::StrCat("write ", k));
    ASSERT_OK(Write(value++));
    disk_.FailAfter(k, GetParam(), "");
    const TimeRange range{kZero, kZero + value * 100};
    const absl::StatusOr<uint64_t> deleted = store_->Delete({Matcher::Equal("a", "1")}, range);
    const bool failed = disk_.failures() > 0;
    disk_.Heal();
    if (deleted.ok()) Erase(content_, {Matcher::Equal("a", "1")}, range);
    ASSERT_EQ(Read(), Want());
    ASSERT_OK(store_->CleanTombstones());
    ASSERT_EQ(Read(), Want());
    Open();
    ASSERT_EQ(Read(), Want());
    EXPECT_EQ(store_->View()->mark().sequence, sequence_);
    if (!failed) return;
  }
  FAIL() << "a deletion that never succeeds";
}

INSTANTIATE_TEST_SUITE_P(Faults, BlockFailingDisk,
                         ::testing::Values(DiskFault::kNoSpace, DiskFault::kBroken,
                                           DiskFault::kSync));

}  // namespace
}  // namespace slowburn::tsdb
