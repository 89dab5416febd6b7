// Snapshots of a Db that is in use, copied, damaged, interrupted and restored.
#include "tsdb/directory_snapshot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/state_store.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/old_log.h"
#include "tests/tsdb/store_fixture.h"
#include "tests/tsdb/temp_directory.h"
#include "tsdb/commit_record.h"
#include "tsdb/snapshot_files.h"
#include "tsdb/snapshot_manifest.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;
using testing::IsCode;

// It comes with the fixture, and runs elsewhere.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StorageContract);

void Write(Storage& storage, const std::vector<Labels>& series, TimestampMs t, double v) {
  const auto appender = storage.NewAppender();
  for (const Labels& labels : series) {
    const absl::StatusOr<SeriesRef> ref = appender->Resolve(labels, nullptr);
    ASSERT_OK(ref);
    appender->Append(*ref, t, v);
    appender->AppendExemplar(*ref, {Labels{{"id", "x"}}, v, t});
  }
  ASSERT_OK_AND_ASSIGN(const CommitResult result, appender->Commit());
  ASSERT_EQ(result.samples, series.size());
}

absl::Status Put(base::StateStore& state, const std::string& key, const std::string& value) {
  return state.Apply(base::Space::kNotify, {{key, value}}, base::Durability::kProcess);
}

std::string StateText(base::StateStore& state) {
  std::string text;
  for (const base::Space space :
       {base::Space::kMeta, base::Space::kRules, base::Space::kSlo, base::Space::kNotify}) {
    EXPECT_OK(state.Scan(space, "", "", [&](std::string_view key, std::string_view value) {
      absl::StrAppend(&text, std::string(key), "=", std::string(value), "\n");
      return true;
    }));
  }
  return text;
}

// Everything there is, as text.
std::string All(Db& db) {
  const auto querier = db.NewQuerier({});
  std::string text = ReadAll(*querier, {}, {});
  const std::vector<Querier::SeriesExemplars> exemplars = *querier->Exemplars({Matchers()}, {});
  for (const Querier::SeriesExemplars& one : exemplars) {
    text += one.labels.ToString();
    for (const Exemplar& e : one.exemplars) absl::StrAppend(&text, " ", e.t);
  }
  return text + StateText(db.state());
}

// With samples in blocks, samples and exemplars in memory, and some state.
struct Filled : DbStore {
  Filled() {
    const TimestampMs t = clock.Now();
    for (int i = 0; i < 30; ++i)
      Write(storage(), {{{"a", "1"}}, {{"a", "2"}}}, t - (60 - i) * 6 * base::kMinute, 0.1 * i);
    EXPECT_OK(db->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait));
    for (int i = 30; i < 60; ++i)
      Write(storage(), {{{"a", "1"}}, {{"b", "3"}}}, t - (60 - i) * 6 * base::kMinute, i);
    for (int i = 0; i < 20; ++i) EXPECT_OK(Put(db->state(), absl::StrCat("silence/", i), "on"));
  }
  std::string Take(SnapshotHead head = SnapshotHead::kWith) {
    const absl::StatusOr<TakenSnapshot> taken = db->Snapshot(head, {});
    EXPECT_OK(taken);
    return taken.ok() ? taken->path : "";
  }
  // What a directory holds, opened at the time of this store.
  std::string AllOf(const std::string& path) {
    prometheus::Registry of_it;
    DbOptions other = options;
    other.path = path;
    const absl::StatusOr<std::unique_ptr<Db>> opened = Db::Open(other, clock, of_it);
    EXPECT_OK(opened);
    return opened.ok() ? All(**opened) : "";
  }
};

size_t FilesIn(const std::string& path) {
  const absl::StatusOr<std::vector<std::string>> files = FilesBelow(path);
  return files.ok() ? files->size() : 0;
}

