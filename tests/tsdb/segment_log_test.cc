#include "tsdb/segment_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/failing_files.h"
#include "tests/tsdb/store_fixture.h"
#include "tsdb/segment.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;

using Found = std::map<LogKey, std::string>;

std::string Record(uint64_t sequence) {
  return absl::StrCat("record ", sequence,
                      std::string(sequence * 37 % 300, static_cast<char>('a' + sequence % 26)));
}

Found ScanAll(const SegmentLog& log, LogScan* out = nullptr) {
  Found found;
  LogKey last;
  const LogScan scan = log.Scan([&](const LogKey& key, std::string_view record) {
    EXPECT_TRUE(found.empty() || last < key);
    last = key;
    found[key] = record;
  });
  EXPECT_EQ(scan.records, found.size());
  if (out != nullptr) {
    *out = scan;
  } else {
    EXPECT_EQ(scan.unreadable, 0u) << scan.faults[0];
  }
  return found;
}

Found ScanAll(const std::string& path, LogScan* out = nullptr) {
  const auto log = SegmentLog::OpenReadOnly(path);
  EXPECT_OK(log);
  return ScanAll(**log, out);
}

void Overwrite(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<std::string> FilesIn(const std::string& path) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

// A log and what was acknowledged.
struct Writer {
  explicit Writer(std::string at, LogFiles& files = LogFiles::OfSystem()) : path(std::move(at)) {
    auto opened = SegmentLog::Open(path, files);
    EXPECT_OK(opened);
    log = *std::move(opened);
  }

  absl::Status Append(LogSync sync = LogSync::kNone, size_t count = 1) {
    std::vector<std::string> records;
    std::vector<LogEntry> entries;
    records.reserve(count);
    for (; count > 0; --count) {
      records.push_back(Record(sequence) + std::string(padding, '='));
      entries.push_back({{partition, sequence++}, records.back()});
    }
    const absl::Status status = log->Append(entries, sync);
    if (!status.ok()) return status;
    for (const LogEntry& entry : entries) want[entry.key] = entry.record;
    return status;
  }

  const std::string path;
  std::unique_ptr<SegmentLog> log;
  uint32_t partition = 1;
  uint64_t sequence = 0;
  size_t padding = 0;
  Found want;
};

TEST(SegmentLog, BoundsAndScan) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/log";
  {
    ASSERT_OK_AND_ASSIGN(const auto none, SegmentLog::OpenReadOnly(path));
    EXPECT_TRUE(ScanAll(*none).empty());
    EXPECT_FALSE(fs::exists(path));
  }
  ASSERT_OK_AND_ASSIGN(const auto log, SegmentLog::Open(path));
  LogKey first, last;
  EXPECT_FALSE(log->Bounds(first, last));
  EXPECT_TRUE(ScanAll(*log).empty());
  const LogEntry entries[] = {{{1, 5}, "a"}, {{1, 6}, ""}};
  ASSERT_OK(log->Append(entries, LogSync::kDisk));
  const LogEntry more[] = {{{2, 7}, "c"}, {{2, 90}, "d"}};
  ASSERT_OK(log->Append(more, LogSync::kNone));
  ASSERT_OK(log->Sync());
  const Found want = {{{1, 5}, "a"}, {{1, 6}, ""}, {{2, 7}, "c"}, {{2, 90}, "d"}};
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK_AND_ASSIGN(const auto reader, SegmentLog::OpenReadOnly(path));
    const SegmentLog& look = round == 0 ? *log : *reader;
    ASSERT_TRUE(look.Bounds(first, last));
    EXPECT_EQ(first, (LogKey{1, 5}));
    EXPECT_EQ(last, (LogKey{2, 90}));
    EXPECT_EQ(ScanAll(look), want);
    EXPECT_OK(look.VerifyChecksums());
  }
}

