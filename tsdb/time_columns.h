// The time columns of a block: each distinct one is stored once, and named by its number.
// kTimesChunk of them are one piece.
//
// Threads: none.
#ifndef SLOWBURN_TSDB_TIME_COLUMNS_H_
#define SLOWBURN_TSDB_TIME_COLUMNS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "tsdb/storage.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {

class TimeColumnWriter {
 public:
  explicit TimeColumnWriter(Temperature temperature) : temperature_(temperature) {}

  // The number of the column. REQUIRES: strictly ascending, at least one, at most
  // kMaxColumnSamples; !full().
  uint32_t Add(std::span<const TimestampMs> times);
  uint32_t count() const { return count_; }
  // The piece wants to be taken before another column comes.
  bool full() const;
  bool has_piece() const { return !ends_.empty(); }
  std::string TakePiece();

 private:
  struct KeyHash {
    size_t operator()(const RawKey& key) const { return key.low; }
  };
  const Temperature temperature_;
  uint32_t count_ = 0;
  uint32_t last_ = 0;
  std::vector<TimestampMs> last_times_;
  absl::flat_hash_map<RawKey, uint32_t, KeyHash> numbers_;
  std::vector<uint32_t> ends_;  // of the columns in bytes_
  std::string bytes_;
};

struct TimeColumn {
  uint32_t count = 0;
  TimestampMs first = 0, last = 0;
  std::string_view bytes;
};
// The column at a place of a piece. kDataLoss.
absl::Status FindTimeColumn(std::string_view piece, uint32_t place, TimeColumn& out);
// REQUIRES: out.size() == column.count. kDataLoss.
absl::Status DecodeTimeColumn(const TimeColumn& column, std::span<TimestampMs> out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_TIME_COLUMNS_H_
