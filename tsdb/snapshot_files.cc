#include "tsdb/snapshot_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/descriptor.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tsdb/log_files.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;
using base::Descriptor;

constexpr size_t kPiece = size_t{1} << 20;

absl::Status SystemError(const char* doing, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(doing, " ", path));
}

// Gives the first `limit` bytes to `take`, piece by piece.
absl::StatusOr<HashedBytes> ReadPieces(const std::string& path, uint64_t limit,
                                       const BytesDone& done,
                                       const std::function<absl::Status(std::string_view)>& take) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError("open", path);
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  const std::unique_ptr<char[]> buffer(new char[kPiece]);
  HashedBytes read;
  Hasher hasher;
  while (read.bytes < limit) {
    const ssize_t n =
        ::read(fd.get(), buffer.get(), std::min<uint64_t>(kPiece, limit - read.bytes));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("read", path);
    if (n == 0) break;
    const std::string_view piece(buffer.get(), static_cast<size_t>(n));
    hasher.Add(piece);
    RETURN_IF_ERROR(take(piece));
    read.bytes += piece.size();
    if (done) done(piece.size());
  }
  read.hash = hasher.Finish();
  return read;
}

}  // namespace

absl::StatusOr<HashedBytes> HashFile(const std::string& path, const BytesDone& done) {
  return ReadPieces(path, UINT64_MAX, done, [](std::string_view) { return absl::OkStatus(); });
}

absl::StatusOr<HashedBytes> CopyFile(const std::string& from, const std::string& to, uint64_t limit,
                                     const BytesDone& done) {
  RETURN_IF_ERROR(base::MakeDirectories(fs::path(to).parent_path().string()));
  ASSIGN_OR_RETURN(const std::unique_ptr<LogFile> file, LogFiles::OfSystem().Create(to));
  return ReadPieces(from, limit, done, [&](std::string_view piece) { return file->Append(piece); });
}

absl::Status LinkFile(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(base::MakeDirectories(fs::path(to).parent_path().string()));
  if (::link(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  if (errno != EXDEV && errno != EPERM && errno != EMLINK && errno != ENOTSUP)
    return SystemError("link", to);
  return CopyFile(from, to, UINT64_MAX, {}).status();
}

absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code gone;
    if (it->is_regular_file(gone)) paths.push_back(it->path().lexically_relative(folder).string());
  }
  if (error) return absl::UnavailableError(absl::StrCat("list ", folder, ": ", error.message()));
  std::sort(paths.begin(), paths.end());
  return paths;
}

absl::Status SyncBelow(const std::string& folder) {
  std::vector<std::string> paths{folder};
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    paths.push_back(it->path().string());
  }
  if (error) return absl::UnavailableError(absl::StrCat("list ", folder, ": ", error.message()));
  for (const std::string& path : paths) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) return SystemError("open", path);
    if (::fsync(fd.get()) != 0) return SystemError("fsync", path);
  }
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
