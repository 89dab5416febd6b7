// Whole files, safely. Errors name the path and the operating system's reason.
#ifndef SLOWBURN_BASE_FILE_H_
#define SLOWBURN_BASE_FILE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace slowburn::base {

absl::StatusOr<std::string> ReadFile(const std::string& path);
// Temporary file, fsync, rename, fsync of the folder: the old content or the new, never a part.
absl::Status WriteFileAtomic(const std::string& path, std::string_view content);
absl::Status MakeDirectories(const std::string& path);
// glob(3), sorted; no match is an empty list.
std::vector<std::string> Glob(const std::string& pattern);
bool HasWildcard(std::string_view pattern);  // of glob(3)
// `path` relative to the folder of `base_file`, unless it is absolute.
std::string ResolvePath(const std::string& base_file, const std::string& path);

// Exclusive lock on a file, held until destruction and released by the kernel if we die.
// kFailedPrecondition: another process has it; the message names its pid.
class FileLock {
 public:
  static absl::StatusOr<std::unique_ptr<FileLock>> Acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_FILE_H_
