// SnapshotManifest: what belongs to a snapshot of a data directory. The last file of a snapshot
// that is written: without it there is none.
//
// Threads: values and pure functions. Errors: kDataLoss when the text is not whole, or says what no
// manifest says; kFailedPrecondition when a later version wrote it.
#ifndef SLOWBURN_TSDB_SNAPSHOT_MANIFEST_H_
#define SLOWBURN_TSDB_SNAPSHOT_MANIFEST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/hash.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb {

inline constexpr char kSnapshotManifestName[] = "SNAPSHOT";

struct SnapshotFile {
  std::string path;    // in a data directory, e.g. blocks/000012.sst
  std::string stored;  // in the snapshot: mostly the same
  uint64_t bytes = 0;
  Hash128 hash;
  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

struct SnapshotManifest {
  int format = 0;  // of the data directory
  TimestampMs taken_at = 0;
  std::vector<SnapshotFile> files;  // ascending paths

  const SnapshotFile* Find(std::string_view path) const;
  bool IsStored(std::string_view stored) const;
};

std::string EncodeSnapshotManifest(const SnapshotManifest& manifest);
absl::StatusOr<SnapshotManifest> ParseSnapshotManifest(std::string_view text);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SNAPSHOT_MANIFEST_H_
