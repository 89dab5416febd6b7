#include "ingest/file_discovery.h"

#include <sys/stat.h>

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace slowburn::ingest {
namespace {

absl::StatusOr<std::vector<TargetGroup>> ReadGroups(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  std::vector<TargetGroup> groups;
  if (absl::AsciiStrToLower(path).ends_with(".json")) {
    ASSIGN_OR_RETURN(groups, ParseTargetGroupsJson(text, path));
  } else {
    ASSIGN_OR_RETURN(const base::YamlNode root, base::ParseYaml(text, path));
    ASSIGN_OR_RETURN(groups, ParseTargetGroups(root));
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i].source = absl::StrCat(path, ":", i);
    groups[i].labels.emplace_back("__meta_filepath", path);
  }
  return groups;
}

}  // namespace

FileDiscovery::FileDiscovery(FileSdConfig config, std::function<void(const absl::Status&)> on_error)
    : config_(std::move(config)), on_error_(std::move(on_error)) {}

bool FileDiscovery::Poll(base::TimestampMs now) {
  const bool force = !polled_ || now - last_full_ >= config_.refresh_interval_ms;
  if (force) last_full_ = now;
  bool changed = !std::exchange(polled_, true);
  std::set<std::string> found;
  for (const std::string& pattern : config_.files) {
    for (std::string& path : base::Glob(pattern)) found.insert(std::move(path));
  }
  for (auto it = files_.begin(); it != files_.end();) {
    if (found.contains(it->first)) {
      ++it;
    } else {
      it = files_.erase(it);
      changed = true;
    }
  }
  for (const std::string& path : found) changed |= Refresh(path, files_[path], force);
  return changed;
}

bool FileDiscovery::Refresh(const std::string& path, File& file, bool force) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) == 0) {
    const int64_t modified = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
    const bool same =
        modified == file.modified_ns && info.st_size == file.size && info.st_ino == file.inode;
    if (same && !force) return false;
    file.modified_ns = modified;
    file.size = info.st_size;
    file.inode = info.st_ino;
  }
  absl::StatusOr<std::vector<TargetGroup>> groups = ReadGroups(path);
  if (!groups.ok()) {
    if (on_error_) on_error_(groups.status());
    return false;
  }
  file.groups = *std::move(groups);
  return true;
}

std::vector<TargetGroup> FileDiscovery::groups() const {
  std::vector<TargetGroup> all;
  for (const auto& [path, file] : files_)
    all.insert(all.end(), file.groups.begin(), file.groups.end());
  return all;
}

}  // namespace slowburn::ingest
