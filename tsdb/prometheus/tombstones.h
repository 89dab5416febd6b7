// Tombstones: which samples of which series of a block were deleted. Both a file of a block and
// records of the log.
//
// Threads: none. Errors: kDataLoss.
#ifndef SLOWBURN_TSDB_PROMETHEUS_TOMBSTONES_H_
#define SLOWBURN_TSDB_PROMETHEUS_TOMBSTONES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "tsdb/prometheus/chunk.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb::prom {

// Times that were deleted: apart from each other, ascending.
class DeletedTimes {
 public:
  void Add(TimestampMs min_t, TimestampMs max_t);  // both included
  bool Contains(TimestampMs t) const;
  bool empty() const { return ranges_.empty(); }
  // Removes the deleted samples; histograms behind a gap say no more whether they were reset.
  // `gap`: whether the sample before the first was deleted; then whether the last one was.
  void Filter(Columns& columns, bool& gap) const;

 private:
  struct Range {
    TimestampMs min_t, max_t;
  };
  std::vector<Range> ranges_;
};

using Tombstones = absl::flat_hash_map<uint64_t, DeletedTimes>;  // by series reference

absl::Status ParseTombstones(std::string_view file, Tombstones& out);
std::string FormatNoTombstones();  // the file of a block in which nothing was deleted

// Forgets whether the histograms [begin, end) were reset: what was before them is not known.
void ForgetResets(Columns& columns, size_t begin, size_t end);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_TOMBSTONES_H_
