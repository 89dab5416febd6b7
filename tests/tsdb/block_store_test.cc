// BlockStore against a naive model: what was written is read back, merged, cut, deleted, rewritten,
// dropped, and all of it after the store was opened anew.
#include "tsdb/block_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/block_model.h"
#include "tests/tsdb/failing_disk.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/temp_directory.h"

namespace slowburn::tsdb {
namespace {

constexpr TimestampMs kZero = 1'699'999'200'000 / kColdPartitionMs * kColdPartitionMs;

std::unique_ptr<BlockStore> Open(const TempDirectory& directory) {
  absl::StatusOr<std::unique_ptr<BlockStore>> store = BlockStore::Open(directory.path(), nullptr);
  EXPECT_OK(store);
  return store.ok() ? *std::move(store) : nullptr;
}

std::string ReadView(const BlockView& view, const Matchers& matchers = {}, TimeRange range = {}) {
  SelectHints hints;
  hints.range = range;
  absl::StatusOr<std::unique_ptr<SeriesSet>> set = view.Select(matchers, hints);
  EXPECT_OK(set);
  return set.ok() ? ReadSet(**set, Show::kAll) : "";
}

// The first line that differs.
std::string Difference(const std::string& got, const std::string& want) {
  const auto mismatch = std::mismatch(got.begin(), got.end(), want.begin(), want.end());
  if (mismatch.first == got.end() && mismatch.second == want.end()) return "";
  const size_t at = static_cast<size_t>(mismatch.first - got.begin());
  const size_t line = at == 0 ? 0 : got.rfind('\n', at - 1) + 1;
  return absl::StrCat("got:  ", got.substr(line, got.find('\n', line) - line),
                      "\nwant: ", want.substr(line, want.find('\n', line) - line), "\nat ",
                      at - line);
}

TEST(BlockStore, EmptyStore) {
  const TempDirectory directory;
  const auto store = Open(directory);
  ASSERT_NE(store, nullptr);
  const auto view = store->View();
  EXPECT_TRUE(view->blocks().empty());
  EXPECT_EQ(view->mark().sequence, 0u);
  EXPECT_EQ(ReadView(*view), "");
  EXPECT_TRUE(view->LabelNames({}, {})->empty());
  EXPECT_EQ(*view->SamplesOf(Labels{{"a", "1"}}, {}), nullptr);
  EXPECT_OK(store->DropBefore(kMaxTime));
  EXPECT_OK(store->DropToSize(0));
  EXPECT_OK(store->CleanTombstones());
  EXPECT_EQ(*store->Delete({}, {}), 0u);
  EXPECT_OK(store->Verify({}));
}

TEST(BlockStore, WhatIsWrittenIsReadBack) {
  const TempDirectory directory;
  auto store = Open(directory);
  BlockContent content;
  const Labels up{{"__name__", "up"}, {"job", "a"}}, down{{"__name__", "down"}};
  for (int i = 0; i < 1000; ++i) {
    content[up][kZero + i * 1000].v = i;
    content[down][kZero + i * 1000].v = i / 100;
  }
  ASSERT_OK(WriteBlock(*store, {kZero, kZero + kHotPartitionMs}, content, {kZero, 7}));
  const std::string want = TextOf(content, {}, {});
  for (int round = 0; round < 2; ++round) {
    const auto view = store->View();
    ASSERT_EQ(view->blocks().size(), 1u);
    EXPECT_EQ(view->blocks()[0].series, 2u);
    EXPECT_EQ(view->blocks()[0].samples, 2000u);
    EXPECT_EQ(view->blocks()[0].min_t, kZero);
    EXPECT_EQ(view->blocks()[0].max_t, kZero + 999'000);
    EXPECT_EQ(view->mark().until, kZero);
    EXPECT_EQ(view->mark().sequence, 7u);
    EXPECT_EQ(ReadView(*view), want);
    const TimeRange range{kZero + 5500, kZero + 9000};
    EXPECT_EQ(ReadView(*view, {Matcher::Equal("job", "a")}, range),
              "up{job=\"a\"} 6@1699920006000 7@1699920007000 8@1699920008000\n");
    EXPECT_OK(store->Verify({}));
    store = nullptr;
    store = Open(directory);
  }
}

// More threads than have a place of their own, each with series of all parts of the blocks.
TEST(BlockStore, ThreadsReadOneSelect) {
  const TempDirectory directory;
  const auto store = Open(directory);
  constexpr int kSeries = 600, kSamples = 200, kThreads = 12;
  for (int part = 0; part < 3; ++part) {
    BlockContent content;
    const TimestampMs start = kZero + part * kHotPartitionMs;
    for (int s = 0; s < kSeries; ++s) {
      auto& samples = content[Labels{{"__name__", "n"}, {"s", absl::StrCat(1000 + s)}}];
      for (int i = 0; i < kSamples; ++i) samples[start + i * 1000 + s % 7].v = s * i;
    }
    ASSERT_OK(WriteBlock(*store, {start, start + kHotPartitionMs}, content, {kZero, 7}));
  }
  const auto view = store->View();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<SeriesSet> set, view->Select({}, {}));
  std::vector<std::unique_ptr<SampleIterator>> all;
  while (set->Next()) all.push_back(set->samples());
  ASSERT_EQ(all.size(), size_t{kSeries});
  std::vector<double> sums(all.size());
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t s = t; s < all.size(); s += kThreads) {
        for (SampleBatch batch; all[s]->Next(batch);) {
          for (const double v : batch.v) sums[s] += v;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t s = 0; s < all.size(); ++s)
    EXPECT_EQ(sums[s], 3.0 * static_cast<double>(s) * (kSamples * (kSamples - 1) / 2)) << s;
}

// A store and its model, with random operations on both.
class Model {
 public:
  enum class Disk { kReal, kMemory };
  Model(testing::Random& random, Disk disk) : random_(random), disk_(disk) {
    base::SetLogLevel(base::LogLevel::kWarn);
    Reopen();
  }

