#include "tsdb/directory_snapshot.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tsdb/data_directory.h"
#include "tsdb/log_files.h"
#include "tsdb/snapshot_files.h"
#include "tsdb/snapshot_manifest.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;

// What a data directory is made of.
constexpr const char* kFolders[] = {"blocks", "log", "state", "wal"};
// Says that a directory that is being copied into is ours, whatever is in it.
constexpr char kCopying[] = "SNAPSHOT.copying";

std::string ManifestPath(const std::string& folder) {
  return absl::StrCat(folder, "/", kSnapshotManifestName);
}

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

absl::StatusOr<SnapshotManifest> ReadManifest(const std::string& folder) {
  if (!Exists(ManifestPath(folder))) {
    return absl::NotFoundError(
        absl::StrCat(folder, " is not a snapshot, or one that was not finished: it has no file ",
                     kSnapshotManifestName));
  }
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(ManifestPath(folder)));
  absl::StatusOr<SnapshotManifest> manifest = ParseSnapshotManifest(text);
  if (!manifest.ok()) return base::Annotate(manifest.status(), folder);
  return manifest;
}

// Counts bytes for a progress that may be empty.
class Meter {
 public:
  Meter(uint64_t total, const SnapshotProgress& progress) : total_(total), progress_(progress) {}
  BytesDone Counter() {
    return [this](uint64_t bytes) {
      done_ += bytes;
      if (progress_) progress_(done_, total_);
    };
  }

 private:
  const uint64_t total_;
  const SnapshotProgress& progress_;
  uint64_t done_ = 0;
};

uint64_t BytesOf(const SnapshotManifest& manifest) {
  uint64_t bytes = 0;
  for (const SnapshotFile& file : manifest.files) bytes += file.bytes;
  return bytes;
}

absl::Status Damaged(const std::string& path) {
  return absl::DataLossError(
      absl::StrCat(path, " is damaged: its bytes are not those that the snapshot was made with"));
}

// Copies a file of a snapshot, checking what was copied.
absl::Status CopyChecked(const std::string& from, const SnapshotFile& file, const std::string& to,
                         const BytesDone& done) {
  const std::string path = absl::StrCat(from, "/", file.stored);
  if (!Exists(path)) return absl::DataLossError(absl::StrCat(path, " is missing"));
  ASSIGN_OR_RETURN(const HashedBytes copied, CopyFile(path, to, UINT64_MAX, done));
  return copied == HashedBytes{file.bytes, file.hash} ? absl::OkStatus() : Damaged(path);
}

// --- copying ---

absl::StatusOr<bool> HasContent(const std::string& path, const SnapshotFile& file) {
  std::error_code error;
  if (fs::file_size(path, error) != file.bytes || error) return false;
  ASSIGN_OR_RETURN(const HashedBytes there, HashFile(path, {}));
  return there == HashedBytes{file.bytes, file.hash};
}

// Where `to` has the file already; else nullopt.
absl::StatusOr<std::optional<std::string>> FindCopy(const std::string& to,
                                                    const SnapshotManifest& earlier,
                                                    const SnapshotFile& file) {
  std::vector<std::string> candidates{file.path};
  const SnapshotFile* before = earlier.Find(file.path);
  if (before != nullptr && before->stored != file.path) candidates.push_back(before->stored);
  for (const std::string& candidate : candidates) {
    ASSIGN_OR_RETURN(const bool same, HasContent(absl::StrCat(to, "/", candidate), file));
    if (same) return candidate;
  }
  return std::nullopt;
}

// A name that the earlier snapshot does not use.
std::string FreeName(const SnapshotManifest& earlier, const SnapshotFile& file) {
  if (!earlier.IsStored(file.path)) return file.path;
  return absl::StrFormat("%s.%016x%016x", file.path, file.hash.high, file.hash.low);
}

absl::Status CheckCopyTarget(const std::string& to) {
  if (Exists(to + "/FORMAT")) {
    return absl::FailedPreconditionError(
        absl::StrCat(to, " is a data directory; choose another place for the snapshot"));
  }
  std::error_code error;
  const bool has_something = fs::exists(to, error) && !fs::is_empty(to, error);
  if (has_something && !Exists(ManifestPath(to)) && !Exists(absl::StrCat(to, "/", kCopying))) {
    return absl::FailedPreconditionError(absl::StrCat(
        to, " has other things in it; choose a directory that is empty, or not there"));
  }
  return absl::OkStatus();
}

// What no manifest names any more, and what an interrupted copy left.
absl::Status RemoveOthers(const std::string& folder, const SnapshotManifest& manifest) {
  for (const std::string top : kFolders) {
    if (!Exists(absl::StrCat(folder, "/", top))) continue;
    ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                     FilesBelow(absl::StrCat(folder, "/", top)));
    for (const std::string& path : paths) {
      const std::string stored = absl::StrCat(top, "/", path);
      if (manifest.IsStored(stored)) continue;
      RETURN_IF_ERROR(LogFiles::OfSystem().Remove(absl::StrCat(folder, "/", stored)));
    }
  }
  return LogFiles::OfSystem().Remove(absl::StrCat(folder, "/", kCopying));
}

// --- restoring ---

absl::Status CheckRestoreTarget(const std::string& to) {
  std::error_code error;
  for (fs::directory_iterator it(to, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename() == "lost+found") continue;  // of a file system of its own
    return absl::FailedPreconditionError(
        absl::StrCat(to, " is not empty; a snapshot is restored into a new directory only"));
  }
  return absl::OkStatus();
}

