// What a block is made of. tsdb/FORMAT.md is the grammar.
//
// A block is one file of RocksDB. Its keys are (block id, kind, number); a value is one part.
#ifndef SLOWBURN_TSDB_BLOCK_FORMAT_H_
#define SLOWBURN_TSDB_BLOCK_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace slowburn::tsdb {

inline constexpr uint64_t kBlockVersion = 1;

enum class PartKind : uint8_t {
  kPiece = 1,  // numbered in the order of writing: rows, directories and times
  kIndex = 2,  // numbered by IndexSection
  kMeta = 3,   // number 0: what the block is; in a file of notes also what was deleted
};

enum class IndexSection : uint32_t { kNames, kValues, kPostings, kSeries, kPieces };
inline constexpr size_t kIndexSections = 5;

struct PartKey {
  PartKind kind{};
  uint32_t number = 0;
};

inline constexpr size_t kIndexGroup = 16;        // pairs between two restart points of the index
inline constexpr size_t kSeriesChunk = 128;      // series between two restart points of the index
inline constexpr size_t kGroupSeries = 128;      // series of a row group, at most
inline constexpr size_t kGroupBytes = 48 << 10;  // a row group that has as much is closed
inline constexpr size_t kTimesChunk = 32;        // time columns of one piece

// Bits of a column's flags in the directory of a row group.
inline constexpr uint64_t kColumnHasMore = 1;      // the series has another column after this one
inline constexpr uint64_t kColumnSameTimes = 2;    // as the column before in the group
inline constexpr uint64_t kColumnConstant = 4;     // one value for all, in the directory
inline constexpr uint64_t kColumnHistograms = 8;   // some samples are histograms
inline constexpr uint64_t kColumnStarts = 16;      // there are start timestamps
inline constexpr uint64_t kColumnNaN = 32;         // some values are NaN, the staleness marker too
inline constexpr uint64_t kColumnSummary = 64;     // a summary follows
inline constexpr uint64_t kColumnMonotonic = 128;  // the summary of values that never fall
inline constexpr uint64_t kColumnExactSum = 256;   // the low half of the sum is 0
inline constexpr uint64_t kColumnWhole = 512;      // SampleSummary::whole

// A place of series in row groups: index section kPieces.
struct GroupPlace {
  uint32_t first_series = 0;
  uint32_t piece = 0;  // the directory; the rows are the piece before
};

template <typename... T>
absl::Status Damaged(const T&... what) {
  return absl::DataLossError(absl::StrCat(what...));
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_FORMAT_H_
