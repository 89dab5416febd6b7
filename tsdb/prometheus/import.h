// Import: what a directory of Prometheus holds, into our blocks.
//
// Samples go partition by partition: a day each, two hours each for the last day. A partition is
// published as a whole, so what an interrupted import did is not lost, and the next one goes on.
// What the blocks have already at a time of a series stays as it is, whatever the source has there;
// so importing twice changes nothing.
//
// Memory: a series of blocks at a time; for the head of Prometheus as Directory says.
// Threads: blocks. Errors: the store's; then the partitions before are imported.
#ifndef SLOWBURN_TSDB_PROMETHEUS_IMPORT_H_
#define SLOWBURN_TSDB_PROMETHEUS_IMPORT_H_

#include <cstdint>
#include <functional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "tsdb/block_store.h"
#include "tsdb/prometheus/directory.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

struct ImportOptions {
  TimestampMs retained_from = kMinTime;  // older samples are counted as `old`, and imported
  std::function<void(uint64_t done, uint64_t total)> progress;  // samples; may be empty
};

struct NewestSample {
  TimestampMs t = 0;
  double v = 0;
  HistogramPtr histogram;
};

struct ImportStats {
  uint64_t blocks = 0;                   // written
  uint64_t series = 0;                   // of which something was written; each once
  uint64_t samples = 0, histograms = 0;  // written; histograms are samples too
  uint64_t old = 0;                      // of the written ones
  uint64_t present = 0;                  // were there already
  uint64_t conflicts = 0;                // were there with another value, which stays
  uint64_t invalid_histograms = 0;       // left out
  // Of the series that have exemplars: see ImportNotes.
  absl::flat_hash_map<Labels, NewestSample> newest;
};

absl::StatusOr<ImportStats> ImportSamples(const Directory& source, BlockStore& store,
                                          const ImportOptions& options);

struct ImportedNotes {
  uint64_t exemplars = 0;  // stored, or the newest of a series and there already
  uint64_t metadata = 0;
};
// The newest exemplars, and metadata of metrics that have none: both from the log of Prometheus,
// into our log. A storage takes exemplars only of series that have samples, so the newest sample of
// each goes with them; it is in the blocks as well.
absl::StatusOr<ImportedNotes> ImportNotes(const Directory& source,
                                          const absl::flat_hash_map<Labels, NewestSample>& newest,
                                          Storage& storage);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_IMPORT_H_
