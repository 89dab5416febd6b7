// SegmentLog: the log of commits, in files of its own: log/<partition>-<number>.seg. Each Append is
// one frame (segment.h) and one write. A new file begins with each partition, each process, and
// after kSegmentBytes; old ones are dropped whole.
//
// Each file says where the one before it ended, so a torn end, which a crash leaves, is told from
// damage. What a failed write left behind is cut off, or lies behind that end.
//
// Threads: Append, Resume, Scan, Bounds, Parts and DropBefore by one thread at a time; Sync and
// bytes by any. Errors: kUnavailable when the disk is full or failing.
#ifndef SLOWBURN_TSDB_SEGMENT_LOG_H_
#define SLOWBURN_TSDB_SEGMENT_LOG_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "tsdb/log_entry.h"
#include "tsdb/log_files.h"

namespace slowburn::tsdb {

inline constexpr uint64_t kSegmentBytes = uint64_t{64} << 20;  // a file that has them is full

class SegmentLog {
 public:
  // Makes the folder if it is not there. `files` outlives the log.
  static absl::StatusOr<std::unique_ptr<SegmentLog>> Open(const std::string& path,
                                                          LogFiles& files = LogFiles::OfSystem());
  // Only Scan, Bounds, VerifyChecksums and bytes may be called. A folder that is not there is an
  // empty log.
  static absl::StatusOr<std::unique_ptr<SegmentLog>> OpenReadOnly(const std::string& path);
  ~SegmentLog();

  // All entries or none; they are of one partition, not before the last one, and ascend. After an
  // error nothing can be appended until Resume succeeds. What failed turns up in a later Scan only
  // if it could not be cut off and the process died before it wrote on.
  absl::Status Append(std::span<const LogEntry> entries, LogSync sync);
  absl::Status Resume();
  // What was appended before is on the disk. After an error as after Append's.
  absl::Status Sync();

  LogScan Scan(const LogVisitor& visit) const;
  // The first and the last key; false when empty.
  bool Bounds(LogKey& first, LogKey& last) const;
  // The files, and how much of each counts; what is appended afterwards comes behind that.
  struct Part {
    std::string path;
    uint64_t bytes = 0;
    bool may_grow = false;
  };
  std::vector<Part> Parts() const;
  // Reads every file. kDataLoss names the damaged places.
  absl::Status VerifyChecksums() const;

  // Drops the files of partitions before this one.
  absl::Status DropBefore(uint32_t partition);
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Segment {
    uint32_t partition = 0;
    uint64_t number = 0;
    uint64_t size = 0;                  // of the file
    uint64_t previous = 0;              // number of the one before, 0 if that is not known
    std::optional<uint64_t> known_end;  // of its last frame
  };

  SegmentLog(std::string path, LogFiles* files) : path_(std::move(path)), files_(files) {}
  std::string PathOf(const Segment& segment) const;
  absl::Status Load();
  void FindEnd();

  absl::Status Write(std::span<const LogEntry> entries, LogSync sync);
  absl::Status StartSegment(uint32_t partition);
  void ReadSegment(const Segment& segment, uint64_t& least_sequence, LogScan& scan,
                   const LogVisitor& visit) const;

  const std::string path_;
  LogFiles* const files_;  // null: read-only
  std::atomic<uint64_t> bytes_{0};

  // The writer's.
  std::vector<Segment> segments_;  // ascending
  std::optional<LogKey> last_key_;
  uint64_t next_number_ = 1;
  uint64_t previous_number_ = 0, previous_end_ = 0;  // of the last segment that was begun
  std::shared_ptr<LogFile> file_;                    // of segments_.back(); null: none is open
  uint64_t marker_ = 0;                              // its marker
  std::string frame_;                                // scratch

  base::Mutex sync_mu_;  // one sync at a time; taken before mu_
  base::Mutex mu_;
  std::vector<std::shared_ptr<LogFile>> unsynced_ ABSL_GUARDED_BY(mu_);
  bool folder_unsynced_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;       // a write or a sync failed: Resume
  bool sync_failed_ ABSL_GUARDED_BY(mu_) = false;  // the file's state is not known any more
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SEGMENT_LOG_H_
