#include "base/file.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/descriptor.h"
#include "base/status_macros.h"

namespace slowburn::base {
namespace {

absl::Status SystemError(std::string_view doing, const std::string& path, int error) {
  return absl::ErrnoToStatus(
      error, absl::StrCat(absl::string_view(doing.data(), doing.size()), " ", path));
}

int Open(const std::string& path, int flags, mode_t mode = 0) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

absl::Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("write", path, errno);
    content.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const std::string name = folder.empty() ? "." : folder;
  const Descriptor fd(Open(name, O_RDONLY | O_DIRECTORY));
  if (fd.get() < 0) return SystemError("open", name, errno);
  if (::fsync(fd.get()) != 0) return SystemError("fsync", name, errno);
  return absl::OkStatus();
}

absl::Status WriteAndRename(const std::string& temporary, const std::string& path,
                            std::string_view content) {
  const Descriptor fd(Open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644));
  if (fd.get() < 0) return SystemError("create", temporary, errno);
  RETURN_IF_ERROR(WriteAll(fd.get(), content, temporary));
  if (::fsync(fd.get()) != 0) return SystemError("fsync", temporary, errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return SystemError("rename to", path, errno);
  return absl::OkStatus();
}

std::string ReadOwner(int fd) {
  char buffer[32];
  const ssize_t n = ::pread(fd, buffer, sizeof buffer, 0);
  std::string text(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  while (!text.empty() && (text.back() < '0' || text.back() > '9')) text.pop_back();
  return text.empty() ? "unknown" : text;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const Descriptor fd(Open(path, O_RDONLY));
  if (fd.get() < 0) return SystemError("open", path, errno);
  std::string content;
  struct stat info = {};
  if (::fstat(fd.get(), &info) == 0 && info.st_size > 0) {
    content.reserve(static_cast<size_t>(info.st_size) + 1);
  }
  char buffer[64 << 10];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("read", path, errno);
    if (n == 0) return content;
    content.append(buffer, static_cast<size_t>(n));
  }
}

absl::Status WriteFileAtomic(const std::string& path, std::string_view content) {
  static std::atomic<uint64_t> counter{0};
  const std::string temporary = absl::StrCat(path, ".tmp.", ::getpid(), ".", counter.fetch_add(1));
  const absl::Status status = WriteAndRename(temporary, path, content);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return SyncFolderOf(path);
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return SystemError("create directory", path, error.value());
  return absl::OkStatus();
}

bool HasWildcard(std::string_view pattern) {
  return pattern.find_first_of("*?[") != std::string_view::npos;
}

std::vector<std::string> Glob(const std::string& pattern) {
  glob_t found = {};
  std::vector<std::string> paths;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  return paths;
}

std::string ResolvePath(const std::string& base_file, const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  const std::filesystem::path folder = std::filesystem::path(base_file).parent_path();
  return folder.empty() ? path : (folder / path).string();
}

absl::StatusOr<std::unique_ptr<FileLock>> FileLock::Acquire(const std::string& path) {
  Descriptor fd(Open(path, O_RDWR | O_CREAT, 0644));
  if (fd.get() < 0) return SystemError("open", path, errno);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return SystemError("lock", path, errno);
    return absl::FailedPreconditionError(
        absl::StrCat("lock ", path, ": held by process ", ReadOwner(fd.get())));
  }
  // Only for the message above; the lock itself is the kernel's.
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(fd.get(), 0) != 0) return SystemError("truncate", path, errno);
  RETURN_IF_ERROR(WriteAll(fd.get(), pid, path));
  return std::unique_ptr<FileLock>(new FileLock(fd.Release()));
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace slowburn::base