TEST(SegmentLog, AFileForEachPartitionProcessAndSize) {
  const TempDirectory directory;
  const std::string record(size_t{9} << 20, 'x');
  Found want;
  uint64_t sequence = 0;
  const auto append = [&](SegmentLog& log, uint32_t partition, const std::string& text) {
    const LogEntry entry[] = {{{partition, ++sequence}, text}};
    want[entry[0].key] = text;
    ASSERT_OK(log.Append(entry, LogSync::kNone));
  };
  for (int process = 0; process < 2; ++process) {
    ASSERT_OK_AND_ASSIGN(const auto log, SegmentLog::Open(directory.path()));
    append(*log, 1 + process, "a");
    append(*log, 1 + process, "b");
    append(*log, 2 + process, "c");
  }
  EXPECT_EQ(FilesIn(directory.path()).size(), 4u);
  {
    ASSERT_OK_AND_ASSIGN(const auto log, SegmentLog::Open(directory.path()));
    for (int i = 0; i < 9; ++i) append(*log, 3, record);
    EXPECT_GT(log->bytes(), 9 * record.size());
    EXPECT_EQ(ScanAll(*log), want);
  }
  EXPECT_EQ(FilesIn(directory.path()).size(), 6u);
  EXPECT_EQ(ScanAll(directory.path()), want);
}

// Cut at many places of its last 64 KiB, the log has every batch that was whole before the cut, and
// nothing else. Each place with SLOWBURN_LONG.
TEST(SegmentLog, TornTailKeepsWholeBatches) {
  constexpr uint64_t kTail = 64 * 1024, kPadding = 800;
  const uint64_t step = std::getenv("SLOWBURN_LONG") != nullptr ? 1 : 7;
  const TempDirectory directory;
  std::vector<uint64_t> ends;
  std::string file;
  {
    Writer writer(directory.path() + "/log");
    writer.padding = kPadding;
    for (uint64_t i = 0; i < 40; ++i) {
      ASSERT_OK(writer.Append(LogSync::kNone, 2));
      file = FilesIn(writer.path).back();
      ends.push_back(fs::file_size(file));
    }
  }
  ASSERT_GT(ends.back(), kTail);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, base::ReadFile(file));
  size_t cuts = 0;
  for (uint64_t cut = ends.back(); cut >= ends.back() - kTail; cut -= step, ++cuts) {
    fs::resize_file(file, cut);
    const auto whole =
        static_cast<uint64_t>(std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin());
    LogScan scan;
    const Found found = ScanAll(directory.path() + "/log", &scan);
    ASSERT_EQ(scan.unreadable, 0u) << "cut at " << cut;
    ASSERT_EQ(scan.torn_bytes, cut - ends[whole - 1]);
    ASSERT_EQ(found.size(), 2 * whole) << "cut at " << cut;
    for (const auto& [key, record] : found) {
      ASSERT_EQ(record, Record(key.sequence) + std::string(kPadding, '='));
    }
    if (cuts % 97 != 0) continue;
    // And it can be written to: the torn end is forgotten.
    const std::string copy = directory.path() + "/copy";
    fs::copy(directory.path() + "/log", copy);
    fs::resize_file(absl::StrCat(copy, "/", fs::path(file).filename().string()),
                    cut + cuts % 2 * 5000);  // behind it zeros, as after a power loss
    Found want = found;
    for (int process = 0; process < 2; ++process) {
      Writer writer(copy);
      writer.sequence = 10'000 + static_cast<uint64_t>(process);
      ASSERT_OK(writer.Append());
      want.insert(writer.want.begin(), writer.want.end());
    }
    ASSERT_EQ(ScanAll(copy), want);
    fs::remove_all(copy);
  }
  EXPECT_GT(cuts, kTail / step);
}

