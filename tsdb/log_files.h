// LogFiles: the files that the log writes, as it needs them. Tests put failing ones in place of the
// operating system's.
//
// Threads: a LogFile is appended to and cut by one thread at a time; Sync may run meanwhile in
// others. LogFiles: any thread. Errors: the operating system's, with the path. After a failed
// Append any part of the bytes may be in the file.
#ifndef SLOWBURN_TSDB_LOG_FILES_H_
#define SLOWBURN_TSDB_LOG_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace slowburn::tsdb {

class LogFile {
 public:
  virtual ~LogFile() = default;  // closes it
  virtual absl::Status Append(std::string_view bytes) = 0;
  virtual absl::Status Truncate(uint64_t size) = 0;
  virtual absl::Status Sync() = 0;  // the content and the size, to the disk
};

class LogFiles {
 public:
  virtual ~LogFiles() = default;
  // kAlreadyExists when there is one.
  virtual absl::StatusOr<std::unique_ptr<LogFile>> Create(const std::string& path) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // The names in the folder, to the disk.
  virtual absl::Status SyncFolder(const std::string& path) = 0;

  static LogFiles& OfSystem();
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_LOG_FILES_H_
