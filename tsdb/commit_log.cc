#include "tsdb/commit_log.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;

// Renamed to this first: a part of a database could not be opened.
std::string DroppedPath(const std::string& path) { return path + ".dropped"; }

}  // namespace

absl::StatusOr<std::unique_ptr<CommitLog>> CommitLog::Open(const std::string& path,
                                                           const std::string& old_path,
                                                           LogFiles& files) {
  std::error_code ignored;
  fs::remove_all(DroppedPath(old_path), ignored);
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentLog> segments, SegmentLog::Open(path, files));
  std::unique_ptr<CommitLog> log(new CommitLog(old_path, std::move(segments)));
  RETURN_IF_ERROR(log->OpenOld());
  return log;
}

absl::StatusOr<std::unique_ptr<CommitLog>> CommitLog::OpenReadOnly(const std::string& path,
                                                                   const std::string& old_path) {
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentLog> segments, SegmentLog::OpenReadOnly(path));
  std::unique_ptr<CommitLog> log(new CommitLog(old_path, std::move(segments)));
  RETURN_IF_ERROR(log->OpenOld());
  return log;
}

absl::Status CommitLog::OpenOld() {
  std::error_code error;
  if (!fs::exists(old_path_, error)) return absl::OkStatus();
  ASSIGN_OR_RETURN(old_, RocksLog::Open(old_path_));
  old_bytes_ = old_->bytes();
  return absl::OkStatus();
}

LogScan CommitLog::Scan(const LogVisitor& visit) const {
  LogScan scan;
  if (old_ != nullptr) scan = old_->Scan(visit);
  LogScan segments = segments_->Scan(visit);
  scan.records += segments.records;
  scan.torn_bytes += segments.torn_bytes;
  for (std::string& fault : segments.faults) scan.Fault(std::move(fault));
  scan.unreadable += segments.unreadable - segments.faults.size();
  return scan;
}

bool CommitLog::Bounds(LogKey& first, LogKey& last) const {
  LogKey old_first, old_last;
  const bool has_old = old_ != nullptr && old_->Bounds(old_first, old_last);
  const bool has_new = segments_->Bounds(first, last);
  if (has_old) first = old_first;
  if (has_old && !has_new) last = old_last;
  return has_old || has_new;
}

absl::Status CommitLog::DropBefore(uint32_t partition) {
  LogKey first, last;
  if (old_ != nullptr && (!old_->Bounds(first, last) || last.partition < partition)) {
    old_ = nullptr;
    old_bytes_ = 0;
    std::error_code error;
    fs::rename(old_path_, DroppedPath(old_path_), error);
    if (!error) fs::remove_all(DroppedPath(old_path_), error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("dropping the old log ", old_path_, ": ", error.message()));
    }
  }
  return segments_->DropBefore(partition);
}

}  // namespace slowburn::tsdb
