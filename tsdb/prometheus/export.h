// ExportBlocks: samples of a storage as blocks of Prometheus, of two hours each, aligned to the
// epoch.
//
// Memory: the labels and, four bytes each, the label pairs of the series of one block.
// What blocks have no place for is left out: exemplars, metadata, start timestamps.
//
// Threads: blocks; the storage should be at rest. Errors: the disk's, the storage's,
// kAlreadyExists (the folder has something in it).
#ifndef SLOWBURN_TSDB_PROMETHEUS_EXPORT_H_
#define SLOWBURN_TSDB_PROMETHEUS_EXPORT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "tsdb/matcher.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

inline constexpr DurationMs kBlockMs = 2 * base::kHour;

struct ExportOptions {
  TimeRange range;               // of samples; should not be much longer than what there is
  std::vector<Matchers> any_of;  // empty: every series
  uint64_t seed = 0;             // of the names of blocks
  // Times in the range; may be empty.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

struct ExportStats {
  uint64_t blocks = 0, series = 0, chunks = 0;  // series: summed over blocks
  uint64_t samples = 0, histograms = 0;         // histograms are samples too
  uint64_t invalid_histograms = 0, starts = 0;  // left out
};

absl::StatusOr<ExportStats> ExportBlocks(Storage& storage, const std::string& folder,
                                         const base::Clock& clock, const ExportOptions& options);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_EXPORT_H_
