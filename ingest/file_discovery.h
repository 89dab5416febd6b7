// FileDiscovery: target groups from files that somebody else writes (file_sd_configs), re-read when
// they change.
//
//   FileDiscovery discovery(config);
//   if (discovery.Poll(clock.Now())) Use(discovery.groups());
//
// A file that cannot be read or parsed keeps the groups that it had; a file that is gone takes its
// groups with it. Threads: one at a time.
#ifndef SLOWBURN_INGEST_FILE_DISCOVERY_H_
#define SLOWBURN_INGEST_FILE_DISCOVERY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ingest/scrape_config.h"
#include "ingest/target_group.h"

namespace slowburn::ingest {

class FileDiscovery {
 public:
  // on_error: called for each file that could not be read, each time it changed; may be empty.
  explicit FileDiscovery(FileSdConfig config,
                         std::function<void(const absl::Status&)> on_error = {});

  // Looks at the files: those whose time or size changed are read again, all of them after the
  // refresh interval. True when the groups may have changed (always the first time).
  bool Poll(base::TimestampMs now);

  // Each with the label __meta_filepath.
  std::vector<TargetGroup> groups() const;
  const FileSdConfig& config() const { return config_; }

 private:
  struct File {
    int64_t modified_ns = -1, size = -1;
    uint64_t inode = 0;
    std::vector<TargetGroup> groups;
  };
  bool Refresh(const std::string& path, File& file, bool force);

  const FileSdConfig config_;
  const std::function<void(const absl::Status&)> on_error_;
  std::map<std::string, File> files_;
  base::TimestampMs last_full_ = 0;
  bool polled_ = false;
};

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_FILE_DISCOVERY_H_
