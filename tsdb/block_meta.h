// The meta part of a file of blocks/: what a block is, or what was deleted from blocks.
//
// Threads: none. Bytes of outside are refused, never trusted.
#ifndef SLOWBURN_TSDB_BLOCK_META_H_
#define SLOWBURN_TSDB_BLOCK_META_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/block_store.h"
#include "tsdb/runs.h"

namespace slowburn::tsdb {

// Samples of a block that are no longer to be seen.
struct Tombstone {
  BlockId block = 0;
  TimeRange range;
  Runs series;
};

enum class FileType : uint8_t {
  kBlock = 1,
  kNotes = 2,  // the mark and all tombstones; the file with the highest id counts
};

struct BlockMeta {
  FileType type = FileType::kBlock;
  BlockInfo info;  // of notes: id and replaces
  // Where two blocks have a sample at one time, that of the higher order counts. Ascends with
  // publication; a block that replaces others has the highest order of theirs.
  uint64_t order = 0;
  SealMark mark;
  std::vector<Tombstone> tombstones;
};

std::string EncodeBlockMeta(const BlockMeta& meta);
// kDataLoss; also for a version that is not known. `id` is that of the file.
absl::Status DecodeBlockMeta(std::string_view bytes, BlockId id, BlockMeta& out);

// What of a series is deleted: ascending, disjoint, not empty.
std::vector<TimeRange> DeletedRanges(const std::vector<Tombstone>& tombstones, uint32_t series);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_META_H_
