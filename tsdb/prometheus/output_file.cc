#include "tsdb/prometheus/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

absl::Status Failed(int error, const char* what, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", path));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return Failed(errno, "make", path);
  return std::unique_ptr<OutputFile>(new OutputFile(path, fd));
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status OutputFile::Append(std::string_view bytes) {
  RETURN_IF_ERROR(status_);
  size_ += bytes.size();
  buffer_ += bytes;
  return buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush();
}

absl::Status OutputFile::PadTo(uint64_t multiple) {
  const uint64_t over = size_ % multiple;
  return over == 0 ? absl::OkStatus() : Append(std::string(multiple - over, '\0'));
}

absl::Status OutputFile::Flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = write(fd_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return status_ = Failed(errno, "write", path_);
    left.remove_prefix(static_cast<size_t>(written));
  }
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status OutputFile::Close() {
  RETURN_IF_ERROR(status_);
  RETURN_IF_ERROR(Flush());
  if (fsync(fd_) != 0) return status_ = Failed(errno, "sync", path_);
  const int fd = fd_;
  fd_ = -1;
  if (close(fd) != 0) return status_ = Failed(errno, "close", path_);
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed(errno, "open", path);
  const bool synced = fsync(fd) == 0;
  const int error = errno;
  close(fd);
  return synced ? absl::OkStatus() : Failed(error, "sync", path);
}

}  // namespace slowburn::tsdb::prom