// A segment is damaged at random places. What was not touched is found, what was is not, and that
// is said.
TEST(SegmentLog, DamageInTheMiddle) {
  testing::Random random;
  struct Frame {
    std::string file;
    uint64_t begin = 0, end = 0;
    LogKey key;
  };
  for (int round = 0; round < 300; ++round) {
    const TempDirectory directory;
    std::vector<Frame> frames;
    Writer writer(directory.path());
    const uint64_t count = 2 + random.Below(60);
    for (uint64_t i = 0; i < count; ++i) {
      if (random.OneIn(20)) ++writer.partition;
      const LogKey key{writer.partition, writer.sequence};
      const uint64_t before = writer.log->bytes();
      ASSERT_OK(writer.Append());
      const std::string file = FilesIn(writer.path).back();
      const uint64_t end = fs::file_size(file);
      const bool is_new = frames.empty() || frames.back().file != file;
      frames.push_back({file, is_new ? kSegmentHeaderBytes : frames.back().end, end, key});
      ASSERT_EQ(writer.log->bytes(), before + end - (is_new ? 0 : frames.back().begin));
    }
    const std::string file = frames[random.Below(frames.size())].file;
    ASSERT_OK_AND_ASSIGN(std::string bytes, base::ReadFile(file));
    std::vector<std::pair<uint64_t, uint64_t>> damage;
    for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
      const uint64_t from = random.Below(bytes.size());
      const uint64_t size =
          std::min<uint64_t>(1 + random.Below(random.OneIn(2) ? 4 : 4096), bytes.size() - from);
      const bool zeros = random.OneIn(2);
      for (uint64_t i = from; i < from + size; ++i)
        bytes[i] = zeros ? '\0' : static_cast<char>(bytes[i] ^ (1 + random.Below(255)));
      damage.emplace_back(from, from + size);
    }
    ASSERT_OK_AND_ASSIGN(const std::string original, base::ReadFile(file));
    Overwrite(file, bytes);
    const auto touched = [&](const std::string& in, uint64_t begin, uint64_t end) {
      return in == file && bytes.compare(begin, end - begin, original, begin, end - begin) != 0;
    };
    Found want = writer.want;
    bool must_tell = false, torn = touched(file, 0, kSegmentHeaderBytes);
    for (size_t i = 0; i < frames.size(); ++i) {
      if (!touched(frames[i].file, frames[i].begin, frames[i].end)) continue;
      want.erase(frames[i].key);
      torn |= i + 1 == frames.size();
      must_tell |=
          i + 1 < frames.size() &&
          (frames[i + 1].file != file || !touched(file, frames[i + 1].begin, frames[i + 1].end));
    }
    for (int look = 0; look < 2; ++look) {
      LogScan scan;
      ASSERT_EQ(ScanAll(directory.path(), &scan), want) << "seed " << random.seed();
      if (must_tell) {
        EXPECT_GT(scan.unreadable, 0u) << "seed " << random.seed();
      } else if (!torn) {
        EXPECT_EQ(scan.unreadable, 0u) << "seed " << random.seed() << " " << scan.faults[0];
      }
      if (scan.unreadable > 0) {
        EXPECT_NE(scan.faults[0].find(file), std::string::npos);
      }
      // It is written on, and the damage stays as it is.
      Writer next(directory.path());
      next.partition = writer.partition;
      next.sequence = 100'000 + static_cast<uint64_t>(look);
      ASSERT_OK(next.Append());
      want.insert(next.want.begin(), next.want.end());
    }
  }
}

// Bytes in a record that look like a frame are none, even where the frame around them is damaged.
TEST(SegmentLog, RecordsCannotForgeFrames) {
  const TempDirectory directory;
  const LogEntry inner[] = {{{1, 500}, "forged"}};
  std::string forged;
  ASSERT_TRUE(AppendFrame(12345, inner, forged));
  const LogEntry entries[][1] = {{{{1, 1}, forged}}, {{{1, 2}, "true"}}};
  {
    ASSERT_OK_AND_ASSIGN(const auto log, SegmentLog::Open(directory.path()));
    for (const auto& entry : entries) ASSERT_OK(log->Append(entry, LogSync::kNone));
  }
  const std::string file = FilesIn(directory.path()).front();
  ASSERT_OK_AND_ASSIGN(std::string bytes, base::ReadFile(file));
  bytes[kSegmentHeaderBytes + kFrameHeaderBytes] ^= 1;
  Overwrite(file, bytes);
  LogScan scan;
  EXPECT_EQ(ScanAll(directory.path(), &scan), (Found{{{1, 2}, "true"}}));
  EXPECT_EQ(scan.unreadable, 1u);
}

