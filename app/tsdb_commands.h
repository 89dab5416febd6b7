// `slowburn tsdb dump|stats|verify|import|export --storage.path=DIR`: work on a data directory that
// no server is using.
//
// Threads: they block. Progress of long ones goes to `progress`, which may be null. Errors: as
// tsdb::Db::Open's (a living server has the lock, not our directory, unreadable), kNotFound (no
// such data directory), kInvalidArgument (a selector), kDataLoss (verify found damage; what, is on
// `out`).
#ifndef SLOWBURN_APP_TSDB_COMMANDS_H_
#define SLOWBURN_APP_TSDB_COMMANDS_H_

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/sample.h"

namespace slowburn::app {

struct TsdbDumpOptions {
  std::string path;
  std::vector<std::string> matches;  // selectors, any of them; none: every series
  tsdb::TimestampMs min_time = tsdb::kMinTime, max_time = tsdb::kMaxTime;  // both included
};
// promtool's lines, {__name__="up", job="a"} 1 1700000000000, by labels and then by time. A
// directory of Prometheus is printed as well, and not changed.
absl::Status RunTsdbDump(const TsdbDumpOptions& options, std::FILE* out,
                         std::FILE* progress = nullptr);

// Writes blocks of Prometheus into a new folder; what was written is said on `out`.
struct TsdbExportOptions {
  std::string path;
  std::string to;
  std::vector<std::string> matches;  // as above
  tsdb::TimestampMs min_time = tsdb::kMinTime, max_time = tsdb::kMaxTime;
};
absl::Status RunTsdbExport(const TsdbExportOptions& options, std::FILE* out,
                           std::FILE* progress = nullptr);

// Copies what a directory of Prometheus holds, log and head included; it is only read. What was
// copied, what was there already and what could not be read is said on `out`.
struct TsdbImportOptions {
  std::string path;  // made if it is not there
  std::string from;
  // What the server will keep: says how much of the import that leaves. 0: for ever.
  base::DurationMs retention_ms = 0;
};
absl::Status RunTsdbImport(const TsdbImportOptions& options, std::FILE* out,
                           std::FILE* progress = nullptr);

struct TsdbStatsOptions {
  std::string path;
  size_t limit = 10;  // of each list
};
absl::Status RunTsdbStats(const TsdbStatsOptions& options, std::FILE* out,
                          std::FILE* progress = nullptr);

struct TsdbVerifyOptions {
  std::string path;
};
absl::Status RunTsdbVerify(const TsdbVerifyOptions& options, std::FILE* out,
                           std::FILE* progress = nullptr);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_TSDB_COMMANDS_H_
