// RocksStateStore: base::StateStore in a RocksDB, one column family a Space. Db has one in state/;
// it also opens alone.
//
// Threads: thread-safe. A Scan's visitor may call any method.
// Errors of Open: kDataLoss (unreadable; says what to do), kFailedPrecondition (somebody else has
//   it open), kUnavailable (the disk). After a full disk, Apply resumes by itself once there is
//   space; reads go on.
#ifndef SLOWBURN_TSDB_ROCKS_STATE_STORE_H_
#define SLOWBURN_TSDB_ROCKS_STATE_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/state_store.h"

namespace slowburn::tsdb {

class RocksStateStore final : public base::StateStore {
 public:
  // `env`: a rocksdb::Env for tests of failing disks, or null.
  static absl::StatusOr<std::unique_ptr<RocksStateStore>> Open(const std::string& path,
                                                               void* env = nullptr);
  // Reads every file of it and checks its checksums; changes nothing. Errors as of Open, or
  // kDataLoss.
  static absl::Status Verify(const std::string& path);
  ~RocksStateStore() override;

  absl::Status Apply(base::Space space, const std::vector<base::StateChange>& changes,
                     base::Durability durability) override;
  absl::StatusOr<std::string> Get(base::Space space, std::string_view key) const override;
  absl::Status Scan(base::Space space, std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit)
      const override;

  // A copy of what was applied before, all of one moment, into `path`, which must not exist; by
  // hard links where files do not change any more. An absolute path.
  absl::Status Checkpoint(const std::string& path) const;

 private:
  struct Database;
  struct Impl;
  explicit RocksStateStore(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ROCKS_STATE_STORE_H_
