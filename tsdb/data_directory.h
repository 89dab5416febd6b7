// DataDirectory: a directory that is ours, of a format that we can read, and that nobody else uses.
//
// Threads: none. Lifetimes: the lock is held until destruction.
// Errors: kFailedPrecondition (locked by a living process; written by a later version; Prometheus'
//   directory, which is left as it is, or somebody else's database), kDataLoss (ours, but its
//   format cannot be read), or the disk's.
#ifndef SLOWBURN_TSDB_DATA_DIRECTORY_H_
#define SLOWBURN_TSDB_DATA_DIRECTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/file.h"

namespace slowburn::tsdb {

inline constexpr int kFormatVersion = 2;

class DataDirectory {
 public:
  // Makes it if it is not there.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& path);
  // kNotFound when there is none.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> OpenExisting(const std::string& path);

  // The directory is of the current format from now on: earlier versions refuse it.
  absl::Status Upgrade();

  // The last step of making a directory that Open takes for ours.
  static absl::Status WriteFormat(const std::string& path, int format);

  std::string log_path() const { return path_ + "/log"; }
  std::string old_log_path() const { return path_ + "/wal"; }  // of format 1
  std::string state_path() const { return path_ + "/state"; }
  std::string blocks_path() const { return path_ + "/blocks"; }
  std::string snapshots_path() const { return path_ + "/snapshots"; }

 private:
  DataDirectory(std::string path, std::unique_ptr<base::FileLock> lock, int format)
      : path_(std::move(path)), lock_(std::move(lock)), format_(format) {}
  const std::string path_;
  const std::unique_ptr<base::FileLock> lock_;
  int format_;
};

// Whether `path` looks like what a Prometheus server keeps: blocks, chunks_head or numbered
// segments in wal.
bool IsPrometheusDirectory(const std::string& path);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_DATA_DIRECTORY_H_
