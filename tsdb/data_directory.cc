#include "tsdb/data_directory.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "tsdb/snapshot_manifest.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[] = "slowburn-tsdb";
constexpr size_t kUlidLength = 26;
constexpr size_t kSegmentDigits = 8;

std::vector<std::string> NamesIn(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::string FormatLine(int format) { return absl::StrCat(kMagic, " ", format, "\n"); }

absl::Status CheckIsNoSnapshot(const std::string& path) {
  if (Exists(path + "/FORMAT") || !Exists(absl::StrCat(path, "/", kSnapshotManifestName)))
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is a snapshot and was left as it is; `slowburn tsdb restore --from ",
                   path, " --storage.path=DIR` makes a data directory of it."));
}

// Without a file FORMAT.
absl::Status CheckMayBeMade(const std::string& path) {
  RETURN_IF_ERROR(CheckIsNoSnapshot(path));
  if (!Exists(path + "/wal") && !Exists(path + "/log") && !Exists(path + "/blocks"))
    return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path,
                   " has data but no file FORMAT. A snapshot or a restore that did not finish "
                   "leaves that: do it again, into an empty directory. If it is otherwise "
                   "Slowburn's, restore the file with the content \"",
                   kMagic, " ", kFormatVersion, "\"."));
}

absl::StatusOr<int> ParseFormat(const std::string& path, const std::string& text) {
  const std::vector<std::string> words = absl::StrSplit(absl::StripSuffix(text, "\n"), ' ');
  int version = 0;
  if (words.size() != 2 || words[0] != kMagic || !absl::SimpleAtoi(words[1], &version) ||
      version < 1) {
    return absl::DataLossError(
        absl::StrCat(path, "/FORMAT: wanted \"", kMagic, " ", kFormatVersion,
                     "\". Restore the file, or the directory from a snapshot."));
  }
  if (version > kFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has format ", version,
                     ", written by a later version; this one reads up to ", kFormatVersion));
  }
  return version;
}

}  // namespace

bool IsPrometheusDirectory(const std::string& path) {
  if (Exists(path + "/FORMAT")) return false;
  if (Exists(path + "/chunks_head")) return true;
  for (const std::string& name : NamesIn(path)) {
    if (name.size() == kUlidLength && Exists(absl::StrCat(path, "/", name, "/meta.json")))
      return true;
  }
  const auto is_segment = [](const std::string& name) {
    return name.size() == kSegmentDigits &&
           std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::vector<std::string> segments = NamesIn(path + "/wal");
  return std::any_of(segments.begin(), segments.end(), is_segment);
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::OpenExisting(
    const std::string& path) {
  RETURN_IF_ERROR(CheckIsNoSnapshot(path));
  if (!Exists(path + "/FORMAT") && !Exists(path + "/wal") && !Exists(path + "/log")) {
    return absl::NotFoundError(
        absl::StrCat(path, " is not a data directory: it has no file FORMAT"));
  }
  return Open(path);
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& path) {
  if (IsPrometheusDirectory(path)) {
    return absl::FailedPreconditionError(absl::StrCat(
        path,
        " is a data directory of Prometheus and was left as it is. Choose another one for "
        "--storage.path; `slowburn tsdb import --storage.path=THERE ",
        path, "` copies the samples from here to there."));
  }
  RETURN_IF_ERROR(base::MakeDirectories(path));
  ASSIGN_OR_RETURN(std::unique_ptr<base::FileLock> lock, base::FileLock::Acquire(path + "/LOCK"));
  const std::string format = path + "/FORMAT";
  int version = kFormatVersion;
  if (Exists(format)) {
    ASSIGN_OR_RETURN(const std::string text, base::ReadFile(format));
    ASSIGN_OR_RETURN(version, ParseFormat(path, text));
  } else {
    RETURN_IF_ERROR(CheckMayBeMade(path));
    RETURN_IF_ERROR(WriteFormat(path, kFormatVersion));
  }
  return std::unique_ptr<DataDirectory>(new DataDirectory(path, std::move(lock), version));
}

absl::Status DataDirectory::WriteFormat(const std::string& path, int format) {
  return base::WriteFileAtomic(path + "/FORMAT", FormatLine(format));
}

absl::Status DataDirectory::Upgrade() {
  if (format_ == kFormatVersion) return absl::OkStatus();
  RETURN_IF_ERROR(WriteFormat(path_, kFormatVersion));
  format_ = kFormatVersion;
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