// Replaces a file that may be linked elsewhere too.
void Replace(const std::string& path, const std::string& bytes) {
  fs::remove(path);
  ASSERT_OK(base::WriteFileAtomic(path, bytes));
}

TEST(DirectorySnapshot, HoldsEverythingOfOneMoment) {
  Filled store;
  const std::string before = All(*store.db);
  const std::string snapshot = store.Take();
  Write(store.storage(), {{{"a", "1"}}}, store.clock.Now(), 77);
  ASSERT_OK(Put(store.db->state(), "later", "1"));
  ASSERT_OK(store.db->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait));
  ASSERT_OK(store.db->RewriteBlocks());
  EXPECT_NE(All(*store.db), before);
  const TempDirectory directory;
  ASSERT_OK_AND_ASSIGN(const SnapshotStats stats, RestoreSnapshot(snapshot, directory.path(), {}));
  EXPECT_EQ(stats.files, FilesIn(snapshot) - 1) << "all but the manifest";
  EXPECT_EQ(*base::ReadFile(directory.path() + "/FORMAT"),
            *base::ReadFile(store.directory.path() + "/FORMAT"));
  EXPECT_EQ(store.AllOf(directory.path()), before);
  // It goes on from there.
  store.options.path = directory.path();
  store.Reopen();
  EXPECT_EQ(All(*store.db), before);
  Write(store.storage(), {{{"a", "1"}}}, store.clock.Now(), 78);
  const std::string after = All(*store.db);
  ASSERT_OK(store.db->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait));
  store.Reopen();
  EXPECT_EQ(All(*store.db), after);
}

TEST(DirectorySnapshot, OfAnEmptyStore) {
  DbStore store;
  ASSERT_OK_AND_ASSIGN(const TakenSnapshot taken, store.db->Snapshot(SnapshotHead::kWith, {}));
  EXPECT_EQ(taken.path, store.directory.path() + "/snapshots/" + taken.name);
  EXPECT_EQ(taken.name.substr(0, 17), "20231114T221320Z-");
  EXPECT_EQ(taken.name.size(), 17u + 16);
  const TempDirectory directory;
  ASSERT_OK(RestoreSnapshot(taken.path, directory.path(), {}));
  store.options.path = directory.path();
  store.Reopen();
  EXPECT_EQ(store.Read(), "");
}

TEST(DirectorySnapshot, WithoutTheHeadHasWhatIsSealed) {
  Filled store;
  const std::string snapshot = store.Take(SnapshotHead::kWithout);
  EXPECT_FALSE(fs::exists(snapshot + "/log"));
  const TempDirectory directory;
  ASSERT_OK(RestoreSnapshot(snapshot, directory.path(), {}));
  store.options.path = directory.path();
  store.Reopen();
  EXPECT_EQ(ReadSamples(*store.db->NewQuerier({}), {}).size(), 60u);
  Write(store.storage(), {{{"a", "1"}}}, store.clock.Now(), 1);
  store.Reopen();
  EXPECT_EQ(ReadSamples(*store.db->NewQuerier({}), {}).size(), 61u);
}

TEST(DirectorySnapshot, HasTheLogOfFormatOne) {
  DbStore store;
  const TimestampMs t = store.clock.Now();
  store.db = nullptr;
  {
    OldLog log(store.directory.path() + "/wal");
    RecordWriter writer;
    const uint32_t ids[] = {0};
    const Labels labels{{"a", "1"}};
    writer.AddSeries(0, labels, ids);
    writer.AddSample(0, t, 0x3ff0000000000000, 0);
    std::string record;
    writer.Finish(1, record);
    log.Put({static_cast<uint32_t>(t / (2 * base::kHour)), 1}, record);
  }
  store.Reopen();
  const std::string before = store.Read();
  EXPECT_EQ(before, absl::StrCat("{a=\"1\"} 1@", t, "\n"));
  ASSERT_OK_AND_ASSIGN(const TakenSnapshot taken, store.db->Snapshot(SnapshotHead::kWith, {}));
  const TempDirectory directory;
  ASSERT_OK(RestoreSnapshot(taken.path, directory.path(), {}));
  store.options.path = directory.path();
  store.Reopen();
  EXPECT_EQ(store.Read(), before);
}

