#include "tsdb/segment_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tsdb/segment.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr char kSuffix[] = ".seg";
constexpr size_t kMaxUnsynced = 8;  // files that are full and that nobody synced

// An open file for reading; -1 when it cannot be opened, which reads as nothing.
class ReadableFile {
 public:
  explicit ReadableFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ >= 0) posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~ReadableFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

bool ParseName(const std::string& name, uint32_t& partition, uint64_t& number) {
  const std::vector<std::string> parts = absl::StrSplit(absl::StripSuffix(name, kSuffix), '-');
  return name.ends_with(kSuffix) && parts.size() == 2 && absl::SimpleAtoi(parts[0], &partition) &&
         absl::SimpleAtoi(parts[1], &number) && number > 0;
}

uint64_t RandomMarker() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

absl::Status Unavailable(const char* doing, const std::string& path, const absl::Status& why) {
  return absl::UnavailableError(absl::StrCat(doing, " the log ", path, ": ", why.message()));
}

}  // namespace

SegmentLog::~SegmentLog() = default;

std::string SegmentLog::PathOf(const Segment& segment) const {
  return absl::StrFormat("%s/%010u-%010u%s", path_, segment.partition, segment.number, kSuffix);
}

absl::StatusOr<std::unique_ptr<SegmentLog>> SegmentLog::Open(const std::string& path,
                                                             LogFiles& files) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    RETURN_IF_ERROR(base::MakeDirectories(path));
    RETURN_IF_ERROR(files.SyncFolder(fs::path(path).parent_path().string()));
  }
  std::unique_ptr<SegmentLog> log(new SegmentLog(path, &files));
  RETURN_IF_ERROR(log->Load());
  log->FindEnd();
  return log;
}

absl::StatusOr<std::unique_ptr<SegmentLog>> SegmentLog::OpenReadOnly(const std::string& path) {
  std::unique_ptr<SegmentLog> log(new SegmentLog(path, nullptr));
  std::error_code error;
  if (fs::exists(path, error)) RETURN_IF_ERROR(log->Load());
  log->FindEnd();
  return log;
}

// The files that are there, and what each says of the one before it.
absl::Status SegmentLog::Load() {
  std::error_code error;
  for (fs::directory_iterator it(path_, error), end; !error && it != end; it.increment(error)) {
    Segment segment;
    if (!ParseName(it->path().filename().string(), segment.partition, segment.number)) continue;
    std::error_code gone;
    segment.size = it->file_size(gone);
    if (!gone) segments_.push_back(segment);
  }
  if (error) return absl::UnavailableError(absl::StrCat("list ", path_, ": ", error.message()));
  std::sort(segments_.begin(), segments_.end(),
            [](const Segment& a, const Segment& b) { return a.number < b.number; });
  for (Segment& segment : segments_) {
    bytes_ += segment.size;
    next_number_ = segment.number + 1;
    const ReadableFile file(PathOf(segment));
    SegmentFile bytes(file.fd(), std::min<uint64_t>(segment.size, kSegmentHeaderBytes));
    const std::optional<SegmentHeader> header =
        DecodeSegmentHeader(bytes.At(0, kSegmentHeaderBytes));
    if (!header.has_value()) continue;
    segment.previous = header->previous_number;
    for (Segment& before : segments_) {
      if (before.number == header->previous_number) before.known_end = header->previous_end;
    }
  }
  return absl::OkStatus();
}

// Where the log ended, for the header of the next file. A torn end stays where it is: nobody looks
// behind this place any more.
void SegmentLog::FindEnd() {
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); ++segment) {
    const ReadableFile file(PathOf(*segment));
    SegmentFile bytes(file.fd(), segment->size);
    SegmentReader reader(bytes, segment->known_end.value_or(segment->size));
    SegmentReader::Frame frame;
    while (reader.Next(frame)) last_key_ = {segment->partition, LastSequence(frame)};
    if (previous_number_ == 0 && (reader.header().has_value() || last_key_.has_value())) {
      previous_number_ = segment->number;
      previous_end_ = segment->known_end.value_or(reader.position());
    }
    if (last_key_.has_value()) return;
  }
}

