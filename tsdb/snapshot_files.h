// Files of snapshots: copied, linked and hashed.
//
// Threads: any; nobody else changes the files meanwhile. Errors: the operating system's, with the
// path.
#ifndef SLOWBURN_TSDB_SNAPSHOT_FILES_H_
#define SLOWBURN_TSDB_SNAPSHOT_FILES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/hash.h"

namespace slowburn::tsdb {

struct HashedBytes {
  uint64_t bytes = 0;
  Hash128 hash;
  friend bool operator==(const HashedBytes&, const HashedBytes&) = default;
};

// Called with how many bytes more were gone through; may be empty.
using BytesDone = std::function<void(uint64_t bytes)>;

absl::StatusOr<HashedBytes> HashFile(const std::string& path, const BytesDone& done);
// A new file with the first `limit` bytes of another; makes the folders that it needs. Returns what
// was written. SyncBelow makes it durable.
absl::StatusOr<HashedBytes> CopyFile(const std::string& from, const std::string& to, uint64_t limit,
                                     const BytesDone& done);
// By hard link; a copy where there are none.
absl::Status LinkFile(const std::string& from, const std::string& to);
// Relative paths of the regular files below the folder, ascending.
absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder);
// Everything in the folder and those below it, to the disk.
absl::Status SyncBelow(const std::string& folder);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SNAPSHOT_FILES_H_