TEST(DirectorySnapshot, IsNotOpenedAsADataDirectory) {
  Filled store;
  const std::string snapshot = store.Take();
  store.db = nullptr;
  prometheus::Registry registry;
  store.options.path = snapshot;
  EXPECT_THAT(Db::Open(store.options, store.clock, registry),
              IsCode(absl::StatusCode::kFailedPrecondition, "tsdb restore"));
  fs::remove(snapshot + "/" + kSnapshotManifestName);
  EXPECT_THAT(Db::Open(store.options, store.clock, registry),
              IsCode(absl::StatusCode::kDataLoss, "did not finish"));
}

TEST(DirectorySnapshot, WhatACrashLeavesGoesAtTheNextStart) {
  Filled store;
  const std::string snapshot = store.Take();
  const std::string unfinished = snapshot + kUnfinishedSuffix;
  fs::copy(snapshot, unfinished, fs::copy_options::recursive);
  store.Reopen();
  EXPECT_FALSE(fs::exists(unfinished));
  EXPECT_TRUE(fs::exists(snapshot));
}

TEST(DirectorySnapshot, EveryFileIsCheckedWhenItIsRestored) {
  Filled store;
  const std::string snapshot = store.Take();
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> files, FilesBelow(snapshot));
  ASSERT_GT(files.size(), 8u);
  const TempDirectory directory;
  fs::create_directories(directory.path());
  int cases = 0;
  for (const std::string& file : files) {
    const std::string path = absl::StrCat(snapshot, "/", file);
    ASSERT_OK_AND_ASSIGN(const std::string bytes, base::ReadFile(path));
    const auto refused = [&](const std::string& damaged) {
      ++cases;
      Replace(path, damaged);
      EXPECT_THAT(RestoreSnapshot(snapshot, directory.path(), {}),
                  IsCode(absl::StatusCode::kDataLoss, file))
          << file << " with " << damaged.size() << " of " << bytes.size() << " bytes";
      EXPECT_TRUE(fs::is_empty(directory.path())) << "nothing is left of it";
    };
    // Each byte of small files, some forty of large ones.
    const size_t step = bytes.size() <= 64 ? 1 : bytes.size() / 40;
    for (size_t end = 0; end < bytes.size(); end += step) refused(bytes.substr(0, end));
    for (size_t at = 0; at < bytes.size(); at += 3 * step) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 16);
      refused(changed);
    }
    if (file != kSnapshotManifestName) refused(bytes + "x");
    fs::remove(path);
    EXPECT_THAT(RestoreSnapshot(snapshot, directory.path(), {}),
                IsCode(file == kSnapshotManifestName ? absl::StatusCode::kNotFound
                                                     : absl::StatusCode::kDataLoss,
                       file));
    EXPECT_TRUE(fs::is_empty(directory.path()));
    Replace(path, bytes);
  }
  EXPECT_GT(cases, 300);
  ASSERT_OK(RestoreSnapshot(snapshot, directory.path(), {}));
  EXPECT_EQ(store.AllOf(directory.path()), All(*store.db));
}