absl::Status SegmentLog::Append(std::span<const LogEntry> entries, LogSync sync) {
  if (entries.empty()) return absl::OkStatus();
  {
    base::MutexLock lock(mu_);
    if (broken_) {
      return absl::UnavailableError(
          absl::StrCat("a write failed before; appending to the log ", path_));
    }
  }
  const absl::Status status = Write(entries, sync);
  if (status.ok()) return status;
  base::MutexLock lock(mu_);
  broken_ = true;
  return Unavailable("appending to", path_, status);
}

absl::Status SegmentLog::Write(std::span<const LogEntry> entries, LogSync sync) {
  const uint32_t partition = entries.front().key.partition;
  if (file_ != nullptr &&
      (segments_.back().partition != partition || *segments_.back().known_end >= kSegmentBytes)) {
    file_ = nullptr;
  }
  if (file_ == nullptr) RETURN_IF_ERROR(StartSegment(partition));
  frame_.clear();
  if (!AppendFrame(marker_, entries, frame_)) {
    return absl::InvalidArgumentError(
        absl::StrCat("one write of more than ", kMaxFrameBytes, " bytes"));
  }
  absl::Status status = file_->Append(frame_);
  {
    base::MutexLock lock(mu_);
    if (unsynced_.empty() || unsynced_.back() != file_) unsynced_.push_back(file_);
  }
  if (status.ok() && sync == LogSync::kDisk) status = Sync();
  Segment& segment = segments_.back();
  const uint64_t good = *segment.known_end;
  if (!status.ok()) {
    // Resume looks whether that was enough.
    file_->Truncate(good).IgnoreError();
    return status;
  }
  segment.known_end = previous_end_ = good + frame_.size();
  last_key_ = entries.back().key;
  segment.size = previous_end_;
  bytes_ += frame_.size();
  return absl::OkStatus();
}

absl::Status SegmentLog::StartSegment(uint32_t partition) {
  size_t unsynced = 0;
  {
    base::MutexLock lock(mu_);
    unsynced = unsynced_.size();
  }
  if (unsynced >= kMaxUnsynced) RETURN_IF_ERROR(Sync());
  Segment segment{partition, next_number_++, kSegmentHeaderBytes, previous_number_, {}};
  const std::string path = PathOf(segment);
  ASSIGN_OR_RETURN(std::shared_ptr<LogFile> file, files_->Create(path));
  marker_ = RandomMarker();
  const absl::Status status = file->Append(
      EncodeSegmentHeader({partition, segment.number, marker_, previous_number_, previous_end_}));
  if (!status.ok()) {
    files_->Remove(path).IgnoreError();  // what stays is an empty segment
    return status;
  }
  file_ = std::move(file);
  segment.known_end = previous_end_ = kSegmentHeaderBytes;
  previous_number_ = segment.number;
  segments_.push_back(segment);
  bytes_ += kSegmentHeaderBytes;
  base::MutexLock lock(mu_);
  folder_unsynced_ = true;
  return absl::OkStatus();
}

absl::Status SegmentLog::Resume() {
  bool sync_failed = false;
  {
    base::MutexLock lock(mu_);
    if (!broken_) return absl::OkStatus();
    sync_failed = sync_failed_;
  }
  // A file whose sync failed may lose what was written before as well, and says so only once.
  if (file_ != nullptr && (!file_->Truncate(*segments_.back().known_end).ok() || sync_failed))
    file_ = nullptr;
  base::MutexLock lock(mu_);
  broken_ = sync_failed_ = false;
  return absl::OkStatus();
}

