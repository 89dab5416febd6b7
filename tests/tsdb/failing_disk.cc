#include "tests/tsdb/failing_disk.h"

#include <utility>

namespace slowburn::tsdb {

rocksdb::IOStatus FailingDisk::State::Check(const std::string& name, Operation operation) {
  if ((operation == Operation::kSync) != (fault == DiskFault::kSync))
    return rocksdb::IOStatus::OK();
  if (!armed || !name.ends_with(suffix)) return rocksdb::IOStatus::OK();
  if (left.fetch_sub(1) > 0) return rocksdb::IOStatus::OK();
  ++failures;
  return fault == DiskFault::kNoSpace ? rocksdb::IOStatus::NoSpace("disk full", name)
                                      : rocksdb::IOStatus::IOError("disk broken", name);
}

class FailingDisk::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
       std::shared_ptr<State> state)
      : FSWritableFileOwnerWrapper(std::move(file)),
        name_(std::move(name)),
        state_(std::move(state)) {}

  using rocksdb::FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = state_->Check(name_, State::Operation::kWrite);
    if (status.ok()) return FSWritableFileOwnerWrapper::Append(data, options, context);
    // A failing disk may have taken a part.
    FSWritableFileOwnerWrapper::Append(rocksdb::Slice(data.data(), data.size() / 2), options,
                                       context)
        .PermitUncheckedError();
    return status;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* context) override {
    return Append(data, options, context);
  }

  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = state_->Check(name_, State::Operation::kSync);
    return status.ok() ? FSWritableFileOwnerWrapper::Sync(options, context) : status;
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = state_->Check(name_, State::Operation::kSync);
    return status.ok() ? FSWritableFileOwnerWrapper::Fsync(options, context) : status;
  }

  bool IsSyncThreadSafe() const override { return true; }

 private:
  const std::string name_;
  const std::shared_ptr<State> state_;
};

class FailingDisk::Files final : public rocksdb::FileSystemWrapper {
 public:
  Files(const std::shared_ptr<rocksdb::FileSystem>& base, std::shared_ptr<State> state)
      : FileSystemWrapper(base), state_(std::move(state)) {}
  const char* Name() const override { return "FailingDisk"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    std::unique_ptr<rocksdb::FSWritableFile> made;
    rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, &made, context);
    if (status.ok()) *file = std::make_unique<File>(std::move(made), name, state_);
    return status;
  }

 private:
  const std::shared_ptr<State> state_;
};

FailingDisk::FailingDisk()
    : memory_(rocksdb::NewMemEnv(rocksdb::Env::Default())),
      files_(std::make_shared<Files>(memory_->GetFileSystem(), state_)),
      env_(rocksdb::NewCompositeEnv(files_)) {}

void FailingDisk::FailAfter(int n, DiskFault fault, std::string suffix) {
  state_->armed = false;
  state_->left = n;
  state_->failures = 0;
  state_->fault = fault;
  state_->suffix = std::move(suffix);
  state_->armed = true;
}

void FailingDisk::Heal() { state_->armed = false; }

}  // namespace slowburn::tsdb