void RemoveRestored(const std::string& to, const SnapshotManifest& manifest) {
  std::error_code ignored;
  for (const SnapshotFile& file : manifest.files) {
    fs::path path(absl::StrCat(to, "/", file.path));
    fs::remove(path, ignored);
    // Folders that are empty by now.
    for (path = path.parent_path(); path != fs::path(to); path = path.parent_path()) {
      if (!fs::remove(path, ignored)) break;
    }
  }
  fs::remove(to + "/LOCK", ignored);
}

absl::Status RestoreFiles(const std::string& from, const SnapshotManifest& manifest,
                          const std::string& to, const SnapshotProgress& progress) {
  Meter meter(BytesOf(manifest), progress);
  for (const SnapshotFile& file : manifest.files)
    RETURN_IF_ERROR(CopyChecked(from, file, absl::StrCat(to, "/", file.path), meter.Counter()));
  RETURN_IF_ERROR(SyncBelow(to));
  return DataDirectory::WriteFormat(to, manifest.format);
}

}  // namespace

absl::StatusOr<SnapshotStats> FinishSnapshot(const std::string& folder, int format,
                                             TimestampMs taken_at,
                                             const SnapshotProgress& progress) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, FilesBelow(folder));
  SnapshotStats stats;
  for (const std::string& path : paths) {
    std::error_code error;
    stats.bytes += fs::file_size(absl::StrCat(folder, "/", path), error);
  }
  SnapshotManifest manifest{format, taken_at, {}};
  Meter meter(stats.bytes, progress);
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const HashedBytes hashed,
                     HashFile(absl::StrCat(folder, "/", path), meter.Counter()));
    manifest.files.push_back({path, path, hashed.bytes, hashed.hash});
  }
  stats.files = stats.new_files = manifest.files.size();
  stats.bytes = stats.new_bytes = BytesOf(manifest);
  RETURN_IF_ERROR(SyncBelow(folder));
  RETURN_IF_ERROR(base::WriteFileAtomic(ManifestPath(folder), EncodeSnapshotManifest(manifest)));
  return stats;
}

absl::StatusOr<SnapshotStats> CopySnapshot(const std::string& from, const std::string& to,
                                           const SnapshotProgress& progress) {
  ASSIGN_OR_RETURN(SnapshotManifest manifest, ReadManifest(from));
  RETURN_IF_ERROR(CheckCopyTarget(to));
  RETURN_IF_ERROR(base::MakeDirectories(to));
  RETURN_IF_ERROR(base::WriteFileAtomic(absl::StrCat(to, "/", kCopying), ""));
  SnapshotManifest earlier;
  if (Exists(ManifestPath(to))) {
    // One that cannot be read protects nothing.
    if (absl::StatusOr<SnapshotManifest> read = ReadManifest(to); read.ok())
      earlier = *std::move(read);
  }
  SnapshotStats stats{.files = manifest.files.size(), .bytes = BytesOf(manifest)};
  Meter meter(stats.bytes, progress);
  const BytesDone count = meter.Counter();
  for (SnapshotFile& file : manifest.files) {
    ASSIGN_OR_RETURN(const std::optional<std::string> there, FindCopy(to, earlier, file));
    if (there.has_value()) {
      file.stored = *there;
      count(file.bytes);
      continue;
    }
    const std::string name = FreeName(earlier, file), path = absl::StrCat(to, "/", name);
    RETURN_IF_ERROR(LogFiles::OfSystem().Remove(path));  // damaged, or of an interrupted copy
    RETURN_IF_ERROR(CopyChecked(from, file, path, count));
    file.stored = name;
    ++stats.new_files;
    stats.new_bytes += file.bytes;
  }
  RETURN_IF_ERROR(SyncBelow(to));
  RETURN_IF_ERROR(base::WriteFileAtomic(ManifestPath(to), EncodeSnapshotManifest(manifest)));
  RETURN_IF_ERROR(RemoveOthers(to, manifest));
  return stats;
}

absl::StatusOr<SnapshotStats> RestoreSnapshot(const std::string& from, const std::string& to,
                                              const SnapshotProgress& progress) {
  ASSIGN_OR_RETURN(const SnapshotManifest manifest, ReadManifest(from));
  if (manifest.format > kFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(from, " has format ", manifest.format,
                     ", written by a later version; this one reads up to ", kFormatVersion));
  }
  RETURN_IF_ERROR(CheckRestoreTarget(to));
  std::error_code ignored;
  const bool is_new = !fs::exists(to, ignored);
  RETURN_IF_ERROR(base::MakeDirectories(to));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::FileLock> lock,
                   base::FileLock::Acquire(to + "/LOCK"));
  const absl::Status status = RestoreFiles(from, manifest, to, progress);
  if (!status.ok()) {
    RemoveRestored(to, manifest);
    if (is_new) fs::remove(to, ignored);
    return status;
  }
  SnapshotStats stats{.files = manifest.files.size(), .bytes = BytesOf(manifest)};
  stats.new_files = stats.files;
  stats.new_bytes = stats.bytes;
  return stats;
}

void RemoveUnfinishedSnapshots(const std::string& folder) {
  std::vector<fs::path> unfinished;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().ends_with(kUnfinishedSuffix))
      unfinished.push_back(it->path());
  }
  for (const fs::path& path : unfinished) fs::remove_all(path, error);
}

}  // namespace slowburn::tsdb