  void Reopen() {
    store_ = nullptr;
    absl::StatusOr<std::unique_ptr<BlockStore>> opened =
        disk_ == Disk::kReal ? BlockStore::Open(directory_.path(), nullptr)
                             : BlockStore::Open("/blocks", memory_.env());
    ASSERT_OK(opened);
    store_ = *std::move(opened);
  }

  void Step() {
    switch (random_.Below(12)) {
      case 0:
        return Reopen();
      case 1:
        return Delete();
      case 2:
        ASSERT_OK(store_->CleanTombstones());
        return TakeOverRewrites();
      case 3:
      case 4:
        return Rewrite();
      case 5:
        return Drop();
      default:
        return Write();
    }
  }

  void Check() {
    std::shared_ptr<const BlockView> view = store_->View();
    const BlockContent all = Merged();
    for (int i = 0; i < 4; ++i) {
      const Matchers matchers = i == 0 ? Matchers() : RandomMatchers(random_);
      const TimeRange range = i < 2 ? TimeRange() : RandomRange();
      std::string texts;
      for (const Matcher& m : matchers) texts += m.ToString() + " ";
      SCOPED_TRACE(absl::StrCat(texts, " [", range.start, ", ", range.end, ")"));
      ASSERT_EQ(Difference(ReadView(*view, matchers, range), TextOf(all, matchers, range)), "");
    }
    CheckLabels(*view, all);
    CheckSamplesOf(*view, all);
    CheckMark(*view);
  }

  BlockStore& store() { return *store_; }

 private:
  struct KnownBlock {
    uint64_t order = 0;
    BlockContent content;
  };

  TimeRange RandomRange() {
    const TimestampMs a =
        kZero + random_.Between(-1, 3 * kColdPartitionMs / base::kMinute) * base::kMinute;
    return {a, a + random_.Between(1, kColdPartitionMs)};
  }