TEST(DirectorySnapshot, IsRestoredIntoAnEmptyDirectoryOnly) {
  Filled store;
  const std::string snapshot = store.Take();
  const TempDirectory directory;
  ASSERT_OK(base::MakeDirectories(directory.path()));
  ASSERT_OK(base::WriteFileAtomic(directory.path() + "/notes", "mine"));
  EXPECT_THAT(RestoreSnapshot(snapshot, directory.path(), {}),
              IsCode(absl::StatusCode::kFailedPrecondition, "is not empty"));
  EXPECT_EQ(*base::ReadFile(directory.path() + "/notes"), "mine");
  EXPECT_THAT(RestoreSnapshot(snapshot, store.directory.path(), {}),
              IsCode(absl::StatusCode::kFailedPrecondition, "is not empty"));
  const TempDirectory nowhere;
  EXPECT_THAT(RestoreSnapshot(nowhere.path(), directory.path(), {}),
              IsCode(absl::StatusCode::kNotFound, "not a snapshot"));
  EXPECT_THAT(RestoreSnapshot(store.directory.path(), nowhere.path(), {}),
              IsCode(absl::StatusCode::kNotFound, "not a snapshot"));
}

TEST(DirectorySnapshot, CopiesOnlyWhatIsNew) {
  Filled store;
  const TempDirectory kept;
  std::string snapshot = store.Take();
  ASSERT_OK_AND_ASSIGN(const SnapshotStats first, CopySnapshot(snapshot, kept.path(), {}));
  EXPECT_EQ(first.new_files, first.files);
  EXPECT_EQ(first.new_bytes, first.bytes);
  ASSERT_OK_AND_ASSIGN(const SnapshotStats again, CopySnapshot(snapshot, kept.path(), {}));
  EXPECT_EQ(again.new_files, 0u);
  EXPECT_EQ(again.new_bytes, 0u);
  EXPECT_EQ(again.bytes, first.bytes);
  for (int round = 0; round < 4; ++round) {
    store.clock.Advance(base::kHour);
    Write(store.storage(), {{{"a", "1"}}, {{"a", "2"}}}, store.clock.Now(), round);
    ASSERT_OK(Put(store.db->state(), absl::StrCat("round/", round), "1"));
    if (round % 2 == 1) {
      ASSERT_OK(store.db->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait));
    }
    const std::string before = All(*store.db);
    snapshot = store.Take();
    ASSERT_OK_AND_ASSIGN(const SnapshotStats stats, CopySnapshot(snapshot, kept.path(), {}));
    EXPECT_GT(stats.new_bytes, 0u);
    EXPECT_LT(stats.new_files, stats.files) << "blocks and old segments are there";
    EXPECT_EQ(FilesIn(kept.path()), stats.files + 1) << "with the manifest, and nothing old";
    const TempDirectory directory;
    ASSERT_OK(RestoreSnapshot(kept.path(), directory.path(), {}));
    EXPECT_EQ(store.AllOf(directory.path()), before) << round;
  }
  // A copy of the copy, whose files may have other names.
  const TempDirectory copy, directory;
  ASSERT_OK(CopySnapshot(kept.path(), copy.path(), {}));
  ASSERT_OK(RestoreSnapshot(copy.path(), directory.path(), {}));
  EXPECT_EQ(store.AllOf(directory.path()), All(*store.db));
}

TEST(DirectorySnapshot, MendsADamagedCopy) {
  Filled store;
  const TempDirectory kept;
  const std::string snapshot = store.Take();
  ASSERT_OK(CopySnapshot(snapshot, kept.path(), {}));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> files, FilesBelow(kept.path()));
  for (const std::string& file : files) {
    const std::string path = absl::StrCat(kept.path(), "/", file);
    std::string bytes = *base::ReadFile(path);
    if (bytes.empty()) continue;
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    Replace(path, bytes);
    const TempDirectory directory;
    EXPECT_FALSE(RestoreSnapshot(kept.path(), directory.path(), {}).ok()) << file;
    ASSERT_OK(CopySnapshot(snapshot, kept.path(), {}));
    EXPECT_OK(RestoreSnapshot(kept.path(), directory.path(), {})) << file;
    EXPECT_EQ(FilesIn(kept.path()), files.size());
  }
}

