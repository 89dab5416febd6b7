// Snapshots of a data directory, as directories: taken by Db::Snapshot, copied to where they are
// kept, restored into a new data directory.
//
//   finish   names every file of a directory, with checksums, in a manifest that is written last:
//            without it a directory is no snapshot
//   copy     into a directory that may hold an earlier snapshot. A file that it has is kept, if its
//            bytes are the same. A file of other bytes gets another name, so that the earlier
//            snapshot is whole until the new manifest takes the place of the old one; then what
//            only the old one names is removed
//   restore  copies, and checks each byte that it copies. FORMAT, without which a directory is not
//            opened, is written last
//
// Threads: they block; nobody else changes the directories. Errors: kDataLoss names the damaged
// file; kNotFound: no snapshot there; kFailedPrecondition: what is there is not overwritten, or a
// later version wrote it; else the disk's.
#ifndef SLOWBURN_TSDB_DIRECTORY_SNAPSHOT_H_
#define SLOWBURN_TSDB_DIRECTORY_SNAPSHOT_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb {

struct SnapshotStats {
  uint64_t files = 0, bytes = 0;          // of the snapshot
  uint64_t new_files = 0, new_bytes = 0;  // that were not there before
};

using SnapshotProgress = std::function<void(uint64_t done, uint64_t total)>;  // bytes; may be empty

// `format`: of the data directory.
absl::StatusOr<SnapshotStats> FinishSnapshot(const std::string& folder, int format,
                                             TimestampMs taken_at,
                                             const SnapshotProgress& progress);
absl::StatusOr<SnapshotStats> CopySnapshot(const std::string& from, const std::string& to,
                                           const SnapshotProgress& progress);
// `to` is not there, or empty.
absl::StatusOr<SnapshotStats> RestoreSnapshot(const std::string& from, const std::string& to,
                                              const SnapshotProgress& progress);

// While a snapshot is made its directory has this behind its name. Those that a crash left in
// `folder` are removed; other ones stay.
inline constexpr char kUnfinishedSuffix[] = ".unfinished";
void RemoveUnfinishedSnapshots(const std::string& folder);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_DIRECTORY_SNAPSHOT_H_