  void Write() {
    const auto batch = store_->NewBatch();
    std::vector<BlockContent> contents;
    const int blocks = static_cast<int>(random_.Between(1, 3));
    for (int i = 0; i < blocks; ++i) {
      const TimestampMs start = kZero + random_.Between(0, 35) * kHotPartitionMs;
      contents.push_back(RandomContent(random_, {start, start + kHotPartitionMs}));
      const TimeRange partition{start, start + kHotPartitionMs};
      ASSERT_OK_AND_ASSIGN(BlockWriter * writer, batch->NewBlock(partition, Temperature::kHot, {}));
      ASSERT_OK(WriteContent(*writer, contents.back(), &random_));
    }
    if (random_.OneIn(5)) return;  // rolled back
    const SealMark mark{kZero + random_.Between(0, 1000), random_.Below(1000)};
    ASSERT_OK(batch->Commit(mark));
    mark_ = {std::max(mark_.until, mark.until), std::max(mark_.sequence, mark.sequence)};
    std::vector<BlockId> ids;
    for (const BlockInfo& info : store_->Blocks()) {
      if (!known_.contains(info.id)) ids.push_back(info.id);
    }
    std::sort(ids.begin(), ids.end());
    std::erase_if(contents, [](const BlockContent& c) { return c.empty(); });
    ASSERT_EQ(ids.size(), contents.size());
    for (size_t i = 0; i < ids.size(); ++i) known_[ids[i]] = {next_order_++, contents[i]};
  }

  void Rewrite() {
    const TimestampMs newest = kZero + random_.Between(0, 5 * 24) * base::kHour;
    const bool stop = random_.OneIn(10);
    const auto go_on = [stop] { return !stop; };
    for (int64_t n = random_.Between(1, 4); n > 0; --n) {
      ASSERT_OK(store_->Rewrite(newest, 2 * base::kHour, go_on));
      ASSERT_NO_FATAL_FAILURE(TakeOverRewrites());
    }
  }

  // Blocks that came in the place of others have their samples.
  void TakeOverRewrites() {
    std::map<BlockId, KnownBlock> now;
    for (const BlockInfo& info : store_->Blocks()) {
      if (known_.contains(info.id)) {
        now[info.id] = known_[info.id];
        continue;
      }
      std::map<uint64_t, const BlockContent*> sources;
      ASSERT_FALSE(info.replaces.empty());
      for (const BlockId id : info.replaces) {
        ASSERT_TRUE(known_.contains(id));
        sources[known_[id].order] = &known_[id].content;
      }
      KnownBlock merged;
      for (const auto& [order, content] : sources) {
        merged.order = order;
        Overlay(*content, merged.content);
      }
      now[info.id] = std::move(merged);
    }
    known_ = std::move(now);
    EXPECT_EQ(store_->Blocks().size(), known_.size());
  }

  bool Lives(BlockId id) const {
    const std::vector<BlockInfo> blocks = store_->Blocks();
    return std::any_of(blocks.begin(), blocks.end(),
                       [id](const BlockInfo& info) { return info.id == id; });
  }

  void Delete() {
    const Matchers matchers = RandomMatchers(random_);
    const TimeRange range = random_.OneIn(4) ? TimeRange() : RandomRange();
    uint64_t want = 0;
    for (auto& [id, block] : known_) want += Erase(block.content, matchers, range);
    const absl::StatusOr<uint64_t> touched = store_->Delete(matchers, range);
    ASSERT_OK(touched);
    EXPECT_EQ(*touched, want);
  }

  void Drop() {
    if (random_.OneIn(2)) {
      const TimestampMs t = kZero + random_.Between(0, 24) * base::kHour;
      const std::vector<BlockInfo> before = store_->Blocks();
      ASSERT_OK(store_->DropBefore(t));
      for (const BlockInfo& info : before) {
        if (info.max_t < t) known_.erase(info.id);
      }
    } else {
      const BlockStats stats = store_->Stats();
      const std::vector<BlockInfo> before = store_->Blocks();
      ASSERT_OK(store_->DropToSize(stats.file_bytes - stats.file_bytes / 8));
      for (const BlockInfo& info : before) {
        if (!Lives(info.id)) known_.erase(info.id);
      }
      if (!before.empty()) {
        EXPECT_FALSE(store_->Blocks().empty());
        EXPECT_EQ(store_->Blocks().back().id, before.back().id);
      }
    }
    EXPECT_EQ(store_->Blocks().size(), known_.size());
  }

