// Directory: the data directory of a Prometheus server (or a snapshot of it), opened for reading.
// It is never changed, and nothing is written there.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Directory> source, Directory::Open(path, {}, report));
//   for (SeriesSet& series : *source->Series(range)) …
//
// Blocks that a compaction has replaced are not used. Where blocks overlap, or blocks and head,
// each time of a series counts once. Damage is in the report, and what is damaged is left out.
//
// Threads: one at a time. Lifetimes: a directory outlives its series sets, the report outlives the
// directory. Errors of Open: kNotFound (no directory of Prometheus), kInvalidArgument (one of
// Slowburn).
#ifndef SLOWBURN_TSDB_PROMETHEUS_DIRECTORY_H_
#define SLOWBURN_TSDB_PROMETHEUS_DIRECTORY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/prometheus/block.h"
#include "tsdb/prometheus/head.h"
#include "tsdb/prometheus/read_report.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

struct DirectoryOptions {
  size_t memory_bytes = size_t{256} << 20;                      // for samples of the logs
  std::function<void(uint64_t done, uint64_t total)> progress;  // of opening; may be empty
};

class Directory {
 public:
  static absl::StatusOr<std::unique_ptr<Directory>> Open(const std::string& path,
                                                         DirectoryOptions options,
                                                         ReadReport& report);

  const std::vector<std::unique_ptr<Block>>& blocks() const { return blocks_; }
  const Head& head() const { return *head_; }
  // Whether a running Prometheus has the directory: what it writes from now on is not seen.
  bool in_use() const { return in_use_; }
  TimeRange times() const;   // that samples may have; empty if there are none
  uint64_t samples() const;  // to be read; about
  // The first time from `t` on that samples may have; kMaxTime if there is none.
  TimestampMs NextTime(TimestampMs t) const;
  std::unique_ptr<SeriesSet> Series(TimeRange range) const;

 private:
  Directory() = default;
  void OpenBlocks(const std::string& path, ReadReport& report);

  std::vector<std::unique_ptr<Block>> blocks_;  // by time
  std::unique_ptr<Head> head_;
  bool in_use_ = false;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_DIRECTORY_H_
