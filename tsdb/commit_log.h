// CommitLog: the log of a data directory: segments, and before them what format 1 left in RocksDB.
//
// Threads and errors: as SegmentLog's.
#ifndef SLOWBURN_TSDB_COMMIT_LOG_H_
#define SLOWBURN_TSDB_COMMIT_LOG_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/log_entry.h"
#include "tsdb/log_files.h"
#include "tsdb/rocks_log.h"
#include "tsdb/segment_log.h"

namespace slowburn::tsdb {

class CommitLog {
 public:
  // `old_path`: format 1's log, which need not be there. kDataLoss: it is, and cannot be read.
  static absl::StatusOr<std::unique_ptr<CommitLog>> Open(const std::string& path,
                                                         const std::string& old_path,
                                                         LogFiles& files = LogFiles::OfSystem());
  // Changes nothing, and only Scan, Bounds and bytes may be called.
  static absl::StatusOr<std::unique_ptr<CommitLog>> OpenReadOnly(const std::string& path,
                                                                 const std::string& old_path);

  absl::Status Append(std::span<const LogEntry> entries, LogSync sync) {
    return segments_->Append(entries, sync);
  }
  absl::Status Resume() { return segments_->Resume(); }
  absl::Status Sync() { return segments_->Sync(); }

  LogScan Scan(const LogVisitor& visit) const;
  bool Bounds(LogKey& first, LogKey& last) const;
  // Drops the files of partitions before this one; format 1's log when all of it is older.
  absl::Status DropBefore(uint32_t partition);
  uint64_t bytes() const { return segments_->bytes() + old_bytes_; }
  std::vector<SegmentLog::Part> Parts() const { return segments_->Parts(); }
  bool has_old() const { return old_ != nullptr; }  // format 1's, whose files never change

 private:
  CommitLog(std::string old_path, std::unique_ptr<SegmentLog> segments)
      : old_path_(std::move(old_path)), segments_(std::move(segments)) {}
  absl::Status OpenOld();

  const std::string old_path_;
  const std::unique_ptr<SegmentLog> segments_;
  std::unique_ptr<RocksLog> old_;  // null: there is none
  std::atomic<uint64_t> old_bytes_{0};
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_COMMIT_LOG_H_
