// Bytes as the manifest of a snapshot, as they are and with the check that belongs to them: what is
// read stays within the directory, and is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "tsdb/snapshot_manifest.h"

namespace {

using slowburn::tsdb::SnapshotFile;
using slowburn::tsdb::SnapshotManifest;

void Check(std::string_view text) {
  const absl::StatusOr<SnapshotManifest> manifest = slowburn::tsdb::ParseSnapshotManifest(text);
  if (!manifest.ok()) return;
  for (const SnapshotFile& file : manifest->files) {
    for (const std::string& path : {file.path, file.stored}) {
      if (path.empty() || path[0] == '/' || ("/" + path + "/").find("/../") != path.npos)
        __builtin_trap();
    }
    if (manifest->Find(file.path) != &file) __builtin_trap();
  }
  const absl::StatusOr<SnapshotManifest> again =
      slowburn::tsdb::ParseSnapshotManifest(slowburn::tsdb::EncodeSnapshotManifest(*manifest));
  if (!again.ok() || again->files != manifest->files || again->format != manifest->format ||
      again->taken_at != manifest->taken_at) {
    __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Check(text);
  slowburn::tsdb::Hasher hasher;
  hasher.Add(text);
  const slowburn::tsdb::Hash128 hash = hasher.Finish();
  char check[64];
  std::snprintf(check, sizeof check, "check %016llx%016llx\n",
                static_cast<unsigned long long>(hash.high),
                static_cast<unsigned long long>(hash.low));
  Check(text + check);
  return 0;
}