  BlockContent Merged() const {
    std::map<uint64_t, const BlockContent*> by_order;
    for (const auto& [id, block] : known_) by_order[block.order] = &block.content;
    BlockContent all;
    for (const auto& [order, content] : by_order) Overlay(*content, all);
    return all;
  }

  void CheckLabels(const BlockView& view, const BlockContent& all) {
    // At the grain of blocks: a block may still have series of which all was deleted.
    std::set<std::string> names, values;
    for (const auto& [labels, samples] : all) {
      for (const LabelView label : labels) names.insert(std::string(label.name));
      if (labels.Has("job")) values.insert(std::string(labels.Get("job")));
    }
    const auto got_names = *view.LabelNames({}, {});
    const auto got_values = *view.LabelValues("job", {}, {});
    EXPECT_TRUE(std::is_sorted(got_names.begin(), got_names.end()));
    EXPECT_TRUE(std::includes(got_names.begin(), got_names.end(), names.begin(), names.end()));
    EXPECT_TRUE(std::includes(got_values.begin(), got_values.end(), values.begin(), values.end()));
    const Matchers matchers = {Matcher::Equal("job", "a")};
    const auto some = *view.LabelValues("job", matchers, {});
    EXPECT_EQ(some, std::vector<std::string>(some.size(), "a"));
  }

  void CheckSamplesOf(const BlockView& view, const BlockContent& all) {
    for (int i = 0; i < 3; ++i) {
      const Labels labels = RandomLabels(random_);
      const TimeRange range = random_.OneIn(2) ? TimeRange() : RandomRange();
      BlockContent one;
      if (const auto it = all.find(labels); it != all.end()) one[labels] = it->second;
      auto samples = view.SamplesOf(labels, range);
      ASSERT_OK(samples);
      const std::string want = TextOf(one, {}, range);
      ASSERT_EQ(*samples == nullptr, want.empty());
      if (*samples != nullptr) {
        EXPECT_EQ(labels.ToString() + ReadIterator(**samples) + "\n", want);
      }
    }
  }

  void CheckMark(const BlockView& view) {
    EXPECT_EQ(view.mark().until, mark_.until);
    EXPECT_EQ(view.mark().sequence, mark_.sequence);
  }

  testing::Random& random_;
  const Disk disk_;
  const TempDirectory directory_;
  FailingDisk memory_;  // which never fails here
  std::unique_ptr<BlockStore> store_;
  std::map<BlockId, KnownBlock> known_;
  uint64_t next_order_ = 1;
  SealMark mark_;
};

void RunModel(testing::Random& random, Model::Disk disk, int steps) {
  Model model(random, disk);
  for (int step = 0; step < steps; ++step) {
    ASSERT_NO_FATAL_FAILURE(model.Step()) << "step " << step;
    if (step % 4 == 0) {
      ASSERT_NO_FATAL_FAILURE(model.Check()) << "step " << step;
    }
    ASSERT_FALSE(::testing::Test::HasFailure()) << "step " << step;
  }
  ASSERT_OK(model.store().Verify({}));
}

TEST(BlockStore, RandomOperationsAgreeWithTheModel) {
  testing::Random random;
  for (int round = 0; round < 5; ++round)
    ASSERT_NO_FATAL_FAILURE(RunModel(random, Model::Disk::kMemory, 50)) << "round " << round;
}

TEST(BlockStore, RandomOperationsOnDiskAgreeWithTheModel) {
  testing::Random random;
  RunModel(random, Model::Disk::kReal, 25);
}

}  // namespace
}  // namespace slowburn::tsdb
