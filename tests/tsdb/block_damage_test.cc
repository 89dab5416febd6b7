// Damaged files of blocks: what is read is right or left out, the other blocks are whole, nothing
// crashes, and Verify tells.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/log.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/block_model.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/temp_directory.h"
#include "tsdb/block_store.h"

namespace slowburn::tsdb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

constexpr TimestampMs kZero = 1'699'920'000'000;
constexpr int kDamages = 25;
constexpr TimeRange kFirst{kZero, kZero + kHotPartitionMs};
constexpr TimeRange kSecond{kZero + kHotPartitionMs, kZero + 2 * kHotPartitionMs};

BlockContent SomeContent(testing::Random& random, TimeRange partition) {
  BlockContent content;
  while (content.size() < 150) Overlay(RandomContent(random, partition), content);
  return content;
}

class BlockDamage : public ::testing::Test {
 protected:
  BlockDamage() {
    base::SetLogLevel(static_cast<base::LogLevel>(static_cast<int>(base::LogLevel::kError) + 1));
    first_ = SomeContent(random_, kFirst);
    second_ = SomeContent(random_, kSecond);
    auto store = Open();
    EXPECT_OK(WriteBlock(*store, kFirst, first_, {1, 1}));
    EXPECT_OK(WriteBlock(*store, kSecond, second_, {2, 2}));
    store = nullptr;
    // The first file in order of names is the first block's.
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      if (entry.path().extension() == ".sst") files_.push_back(entry.path().string());
    }
    std::sort(files_.begin(), files_.end());
    EXPECT_EQ(files_.size(), 2u);
    whole_ = *base::ReadFile(files_[0]);
    Overlay(first_, all_);
    Overlay(second_, all_);
  }
  ~BlockDamage() override { base::SetLogLevel(base::LogLevel::kWarn); }

  std::unique_ptr<BlockStore> Open() {
    absl::StatusOr<std::unique_ptr<BlockStore>> store =
        BlockStore::Open(directory_.path(), nullptr);
    EXPECT_OK(store);
    return store.ok() ? *std::move(store) : nullptr;
  }

  void Put(const std::string& bytes) {
    fs::remove(files_[0]);
    std::ofstream(files_[0], std::ios::binary) << bytes;
  }

  // What is read of the store; damage only takes away, and only from the first block.
  void CheckReads(BlockStore& store, bool& complete) {
    SelectHints hints;
    const auto view = store.View();
    absl::StatusOr<std::unique_ptr<SeriesSet>> set = view->Select({}, hints);
    ASSERT_OK(set);
    BlockContent left = all_;
    while ((*set)->Next()) {
      const auto samples = (*set)->samples();
      SampleBatch batch;
      auto& known = left[(*set)->labels()];
      while (samples->Next(batch)) {
        for (size_t i = 0; i < batch.t.size(); ++i) {
          const auto it = known.find(batch.t[i]);
          ASSERT_NE(it, known.end()) << (*set)->labels().ToString() << " " << batch.t[i];
          if (it->second.histogram != nullptr) {
            ASSERT_EQ(*batch.histograms[i], *it->second.histogram);
          } else {
            ASSERT_EQ(Sample({0, batch.v[i]}), Sample({0, it->second.v}));
          }
          known.erase(it);
        }
      }
    }
    complete = true;
    for (const auto& [labels, samples] : left) {
      for (const auto& [t, sample] : samples) {
        complete = false;
        ASSERT_LT(t, kFirst.end) << labels.ToString();
      }
    }
  }

  void CheckDamaged() {
    auto store = Open();
    ASSERT_NE(store, nullptr);
    bool complete = false;
    const auto view = store->View();
    ASSERT_NO_FATAL_FAILURE(CheckReads(*store, complete));
    if (!complete) {
      EXPECT_THAT(view->Warnings(kFirst), ElementsAre(HasSubstr("is damaged")));
      EXPECT_EQ(store->Stats().quarantined, 1u);
      EXPECT_THAT(store->Verify({}), testing::IsCode(absl::StatusCode::kDataLoss, "block 1"));
      // Left out from now on, and every answer about its time can say so.
      EXPECT_EQ(store->View()->blocks().size(), 1u);
      EXPECT_THAT(store->View()->Warnings(kFirst), ElementsAre(HasSubstr("is damaged")));
      ASSERT_NO_FATAL_FAILURE(CheckReads(*store, complete));
      EXPECT_FALSE(complete);
    }
    // The store goes on.
    const BlockContent more = {{Labels{{"more", "1"}}, {{kSecond.end, {1, nullptr, 0}}}}};
    ASSERT_OK(WriteBlock(*store, {kSecond.end, kSecond.end + kHotPartitionMs}, more, {3, 3}));
    EXPECT_EQ(store->View()->mark().sequence, 3u);
    ASSERT_OK(store->DropBefore(kSecond.start));
    ASSERT_OK(store->Delete({Matcher::Equal("more", "1")}, {}));
    ASSERT_OK(store->CleanTombstones());
  }

  testing::Random random_;
  const TempDirectory directory_;
  BlockContent first_, second_, all_;
  std::vector<std::string> files_;
  std::string whole_;
};

TEST_F(BlockDamage, FlippedBitsAndTornFiles) {
  const TempDirectory saved;
  fs::copy(directory_.path(), saved.path());
  for (int i = 0; i < kDamages; ++i) {
    const size_t at = random_.Below(whole_.size());
    const bool flip = i % 3 != 0;
    SCOPED_TRACE(absl::StrCat(flip ? "bit flipped at " : "cut at ", at, " of ", whole_.size()));
    std::string bytes = whole_;
    if (flip) {
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << random_.Below(8));
    } else {
      bytes.resize(at);
    }
    fs::remove_all(directory_.path());
    fs::copy(saved.path(), directory_.path());
    Put(bytes);
    ASSERT_NO_FATAL_FAILURE(CheckDamaged());
  }
}

TEST_F(BlockDamage, AMissingFile) {
  fs::remove(files_[0]);
  CheckDamaged();
}

TEST_F(BlockDamage, AnUnreadableManifestIsRefusedAndSaysWhatToDo) {
  for (const auto& entry : fs::directory_iterator(directory_.path())) {
    if (entry.path().filename().string().starts_with("MANIFEST"))
      std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << "nothing";
  }
  EXPECT_THAT(BlockStore::Open(directory_.path(), nullptr),
              testing::IsCode(absl::StatusCode::kDataLoss, "Restore a snapshot"));
}

}  // namespace
}  // namespace slowburn::tsdb