TEST(SegmentLog, TellsWhatIsMissingAndWhatWasCopied) {
  const TempDirectory directory;
  Writer writer(directory.path());
  for (writer.partition = 1; writer.partition <= 4; ++writer.partition) ASSERT_OK(writer.Append());
  const std::vector<std::string> files = FilesIn(directory.path());
  ASSERT_EQ(files.size(), 4u);
  LogScan scan;
  fs::copy(files[1], directory.path() + "/0000000009-0000000009.seg");
  EXPECT_EQ(ScanAll(directory.path(), &scan), writer.want);
  EXPECT_EQ(scan.unreadable, 1u);
  fs::remove(directory.path() + "/0000000009-0000000009.seg");
  fs::remove(files[1]);
  writer.want.erase({2, 1});
  EXPECT_EQ(ScanAll(directory.path(), &scan), writer.want);
  ASSERT_EQ(scan.unreadable, 1u);
  EXPECT_NE(scan.faults[0].find("segment 2 is missing"), std::string::npos) << scan.faults[0];
  EXPECT_THAT((*SegmentLog::OpenReadOnly(directory.path()))->VerifyChecksums(),
              testing::IsCode(absl::StatusCode::kDataLoss, "segment 2 is missing"));
}

TEST(SegmentLog, DropsOldPartitions) {
  const TempDirectory directory;
  Writer writer(directory.path());
  for (writer.partition = 1; writer.partition <= 5; ++writer.partition) {
    for (int i = 0; i < 3; ++i) ASSERT_OK(writer.Append());
  }
  --writer.partition;
  ASSERT_OK(writer.log->DropBefore(4));
  std::erase_if(writer.want, [](const auto& entry) { return entry.first.partition < 4; });
  EXPECT_EQ(ScanAll(*writer.log), writer.want);
  EXPECT_EQ(FilesIn(directory.path()).size(), 2u);
  ASSERT_OK(writer.Append());
  EXPECT_EQ(ScanAll(directory.path()), writer.want);
  uint64_t bytes = 0;
  for (const std::string& file : FilesIn(directory.path())) bytes += fs::file_size(file);
  EXPECT_EQ(writer.log->bytes(), bytes);
  // Everything, the file at hand included.
  ASSERT_OK(writer.log->DropBefore(6));
  EXPECT_EQ(writer.log->bytes(), 0u);
  LogKey first, last;
  EXPECT_FALSE(writer.log->Bounds(first, last));
  writer.want.clear();
  writer.partition = 6;
  ASSERT_OK(writer.Append());
  ASSERT_OK(writer.log->Sync());
  EXPECT_EQ(ScanAll(directory.path()), writer.want);
}