TEST(DirectorySnapshot, AnInterruptedCopyLeavesTheEarlierOneWhole) {
  Filled store;
  const TempDirectory kept;
  const std::string before = All(*store.db);
  ASSERT_OK(CopySnapshot(store.Take(), kept.path(), {}));
  store.clock.Advance(base::kHour);
  Write(store.storage(), {{{"a", "1"}}}, store.clock.Now(), 5);
  ASSERT_OK(Put(store.db->state(), "more", "1"));
  ASSERT_OK(store.db->Seal(Db::SealWhat::kAll, Db::OldReaders::kWait));
  const std::string later = store.Take();
  ASSERT_OK_AND_ASSIGN(const SnapshotManifest manifest,
                       ParseSnapshotManifest(*base::ReadFile(later + "/SNAPSHOT")));
  // It ends at each file in turn, because that one cannot be read any more.
  for (const SnapshotFile& file : manifest.files) {
    const std::string path = absl::StrCat(later, "/", file.path), bytes = *base::ReadFile(path);
    Replace(path, bytes + "x");
    const absl::Status status = CopySnapshot(later, kept.path(), {}).status();
    Replace(path, bytes);
    if (status.ok()) continue;  // it was there from the earlier snapshot
    EXPECT_THAT(status, IsCode(absl::StatusCode::kDataLoss, file.path));
    const TempDirectory directory;
    ASSERT_OK(RestoreSnapshot(kept.path(), directory.path(), {})) << file.path;
    EXPECT_EQ(store.AllOf(directory.path()), before);
  }
  const TempDirectory fresh, directory;
  const std::string path = absl::StrCat(later, "/", manifest.files.back().path);
  const std::string bytes = *base::ReadFile(path);
  Replace(path, bytes + "x");
  EXPECT_FALSE(CopySnapshot(later, fresh.path(), {}).ok());
  EXPECT_THAT(RestoreSnapshot(fresh.path(), directory.path(), {}),
              IsCode(absl::StatusCode::kNotFound, "was not finished"));
  Replace(path, bytes);
  ASSERT_OK_AND_ASSIGN(const SnapshotStats stats, CopySnapshot(later, fresh.path(), {}));
  EXPECT_LT(stats.new_files, stats.files) << "it goes on where it was";
  ASSERT_OK(RestoreSnapshot(fresh.path(), directory.path(), {}));
  EXPECT_EQ(store.AllOf(directory.path()), All(*store.db));
}

TEST(DirectorySnapshot, DoesNotTouchWhatIsNotASnapshot) {
  Filled store;
  const std::string snapshot = store.Take();
  EXPECT_THAT(CopySnapshot(snapshot, store.directory.path(), {}),
              IsCode(absl::StatusCode::kFailedPrecondition, "is a data directory"));
  const TempDirectory other;
  ASSERT_OK(base::MakeDirectories(other.path() + "/state"));
  ASSERT_OK(base::WriteFileAtomic(other.path() + "/state/notes", "mine"));
  EXPECT_THAT(CopySnapshot(snapshot, other.path(), {}),
              IsCode(absl::StatusCode::kFailedPrecondition, "other things in it"));
  EXPECT_EQ(*base::ReadFile(other.path() + "/state/notes"), "mine");
}

// One writer, whose commits have a row of two series each, and who notes each in the state after
// it was acknowledged.
class RowWriter {
 public:
  RowWriter(Db& db, TimestampMs from, int number)
      : db_(db), from_(from), name_(std::to_string(number)), thread_([this] { Run(); }) {}
  ~RowWriter() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int64_t acknowledged() const { return acknowledged_; }
  void AllowMore(int64_t rows) { allowed_ = acknowledged_ + rows; }
  const std::string& name() const { return name_; }

 private:
  void Run() {
    for (int64_t row = 0; !stop_; ++row) {
      while (row >= allowed_ && !stop_) std::this_thread::yield();
      const auto appender = db_.NewAppender();
      for (const char* side : {"left", "right"}) {
        const auto ref = appender->Resolve(Labels{{"side", side}, {"writer", name_}}, nullptr);
        if (!ref.ok()) continue;
        appender->Append(*ref, from_ + row, static_cast<double>(row));
      }
      const absl::StatusOr<CommitResult> result = appender->Commit();
      EXPECT_TRUE(result.ok() && result->samples == 2);
      EXPECT_OK(Put(db_.state(), "writer/" + name_, absl::StrCat(row)));
      acknowledged_ = row + 1;
    }
  }

