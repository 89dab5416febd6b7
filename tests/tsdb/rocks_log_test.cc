#include "tsdb/rocks_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/failing_disk.h"

namespace slowburn::tsdb {
namespace {

constexpr char kPath[] = "/log";

std::string Record(uint64_t sequence) {
  return absl::StrCat("record ", sequence,
                      std::string(sequence * 37 % 300, static_cast<char>('a' + sequence % 26)));
}

using Found = std::map<LogKey, std::string>;

Found ScanAll(const RocksLog& log) {
  Found found;
  LogKey last;
  const RocksLog::ScanResult result = log.Scan([&](const LogKey& key, std::string_view record) {
    EXPECT_TRUE(found.empty() || last < key);
    last = key;
    found[key] = record;
  });
  EXPECT_EQ(result.records, found.size());
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

TEST(RocksLog, BoundsAndScan) {
  FailingDisk disk;
  ASSERT_OK_AND_ASSIGN(const auto log, RocksLog::Open(kPath, disk.env()));
  LogKey first, last;
  EXPECT_FALSE(log->Bounds(first, last));
  EXPECT_TRUE(ScanAll(*log).empty());
  const LogEntry entries[] = {{{1, 5}, "a"}, {{1, 6}, "b"}};
  ASSERT_OK(log->Append(entries, LogSync::kDisk));
  const LogEntry more[] = {{{2, 7}, "c"}};
  ASSERT_OK(log->Append(more, LogSync::kNone));
  ASSERT_OK(log->Sync());
  ASSERT_TRUE(log->Bounds(first, last));
  EXPECT_EQ(first, (LogKey{1, 5}));
  EXPECT_EQ(last, (LogKey{2, 7}));
  EXPECT_EQ(ScanAll(*log), (Found{{{1, 5}, "a"}, {{1, 6}, "b"}, {{2, 7}, "c"}}));
}

std::string LogFile(FailingDisk& disk) {
  std::vector<std::string> names;
  disk.files().GetChildren(kPath, rocksdb::IOOptions(), &names, nullptr).PermitUncheckedError();
  std::string newest;
  for (const std::string& name : names) {
    if (name.ends_with(".log")) newest = std::max(newest, absl::StrCat(kPath, "/", name));
  }
  return newest;
}

uint64_t SizeOf(FailingDisk& disk, const std::string& file) {
  uint64_t size = 0;
  EXPECT_TRUE(disk.files().GetFileSize(file, rocksdb::IOOptions(), &size, nullptr).ok());
  return size;
}

// Cut at many places of its tail, the log has every batch that was whole before the cut, and
// nothing else.
TEST(RocksLog, TornTailKeepsWholeBatches) {
  constexpr uint64_t kBatches = 300, kTail = 16 * 1024, kStep = 7;
  FailingDisk disk;
  std::vector<uint64_t> ends = {0};
  std::string file;
  {
    ASSERT_OK_AND_ASSIGN(const auto log, RocksLog::Open(kPath, disk.env()));
    for (uint64_t i = 0; i < kBatches; ++i) {
      const std::string one = Record(2 * i), two = Record(2 * i + 1);
      const LogEntry entries[] = {{{1, 2 * i}, one}, {{1, 2 * i + 1}, two}};
      ASSERT_OK(log->Append(entries, LogSync::kNone));
      file = LogFile(disk);
      ends.push_back(SizeOf(disk, file));
    }
  }
  std::string bytes;
  ASSERT_TRUE(rocksdb::ReadFileToString(static_cast<rocksdb::Env*>(disk.env()), file, &bytes).ok());
  ASSERT_EQ(bytes.size(), ends.back());
  ASSERT_GT(bytes.size(), kTail);
  std::vector<std::string> names;
  ASSERT_TRUE(disk.files().GetChildren(kPath, rocksdb::IOOptions(), &names, nullptr).ok());
  size_t cuts = 0;
  for (uint64_t cut = bytes.size() - kTail; cut <= bytes.size(); cut += kStep, ++cuts) {
    FailingDisk torn;
    auto* env = static_cast<rocksdb::Env*>(torn.env());
    ASSERT_TRUE(env->CreateDirIfMissing(kPath).ok());
    for (const std::string& name : names) {
      std::string content;
      const std::string path = absl::StrCat(kPath, "/", name);
      if (name == "LOCK" || name.starts_with("LOG") || name.starts_with("OPTIONS")) continue;
      if (!rocksdb::ReadFileToString(static_cast<rocksdb::Env*>(disk.env()), path, &content).ok())
        continue;
      if (path == file) content.resize(cut);
      ASSERT_TRUE(rocksdb::WriteStringToFile(env, content, path).ok());
    }
    ASSERT_OK_AND_ASSIGN(const auto log, RocksLog::Open(kPath, torn.env()));
    const auto whole =
        static_cast<uint64_t>(std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin()) - 1;
    const Found found = ScanAll(*log);
    ASSERT_EQ(found.size(), 2 * whole) << "cut at " << cut;
    for (const auto& [key, record] : found) ASSERT_EQ(record, Record(key.sequence));
    // And it can be written to.
    const LogEntry entry[] = {{{1, 10'000}, "after"}};
    ASSERT_OK(log->Append(entry, LogSync::kNone));
  }
  EXPECT_GT(cuts, 2000u);
}

TEST(RocksLog, DropsFilesOfOldPartitions) {
  FailingDisk disk;
  ASSERT_OK_AND_ASSIGN(const auto log, RocksLog::Open(kPath, disk.env()));
  testing::Random random;
  std::string record(size_t{1} << 20, '\0');
  for (char& c : record) c = static_cast<char>(random.Next());
  uint64_t sequence = 0;
  for (uint32_t partition = 1; partition <= 5; ++partition) {
    for (int i = 0; i < 20; ++i) {
      const LogEntry entry[] = {{{partition, sequence++}, record}};
      ASSERT_OK(log->Append(entry, LogSync::kNone));
    }
  }
  const uint64_t before = log->bytes();
  // Files leave level 0 in the background; what is there by then goes.
  for (int i = 0; i < 1000 && log->bytes() > before - (size_t{40} << 20); ++i) {
    ASSERT_OK(log->DropBefore(5));
    usleep(1000);
  }
  EXPECT_LT(log->bytes(), before);
  const Found found = ScanAll(*log);
  for (uint64_t s = sequence - 20; s < sequence; ++s) EXPECT_TRUE(found.contains({5, s})) << s;
}

TEST(RocksLog, GoesOnAfterFailures) {
  for (const DiskFault fault : {DiskFault::kNoSpace, DiskFault::kBroken}) {
    FailingDisk disk;
    ASSERT_OK_AND_ASSIGN(const auto log, RocksLog::Open(kPath, disk.env()));
    Found want;
    uint64_t sequence = 0;
    const auto append = [&] {
      const std::string record = Record(sequence);
      const LogEntry entry[] = {{{1, sequence++}, record}};
      const absl::Status status = log->Append(entry, LogSync::kNone);
      if (status.ok()) want[entry[0].key] = record;
      return status;
    };
    for (int round = 0; round < 5; ++round) {
      ASSERT_OK(append());
      disk.FailAfter(0, fault);
      EXPECT_THAT(append(),
                  testing::IsCode(absl::StatusCode::kUnavailable, "appending to the log /log"));
      disk.Heal();
      ASSERT_OK(log->Resume());
      ASSERT_OK(append());
      ASSERT_OK(log->Sync());
    }
    Found found = ScanAll(*log);
    for (const auto& [key, record] : want) EXPECT_EQ(found[key], record);
  }
}

}  // namespace
}  // namespace slowburn::tsdb
