// Files of the log that fail when told to, for DbOptions::log_files_for_test; and a disk that gets
// full. Otherwise the operating system's.
//
// Threads: any.
#ifndef SLOWBURN_TESTS_TSDB_FAILING_FILES_H_
#define SLOWBURN_TESTS_TSDB_FAILING_FILES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "tests/tsdb/failing_disk.h"
#include "tsdb/log_files.h"

namespace slowburn::tsdb {

class FailingFiles final : public LogFiles {
 public:
  // The next `n` calls that can fail so succeed, then `times` fail. kNoSpace: creating and
  // appending, of which half is written; kBroken: everything.
  void FailAfter(int n, DiskFault fault, int times = 1 << 30);
  void Heal();
  int failures() const;
  // Appends that would make all files together larger are cut short and fail. 0: no limit.
  void SetQuota(uint64_t bytes);
  uint64_t used() const;

  absl::StatusOr<std::unique_ptr<LogFile>> Create(const std::string& path) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;

 private:
  class File;
  enum class Call { kCreate, kAppend, kTruncate, kSync };
  absl::Status Check(Call call, const std::string& path);
  // How much of an append of `bytes` fits.
  uint64_t Take(const std::string& path, uint64_t bytes);
  void Resize(const std::string& path, uint64_t size);

  mutable base::Mutex mu_;
  bool armed_ ABSL_GUARDED_BY(mu_) = false;
  int left_ ABSL_GUARDED_BY(mu_) = 0, times_ ABSL_GUARDED_BY(mu_) = 0,
            failures_ ABSL_GUARDED_BY(mu_) = 0;
  DiskFault fault_ ABSL_GUARDED_BY(mu_){};
  uint64_t quota_ ABSL_GUARDED_BY(mu_) = 0, used_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, uint64_t> sizes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_FAILING_FILES_H_