  Db& db_;
  const TimestampMs from_;
  const std::string name_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> acknowledged_{0}, allowed_{0};
  std::thread thread_;
};

// The rows of a writer; -1 when they are not 0, 1, 2, …, the same of both sides.
int64_t RowsOf(Db& db, const std::string& name) {
  const auto querier = db.NewQuerier({});
  int64_t rows = -1;
  for (const char* side : {"left", "right"}) {
    const std::vector<Sample> samples =
        ReadSamples(*querier, {Matcher::Equal("writer", name), Matcher::Equal("side", side)});
    for (size_t i = 0; i < samples.size(); ++i) {
      if (samples[i].v != static_cast<double>(i)) return -1;
    }
    if (rows >= 0 && rows != static_cast<int64_t>(samples.size())) return -1;
    rows = static_cast<int64_t>(samples.size());
  }
  return rows;
}

TEST(DirectorySnapshot, IsOneCutWhileEverythingIsInUse) {
  testing::Random random;
  DbStore store;
  const TimestampMs from = store.clock.Now() - 3 * base::kHour;
  std::vector<std::unique_ptr<RowWriter>> writers;
  for (int i = 0; i < 3; ++i) writers.push_back(std::make_unique<RowWriter>(*store.db, from, i));
  std::atomic<bool> stop{false};
  std::thread keeper([&] {
    while (!stop) {
      std::this_thread::yield();
      EXPECT_OK(store.db->Seal(Db::SealWhat::kAll, Db::OldReaders::kLeave));
      EXPECT_OK(store.db->RewriteBlocks());
    }
  });
  const TempDirectory kept;
  for (int round = 0; round < 8; ++round) {
    for (const auto& writer : writers) writer->AllowMore(2000);
    for (const auto& writer : writers) {
      const int64_t wanted = writer->acknowledged() + static_cast<int64_t>(random.Below(40));
      while (writer->acknowledged() < wanted) std::this_thread::yield();
    }
    std::vector<int64_t> before;
    for (const auto& writer : writers) before.push_back(writer->acknowledged());
    ASSERT_OK_AND_ASSIGN(const TakenSnapshot taken, store.db->Snapshot(SnapshotHead::kWith, {}));
    ASSERT_OK(CopySnapshot(taken.path, kept.path(), {}));
    fs::remove_all(taken.path);
    const TempDirectory directory;
    ASSERT_OK(RestoreSnapshot(kept.path(), directory.path(), {}));
    prometheus::Registry registry;
    DbOptions options = store.options;
    options.path = directory.path();
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Db> db, Db::Open(options, store.clock, registry));
    for (size_t i = 0; i < writers.size(); ++i) {
      const int64_t rows = RowsOf(*db, writers[i]->name());
      EXPECT_GE(rows, before[i]) << "round " << round << ": SLOWBURN_SEED=" << random.seed();
      // The state is of the same moment: it never speaks of a row that is not there, and of the
      // last one before.
      int64_t noted = 0;
      ASSERT_OK_AND_ASSIGN(const std::string text,
                           db->state().Get(base::Space::kNotify, "writer/" + writers[i]->name()));
      ASSERT_TRUE(absl::SimpleAtoi(text, &noted));
      EXPECT_LE(noted + 1, rows);
      EXPECT_GE(noted + 2, rows) << "round " << round << ": SLOWBURN_SEED=" << random.seed();
    }
  }
  stop = true;
  keeper.join();
  for (const auto& writer : writers) writer->Stop();
}

}  // namespace
}  // namespace slowburn::tsdb
