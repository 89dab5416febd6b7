// RocksLog: the log of commits, in a RocksDB of its own. Keys ascend, so its files never overlap
// and old ones are dropped whole.
//
// Threads: Append, Resume, Scan, Bounds and DropBefore by one thread at a time; Sync and bytes by
// any. Errors: kUnavailable when the disk is full or failing; kDataLoss when Open finds the
// database unreadable.
#ifndef SLOWBURN_TSDB_ROCKS_LOG_H_
#define SLOWBURN_TSDB_ROCKS_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace slowburn::tsdb {

// Where a record stands: partitions of the log by time of commit, then commits in order.
struct LogKey {
  uint32_t partition = 0;
  uint64_t sequence = 0;
  friend auto operator<=>(const LogKey&, const LogKey&) = default;
};
inline constexpr size_t kLogKeyBytes = 12;  // both big-endian
std::string EncodeLogKey(const LogKey& key);
bool DecodeLogKey(std::string_view bytes, LogKey& key);

struct LogEntry {
  LogKey key;
  std::string_view record;
};

enum class LogSync { kNone, kDisk };

class RocksLog {
 public:
  // `env`: a rocksdb::Env for tests of failing disks, or null.
  static absl::StatusOr<std::unique_ptr<RocksLog>> Open(const std::string& path, void* env);
  // Only Scan, Bounds, VerifyChecksums and bytes may be called.
  static absl::StatusOr<std::unique_ptr<RocksLog>> OpenReadOnly(const std::string& path);
  ~RocksLog();

  // All entries or none. After an error nothing can be appended until Resume succeeds. What failed
  // may still turn up in a later Scan.
  absl::Status Append(std::span<const LogEntry> entries, LogSync sync);
  // Opens the database anew.
  absl::Status Resume();
  absl::Status Sync();

  // In order of keys. What cannot be read is skipped and counted in `unreadable`.
  struct ScanResult {
    uint64_t records = 0, unreadable = 0;
  };
  ScanResult Scan(
      const std::function<void(const LogKey& key, std::string_view record)>& visit) const;
  // The first and the last key; false when empty.
  bool Bounds(LogKey& first, LogKey& last) const;

  // Reads every file. kDataLoss names the damaged one.
  absl::Status VerifyChecksums() const;

  // Drops whole files of partitions before this one; what shares a file with later ones stays.
  absl::Status DropBefore(uint32_t partition);
  uint64_t bytes() const;

 private:
  struct Impl;
  explicit RocksLog(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ROCKS_LOG_H_
