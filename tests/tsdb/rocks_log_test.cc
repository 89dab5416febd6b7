#include "tsdb/rocks_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/old_log.h"
#include "tests/tsdb/store_fixture.h"

namespace slowburn::tsdb {
namespace {

using Found = std::map<LogKey, std::string>;

Found ScanAll(const RocksLog& log, LogScan* out = nullptr) {
  Found found;
  const LogScan scan =
      log.Scan([&](const LogKey& key, std::string_view record) { found[key] = record; });
  EXPECT_EQ(scan.records, found.size());
  if (out != nullptr) *out = scan;
  return found;
}

TEST(RocksLog, KeysKeepTheirOrder) {
  const LogKey keys[] = {
      {0, 0}, {0, 1}, {0, 256}, {0, UINT64_MAX}, {1, 0}, {256, 5}, {UINT32_MAX, UINT64_MAX}};
  for (size_t i = 0; i < std::size(keys); ++i) {
    LogKey back;
    ASSERT_TRUE(DecodeLogKey(EncodeLogKey(keys[i]), back));
    EXPECT_EQ(back, keys[i]);
    if (i > 0) {
      EXPECT_LT(EncodeLogKey(keys[i - 1]), EncodeLogKey(keys[i]));
    }
  }
  LogKey key;
  EXPECT_FALSE(DecodeLogKey("short", key));
}

TEST(RocksLog, ReadsTablesAndRocksOwnLog) {
  const TempDirectory directory;
  {
    OldLog old(directory.path());
    old.Put({1, 5}, "a");
    old.Flush();
    old.Put({1, 6}, "b");
    old.Put({2, 7}, "c");
  }
  ASSERT_OK_AND_ASSIGN(const auto log, RocksLog::Open(directory.path()));
  LogKey first, last;
  ASSERT_TRUE(log->Bounds(first, last));
  EXPECT_EQ(first, (LogKey{1, 5}));
  EXPECT_EQ(last, (LogKey{2, 7}));
  EXPECT_GT(log->bytes(), 0u);
  EXPECT_EQ(ScanAll(*log), (Found{{{1, 5}, "a"}, {{1, 6}, "b"}, {{2, 7}, "c"}}));
}

// A damaged block is passed over, wherever it is, and told.
TEST(RocksLog, PassesOverADamagedBlock) {
  const TempDirectory directory;
  const auto record = [](uint64_t sequence) {
    return absl::StrCat(sequence, std::string(1000, static_cast<char>('a' + sequence % 26)));
  };
  {
    OldLog old(directory.path());
    for (uint64_t s = 1; s <= 600; ++s) {
      old.Put({1, s}, record(s));
      if (s == 300) old.Flush();
    }
    old.Flush();
  }
  std::string table;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    if (entry.path().extension() == ".sst") table = std::max(table, entry.path().string());
  }
  ASSERT_OK_AND_ASSIGN(const std::string bytes, base::ReadFile(table));
  for (const size_t at : {size_t{100}, bytes.size() / 2}) {
    std::string bad = bytes;
    bad[at] ^= 1;
    ASSERT_OK(base::WriteFileAtomic(table, bad));
    ASSERT_OK_AND_ASSIGN(const auto log, RocksLog::Open(directory.path()));
    LogScan scan;
    const Found found = ScanAll(*log, &scan);
    EXPECT_GT(scan.unreadable, 0u);
    EXPECT_GT(found.size(), 450u);
    EXPECT_TRUE(found.contains({1, 600}));
    for (const auto& [key, value] : found) EXPECT_EQ(value, record(key.sequence));
  }
}

TEST(RocksLog, WhatIsNoDatabaseSaysWhatToDo) {
  const TempDirectory directory;
  ASSERT_OK(base::MakeDirectories(directory.path()));
  ASSERT_OK(base::WriteFileAtomic(directory.path() + "/CURRENT", "nonsense"));
  EXPECT_THAT(RocksLog::Open(directory.path()),
              testing::IsCode(absl::StatusCode::kDataLoss, "move "));
}

}  // namespace
}  // namespace slowburn::tsdb