// Whatever call fails, once or until the disk heals: nothing that was refused is found, everything
// that was acknowledged is, and the log goes on.
TEST(SegmentLog, EveryCallFailsInTurn) {
  for (const DiskFault fault : {DiskFault::kNoSpace, DiskFault::kBroken}) {
    for (const LogSync sync : {LogSync::kNone, LogSync::kDisk}) {
      for (const int times : {1, 2, 1 << 20}) {
        for (int k = 0; k < 14; ++k) {
          SCOPED_TRACE(absl::StrCat("call ", k, ", fault ", static_cast<int>(fault), ", sync ",
                                    static_cast<int>(sync), ", ", times, " times"));
          const TempDirectory directory;
          FailingFiles files;
          Writer writer(directory.path() + "/log", files);
          files.FailAfter(k, fault, times);
          int failed = 0;
          for (int i = 0; i < 8; ++i) {
            if (i % 3 == 2) ++writer.partition;
            absl::Status status = writer.Append(sync);
            if (status.ok()) continue;
            ++failed;
            EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kUnavailable, "appending to"));
            EXPECT_THAT(writer.Append(sync),
                        testing::IsCode(absl::StatusCode::kUnavailable, "failed before"));
            if (failed == 3) files.Heal();
            ASSERT_OK(writer.log->Resume());
            EXPECT_EQ(ScanAll(*writer.log), writer.want);
          }
          EXPECT_EQ(failed > 0, files.failures() > 0);
          files.Heal();
          ASSERT_OK(writer.log->Resume());
          ASSERT_OK(writer.Append(sync));
          ASSERT_OK(writer.log->Sync());
          EXPECT_EQ(ScanAll(*writer.log), writer.want);
          writer.log = nullptr;
          EXPECT_EQ(ScanAll(writer.path), writer.want);
        }
      }
    }
  }
}

TEST(SegmentLog, GoesOnWhenAFullDiskHasSpaceAgain) {
  const TempDirectory directory;
  FailingFiles files;
  Writer writer(directory.path(), files);
  uint64_t quota = 3000;
  for (int round = 0; round < 4; ++round, quota += 5000) {
    files.SetQuota(quota);
    while (writer.Append().ok()) {
    }
    for (int i = 0; i < 3; ++i) {
      ASSERT_OK(writer.log->Resume());
      EXPECT_FALSE(writer.Append(LogSync::kNone, 30).ok());
    }
    // Nothing half-written takes up space.
    EXPECT_EQ(files.used(), writer.log->bytes());
    ASSERT_OK(writer.log->Resume());
    EXPECT_EQ(ScanAll(*writer.log), writer.want);
    EXPECT_EQ(ScanAll(directory.path()), writer.want);
  }
  files.SetQuota(0);
  ASSERT_OK(writer.Append());
  EXPECT_EQ(FilesIn(directory.path()).size(), 1u);
  EXPECT_EQ(ScanAll(directory.path()), writer.want);
  EXPECT_GT(writer.want.size(), 80u);
}

TEST(SegmentLog, AFailedSyncRefusesWhatFollows) {
  const TempDirectory directory;
  FailingFiles files;
  Writer writer(directory.path(), files);
  ASSERT_OK(writer.Append());
  files.FailAfter(0, DiskFault::kBroken);
  EXPECT_THAT(writer.log->Sync(),
              testing::IsCode(absl::StatusCode::kUnavailable, "syncing the log"));
  files.Heal();
  EXPECT_FALSE(writer.log->Sync().ok());
  EXPECT_FALSE(writer.Append().ok());
  ASSERT_OK(writer.log->Resume());
  ASSERT_OK(writer.Append(LogSync::kDisk));
  EXPECT_EQ(FilesIn(directory.path()).size(), 2u) << "the file whose sync failed is left alone";
  EXPECT_EQ(ScanAll(directory.path()), writer.want);
}

TEST(SegmentLog, SyncsWhileItIsWritten) {
  const TempDirectory directory;
  Writer writer(directory.path());
  std::atomic<bool> done{false};
  std::thread syncer([&] {
    while (!done) EXPECT_OK(writer.log->Sync());
  });
  for (int i = 0; i < 300; ++i) {
    if (i % 50 == 49) ++writer.partition;
    ASSERT_OK(writer.Append(i % 40 == 0 ? LogSync::kDisk : LogSync::kNone));
    EXPECT_GT(writer.log->bytes(), 0u);
  }
  done = true;
  syncer.join();
  EXPECT_EQ(ScanAll(*writer.log), writer.want);
}

}  // namespace
}  // namespace slowburn::tsdb
