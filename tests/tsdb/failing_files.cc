#include "tests/tsdb/failing_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace slowburn::tsdb {

class FailingFiles::File final : public LogFile {
 public:
  File(FailingFiles& files, std::string path, std::unique_ptr<LogFile> file)
      : files_(files), path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Append(std::string_view bytes) override {
    if (const absl::Status status = files_.Check(Call::kAppend, path_); !status.ok()) {
      file_->Append(bytes.substr(0, files_.Take(path_, bytes.size() / 2))).IgnoreError();
      return status;
    }
    const uint64_t fits = files_.Take(path_, bytes.size());
    RETURN_IF_ERROR(file_->Append(bytes.substr(0, fits)));
    return fits == bytes.size() ? absl::OkStatus()
                                : absl::ResourceExhaustedError(absl::StrCat("full: ", path_));
  }
  absl::Status Truncate(uint64_t size) override {
    RETURN_IF_ERROR(files_.Check(Call::kTruncate, path_));
    files_.Resize(path_, size);
    return file_->Truncate(size);
  }
  absl::Status Sync() override {
    return files_.Check(Call::kSync, path_);  // nobody pulls the plug: not waiting for the disk
  }

 private:
  FailingFiles& files_;
  const std::string path_;
  const std::unique_ptr<LogFile> file_;
};

void FailingFiles::FailAfter(int n, DiskFault fault, int times) {
  base::MutexLock lock(mu_);
  armed_ = true;
  left_ = n;
  times_ = times;
  failures_ = 0;
  fault_ = fault;
}

void FailingFiles::Heal() {
  base::MutexLock lock(mu_);
  armed_ = false;
}

int FailingFiles::failures() const {
  base::MutexLock lock(mu_);
  return failures_;
}

void FailingFiles::SetQuota(uint64_t bytes) {
  base::MutexLock lock(mu_);
  quota_ = bytes;
}

uint64_t FailingFiles::used() const {
  base::MutexLock lock(mu_);
  return used_;
}

absl::Status FailingFiles::Check(Call call, const std::string& path) {
  base::MutexLock lock(mu_);
  const bool concerned =
      fault_ == DiskFault::kBroken || call == Call::kAppend || call == Call::kCreate;
  if (!armed_ || !concerned || left_-- > 0 || times_-- <= 0) return absl::OkStatus();
  ++failures_;
  return fault_ == DiskFault::kNoSpace
             ? absl::ResourceExhaustedError(absl::StrCat("disk full: ", path))
             : absl::InternalError(absl::StrCat("disk broken: ", path));
}

uint64_t FailingFiles::Take(const std::string& path, uint64_t bytes) {
  base::MutexLock lock(mu_);
  if (quota_ > 0) bytes = std::min(bytes, quota_ > used_ ? quota_ - used_ : 0);
  used_ += bytes;
  sizes_[path] += bytes;
  return bytes;
}

void FailingFiles::Resize(const std::string& path, uint64_t size) {
  base::MutexLock lock(mu_);
  used_ -= sizes_[path] - size;
  sizes_[path] = size;
}

absl::StatusOr<std::unique_ptr<LogFile>> FailingFiles::Create(const std::string& path) {
  RETURN_IF_ERROR(Check(Call::kCreate, path));
  ASSIGN_OR_RETURN(std::unique_ptr<LogFile> file, LogFiles::OfSystem().Create(path));
  return std::make_unique<File>(*this, path, std::move(file));
}

absl::Status FailingFiles::Remove(const std::string& path) {
  Resize(path, 0);
  return LogFiles::OfSystem().Remove(path);
}

absl::Status FailingFiles::SyncFolder(const std::string& path) { return Check(Call::kSync, path); }

}  // namespace slowburn::tsdb
