// A disk in memory that fails when told to: a rocksdb::Env for DbOptions::env_for_test.
#ifndef SLOWBURN_TESTS_TSDB_FAILING_DISK_H_
#define SLOWBURN_TESTS_TSDB_FAILING_DISK_H_

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>

namespace slowburn::tsdb {

enum class DiskFault { kNoSpace, kBroken, kSync };  // kSync: what is written, but syncing fails

class FailingDisk {
 public:
  FailingDisk();
  void* env() { return env_.get(); }
  rocksdb::FileSystem& files() { return *files_; }

  // The next `n` writes (with kSync: syncs) of files whose name ends with `suffix` succeed, all
  // later ones fail, until Heal.
  void FailAfter(int n, DiskFault fault, std::string suffix = ".log");
  void Heal();
  int failures() const { return state_->failures; }

 private:
  struct State {
    std::atomic<bool> armed{false};
    std::atomic<int> left{0}, failures{0};
    DiskFault fault{};
    std::string suffix;  // written only while not armed
    enum class Operation { kWrite, kSync };
    rocksdb::IOStatus Check(const std::string& name, Operation operation);
  };
  class Files;
  class File;

  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::unique_ptr<rocksdb::Env> memory_;
  std::shared_ptr<rocksdb::FileSystem> files_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_FAILING_DISK_H_
