// DataSet: made-up monitoring traffic, row after row, as remote-write requests. The same spec gives
// the same bytes.
//
// Targets answer every `step_ms`, each at a moment of its own (kService: all at once); rows go out
// in order of time. A series always goes to the same shard.
//
// Threads: one at a time. Errors: those of the writer.
#ifndef SLOWBURN_BENCH_DATA_SET_H_
#define SLOWBURN_BENCH_DATA_SET_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "bench/exporter_recording.h"
#include "bench/request_file.h"

namespace slowburn::bench {

enum class Source : uint8_t {
  kService,   // bench_*: 7 labels of about 190 bytes, noisy values
  kExporter,  // node_*: a recording multiplied, or made up by the classes of a node exporter
  kHosts,     // cpu_*: TSBS cpu-only, 10 series a host with 10 tags
  kPods,      // pod_*: 12 labels, of which two are the pod's own
};

struct DataSetSpec {
  Source source = Source::kService;
  const ExporterRecording* recording = nullptr;  // kExporter; null: made up
  int targets = 1;
  int series_per_target = 100;  // kHosts has 10, a recording as many as it has
  int64_t rows = 1;
  int64_t step_ms = 15'000;
  int64_t end_ms = 0;     // each sample is before this
  int64_t jitter_ms = 0;  // each row is up to this much early or late
  // Share of the pods that are replaced; the old series are marked stale.
  double churn_per_hour = 0;
  double late_fraction = 0;  // samples that go out 1 to 27 minutes after their time
  int shards = 2;
  int samples_per_request = 2000;
  uint64_t seed = 1;
};

struct DataSetSummary {
  struct Name {
    uint64_t samples = 0;        // without staleness markers
    uint64_t recent_series = 0;  // with a sample in the last hour before end_ms
  };
  std::map<std::string, Name> names;
  uint64_t series = 0, samples = 0, stale_markers = 0, late_samples = 0;
  uint64_t requests = 0, wire_bytes = 0, raw_bytes = 0;
};

absl::StatusOr<DataSetSummary> WriteDataSet(const DataSetSpec& spec, std::FILE* file);

}  // namespace slowburn::bench

#endif  // SLOWBURN_BENCH_DATA_SET_H_
