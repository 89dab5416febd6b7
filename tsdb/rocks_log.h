// RocksLog: the log of a directory of format 1, in a RocksDB of its own. It is read, and dropped as
// a whole, but never written. Keys are EncodeLogKey's, so that they ascend.
//
// Threads: one. Errors: kDataLoss when Open finds the database unreadable.
#ifndef SLOWBURN_TSDB_ROCKS_LOG_H_
#define SLOWBURN_TSDB_ROCKS_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tsdb/log_entry.h"

namespace slowburn::tsdb {

inline constexpr size_t kLogKeyBytes = 12;  // partition and sequence, both big-endian
std::string EncodeLogKey(const LogKey& key);
bool DecodeLogKey(std::string_view bytes, LogKey& key);

class RocksLog {
 public:
  static absl::StatusOr<std::unique_ptr<RocksLog>> Open(const std::string& path);
  ~RocksLog();

  LogScan Scan(const LogVisitor& visit) const;
  // The first and the last key; false when empty.
  bool Bounds(LogKey& first, LogKey& last) const;
  uint64_t bytes() const;

 private:
  struct Impl;
  explicit RocksLog(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ROCKS_LOG_H_
