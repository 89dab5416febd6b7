#include "tsdb/prometheus/directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/prometheus/merged_series.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb::prom {
namespace {

namespace fs = std::filesystem;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::vector<std::string> BlockNames(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (IsUlid(name) && it->is_directory(error)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A running server holds a lock on this file. Asking for a shared one changes nothing.
bool IsLocked(const std::string& path) {
  const int fd = open((path + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0;
  close(fd);
  return locked;
}

absl::Status Check(const std::string& path) {
  if (!Exists(path)) return absl::NotFoundError(absl::StrCat(path, " does not exist"));
  if (Exists(path + "/FORMAT"))
    return absl::InvalidArgumentError(absl::StrCat(path, " is a data directory of Slowburn"));
  if (BlockNames(path).empty() && !Exists(path + "/wal") && !Exists(path + "/chunks_head")) {
    return absl::NotFoundError(
        absl::StrCat(path, " is no data directory of Prometheus: it has neither blocks nor a wal"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Directory>> Directory::Open(const std::string& path,
                                                           DirectoryOptions options,
                                                           ReadReport& report) {
  RETURN_IF_ERROR(Check(path));
  std::unique_ptr<Directory> directory(new Directory);
  directory->in_use_ = IsLocked(path);
  directory->OpenBlocks(path, report);
  HeadOptions head;
  for (const auto& block : directory->blocks_) {
    if (block->meta().EndsBeforeHead()) head.from = std::max(head.from, block->meta().max_t);
  }
  head.memory_bytes = options.memory_bytes;
  head.progress = std::move(options.progress);
  directory->head_ = std::make_unique<Head>(path, std::move(head), report);
  return directory;
}

void Directory::OpenBlocks(const std::string& path, ReadReport& report) {
  std::set<std::string> replaced;
  for (const std::string& name : BlockNames(path)) {
    const std::string folder = absl::StrCat(path, "/", name);
    absl::StatusOr<std::unique_ptr<Block>> block = Block::Open(folder, report);
    if (!block.ok()) {
      report.Damaged(
          folder, 0,
          absl::StrCat("the block cannot be read: ", std::string(block.status().message())));
      continue;
    }
    const BlockMeta& meta = (*block)->meta();
    replaced.insert(meta.parents.begin(), meta.parents.end());
    if (meta.deletable) replaced.insert(meta.ulid);
    blocks_.push_back(*std::move(block));
  }
  std::erase_if(blocks_, [&](const auto& block) { return replaced.contains(block->meta().ulid); });
  std::stable_sort(blocks_.begin(), blocks_.end(),
                   [](const auto& a, const auto& b) { return a->meta().min_t < b->meta().min_t; });
}

TimeRange Directory::times() const {
  TimeRange times{kMaxTime, kMinTime};
  const auto widen = [&](TimeRange range) {
    if (range.empty()) return;
    times = {std::min(times.start, range.start), std::max(times.end, range.end)};
  };
  for (const auto& block : blocks_) widen(block->times());
  widen(head_->times());
  return times;
}

uint64_t Directory::samples() const {
  uint64_t samples = head_->samples();
  for (const auto& block : blocks_) samples += block->meta().samples;
  return samples;
}

TimestampMs Directory::NextTime(TimestampMs t) const {
  TimestampMs next = kMaxTime;
  const auto look = [&](TimeRange range) {
    if (!range.empty() && range.end > t) next = std::min(next, std::max(t, range.start));
  };
  for (const auto& block : blocks_) look(block->times());
  look(head_->times());
  return next;
}

std::unique_ptr<SeriesSet> Directory::Series(TimeRange range) const {
  std::vector<std::unique_ptr<SeriesSet>> sets;
  for (const auto& block : blocks_) {
    if (!Intersect(range, block->times()).empty()) sets.push_back(block->Series(range));
  }
  if (!Intersect(range, head_->times()).empty()) sets.push_back(head_->Series(range));
  return MergeSeries(std::move(sets));
}

}  // namespace slowburn::tsdb::prom