absl::Status SegmentLog::Sync() {
  base::MutexLock one(sync_mu_);
  std::vector<std::shared_ptr<LogFile>> files;
  bool folder = false;
  {
    base::MutexLock lock(mu_);
    if (sync_failed_) {
      return absl::UnavailableError(absl::StrCat("a sync failed before; syncing the log ", path_));
    }
    files.swap(unsynced_);
    folder = std::exchange(folder_unsynced_, false);
  }
  absl::Status status = folder ? files_->SyncFolder(path_) : absl::OkStatus();
  for (const std::shared_ptr<LogFile>& file : files) {
    if (status.ok()) status = file->Sync();
  }
  if (status.ok()) return status;
  base::MutexLock lock(mu_);
  broken_ = sync_failed_ = true;
  folder_unsynced_ |= folder;
  unsynced_.insert(unsynced_.begin(), files.begin(), files.end());
  return Unavailable("syncing", path_, status);
}

void SegmentLog::ReadSegment(const Segment& segment, uint64_t& least_sequence, LogScan& scan,
                             const LogVisitor& visit) const {
  const std::string path = PathOf(segment);
  const ReadableFile file(path);
  if (file.fd() < 0) return scan.Fault(absl::StrCat(path, ": cannot be opened"));
  SegmentFile bytes(file.fd(), segment.size);
  SegmentReader reader(bytes, segment.known_end.value_or(segment.size));
  SegmentReader::Frame frame;
  const auto damaged = [&](uint64_t from, uint64_t to) {
    scan.Fault(absl::StrCat(path, ": bytes ", from, " to ", to, " are damaged"));
  };
  while (reader.Next(frame)) {
    if (frame.damaged_from < frame.offset) damaged(frame.damaged_from, frame.offset);
    if (frame.sequence < least_sequence) {  // a file that was put back, or copied
      damaged(frame.offset, frame.end);
      continue;
    }
    least_sequence = LastSequence(frame) + 1;
    scan.records += frame.count;
    VisitRecords(frame, segment.partition, visit);
  }
  if (!segment.known_end.has_value()) {
    scan.torn_bytes += segment.size - reader.position();  // by a crash
  } else if (reader.position() < *segment.known_end) {
    damaged(reader.position(), *segment.known_end);
  }
}

LogScan SegmentLog::Scan(const LogVisitor& visit) const {
  LogScan scan;
  uint64_t least_sequence = 0;
  for (const Segment& segment : segments_) {
    const auto is_previous = [&](const Segment& other) { return other.number == segment.previous; };
    if (segment.previous > segments_.front().number &&
        std::none_of(segments_.begin(), segments_.end(), is_previous)) {
      scan.Fault(absl::StrCat(path_, ": segment ", segment.previous, " is missing"));
    }
    ReadSegment(segment, least_sequence, scan, visit);
  }
  return scan;
}

bool SegmentLog::Bounds(LogKey& first, LogKey& last) const {
  if (!last_key_.has_value()) return false;
  last = *last_key_;
  for (const Segment& segment : segments_) {
    const ReadableFile file(PathOf(segment));
    SegmentFile bytes(file.fd(), segment.size);
    SegmentReader reader(bytes, segment.known_end.value_or(segment.size));
    SegmentReader::Frame frame;
    if (!reader.Next(frame)) continue;
    first = {segment.partition, frame.sequence};
    return true;
  }
  return false;
}

std::vector<SegmentLog::Part> SegmentLog::Parts() const {
  std::vector<Part> parts;
  for (const Segment& segment : segments_)
    parts.push_back({PathOf(segment), segment.known_end.value_or(segment.size), false});
  // Its end is not written down anywhere else yet, and behind it may be what a failed write left.
  if (!parts.empty()) parts.back().may_grow = true;
  return parts;
}

absl::Status SegmentLog::VerifyChecksums() const {
  const LogScan scan = Scan([](const LogKey&, std::string_view) {});
  if (scan.unreadable == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrJoin(scan.faults, "; "));
}

absl::Status SegmentLog::DropBefore(uint32_t partition) {
  while (!segments_.empty() && segments_.front().partition < partition) {
    const Segment& segment = segments_.front();
    if (const absl::Status status = files_->Remove(PathOf(segment)); !status.ok())
      return Unavailable("dropping old files of", path_, status);
    bytes_ -= segment.size;
    if (segments_.size() == 1) file_ = nullptr;
    segments_.erase(segments_.begin());
  }
  if (segments_.empty()) last_key_.reset();
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
