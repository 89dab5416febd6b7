#include "tsdb/rocks_state_store.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/testing/memory_state_store.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/failing_disk.h"

namespace slowburn::tsdb {
namespace {

using base::Durability;
using base::Space;
using base::StateChange;

constexpr Space kSpaces[] = {Space::kMeta, Space::kRules, Space::kSlo, Space::kNotify};

std::string All(const base::StateStore& store, Space space, std::string_view begin = "",
                std::string_view end = "") {
  std::string out;
  EXPECT_OK(store.Scan(space, begin, end, [&](std::string_view key, std::string_view value) {
    out += std::string(key) + "=" + std::string(value) + " ";
    return true;
  }));
  return out;
}

TEST(RocksStateStore, AgreesWithTheModelOverRestarts) {
  testing::Random random;
  FailingDisk disk;
  testing::MemoryStateStore model;
  const auto key = [&] {
    return std::string(1 + random.Below(2), static_cast<char>('a' + random.Below(8)));
  };
  for (int round = 0; round < 4; ++round) {
    ASSERT_OK_AND_ASSIGN(const auto store, RocksStateStore::Open("/state", disk.env()));
    for (int i = 0; i < 200; ++i) {
      const Space space = kSpaces[random.Below(4)];
      std::vector<StateChange> changes;
      for (uint64_t n = random.Below(4); n > 0; --n) {
        const auto kind = static_cast<StateChange::Kind>(random.Below(3));
        changes.push_back(
            {key(), kind == StateChange::kDeleteRange ? key() : std::to_string(i), kind});
      }
      const Durability durability = random.OneIn(4) ? Durability::kDisk : Durability::kProcess;
      ASSERT_OK(store->Apply(space, changes, durability));
      ASSERT_OK(model.Apply(space, changes, durability));
      const std::string begin = key(), end = random.OneIn(2) ? "" : key();
      ASSERT_EQ(All(*store, space, begin, end), All(model, space, begin, end));
      const std::string wanted = key();
      const auto got = store->Get(space, wanted), want = model.Get(space, wanted);
      ASSERT_EQ(got.status().code(), want.status().code());
      if (got.ok()) {
        ASSERT_EQ(*got, *want);
      }
    }
  }
}

TEST(RocksStateStore, ScanStopsWhenToldTo) {
  FailingDisk disk;
  ASSERT_OK_AND_ASSIGN(const auto store, RocksStateStore::Open("/state", disk.env()));
  ASSERT_OK(store->Apply(Space::kSlo, {{"a", "1"}, {"b", "2"}}, Durability::kDisk));
  int seen = 0;
  ASSERT_OK(store->Scan(Space::kSlo, "", "",
                        [&](std::string_view, std::string_view) { return ++seen < 1; }));
  EXPECT_EQ(seen, 1);
}

TEST(RocksStateStore, FailsAsAWholeAndRecovers) {
  FailingDisk disk;
  ASSERT_OK_AND_ASSIGN(const auto store, RocksStateStore::Open("/state", disk.env()));
  ASSERT_OK(store->Apply(Space::kRules, {{"a", "1"}}, Durability::kDisk));
  disk.FailAfter(0, DiskFault::kNoSpace);
  EXPECT_THAT(store->Apply(Space::kRules, {{"a", "2"}, {"b", "2"}}, Durability::kDisk),
              testing::IsCode(absl::StatusCode::kUnavailable, "/state"));
  EXPECT_EQ(All(*store, Space::kRules), "a=1 ");
  EXPECT_FALSE(store->Apply(Space::kRules, {{"b", "2"}}, Durability::kDisk).ok());
  // A disk that takes nothing at all.
  disk.FailAfter(0, DiskFault::kNoSpace, "");
  EXPECT_FALSE(store->Apply(Space::kRules, {{"b", "2"}}, Durability::kDisk).ok());
  EXPECT_FALSE(store->Apply(Space::kRules, {{"b", "2"}}, Durability::kDisk).ok());
  EXPECT_EQ(All(*store, Space::kRules), "a=1 ");
  disk.Heal();
  ASSERT_OK(store->Apply(Space::kRules, {{"c", "3"}}, Durability::kDisk));
  EXPECT_EQ(*store->Get(Space::kRules, "a"), "1");
  EXPECT_EQ(*store->Get(Space::kRules, "c"), "3");
}

}  // namespace
}  // namespace slowburn::tsdb
