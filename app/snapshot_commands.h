// Copying a data directory as it is at one moment, and making one of such a copy:
//
//   slowburn tsdb snapshot --storage.path=DIR --to DIR [--url URL]
//   slowburn tsdb restore --from DIR --storage.path=DIR
//
// Threads: they block. Progress goes to `progress`, which may be null. Errors: as those of
// tsdb/directory_snapshot.h; kFailedPrecondition when a server has the directory and no URL says
// which; kUnavailable when the server at the URL refuses or is away.
#ifndef SLOWBURN_APP_SNAPSHOT_COMMANDS_H_
#define SLOWBURN_APP_SNAPSHOT_COMMANDS_H_

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "base/http_client.h"

namespace slowburn::app {

struct TsdbSnapshotOptions {
  std::string path;
  // Not there, empty, or with an earlier snapshot, of which is kept what is the same.
  std::string to;
  std::string url;  // of the server that has the directory open; empty: none has
};
absl::Status RunTsdbSnapshot(const TsdbSnapshotOptions& options, base::HttpClient& client,
                             std::FILE* out, std::FILE* progress = nullptr);

struct TsdbRestoreOptions {
  std::string path;  // not there, or empty
  std::string from;
};
absl::Status RunTsdbRestore(const TsdbRestoreOptions& options, std::FILE* out,
                            std::FILE* progress = nullptr);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_SNAPSHOT_COMMANDS_H_
