// The log's record of one commit: what was accepted, in the order in which it was judged.
// tsdb/FORMAT.md is its grammar.
//
//   RecordWriter w(run);
//   w.AddSeries(id, ids, index);
//   w.AddSample(id, t, bits, start); …
//   log.Put(w.Finish());
//
//   CommitRecord r;
//   RETURN_IF_ERROR(DecodeRecord(bytes, r));
//
// Series are named by numbers that hold within one run of the process and one partition of the log:
// there the first record that uses a number also has its labels.
//
// Threads: none. Errors: DecodeRecord takes any bytes; kDataLoss says where they stop making sense.
#ifndef SLOWBURN_TSDB_COMMIT_RECORD_H_
#define SLOWBURN_TSDB_COMMIT_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

inline constexpr uint8_t kRecordVersion = 1;

class RecordWriter {
 public:
  // `pair_ids` names the label pairs within the process, so that each is written once a record.
  void AddSeries(uint32_t id, const Labels& labels, const uint32_t* pair_ids);
  void AddSample(uint32_t id, TimestampMs t, uint64_t bits, TimestampMs start);
  void AddHistogram(uint32_t id, TimestampMs t, const Histogram& histogram, TimestampMs start);
  void AddExemplar(uint32_t id, const Exemplar& exemplar);
  // Those of all earlier records count no more.
  void ForgetExemplars();
  void AddMetadata(std::string_view metric, const Metadata& metadata);

  bool empty() const { return samples_.empty() && others_.empty(); }
  size_t bytes() const {
    return pairs_.size() + series_.size() + samples_.size() + starts_.size() + others_.size();
  }
  // Appends the record to `out` and empties the writer.
  void Finish(uint64_t run, std::string& out);

 private:
  absl::flat_hash_map<uint32_t, uint32_t> pair_numbers_;
  std::string pairs_, series_, samples_, starts_, others_;  // bodies of sections
  uint32_t next_id_ = 0;
  TimestampMs last_t_ = 0;
  uint64_t sample_count_ = 0, last_start_ = 0;
};

struct CommitRecord {
  struct SeriesDefinition {
    uint32_t id = 0;
    Labels labels;
  };
  struct FloatSample {
    uint32_t id = 0;
    TimestampMs t = 0;
    uint64_t bits = 0;
    TimestampMs start = 0;
  };
  struct HistogramSample {
    uint32_t id = 0;
    TimestampMs t = 0;
    HistogramPtr histogram;
    TimestampMs start = 0;
  };
  struct SeriesExemplar {
    uint32_t id = 0;
    Exemplar exemplar;
  };
  uint64_t run = 0;
  std::vector<SeriesDefinition> series;
  std::vector<FloatSample> samples;
  std::vector<HistogramSample> histograms;
  std::vector<SeriesExemplar> exemplars;
  bool forgets_exemplars = false;  // of all earlier records
  std::vector<MetricMetadata> metadata;
};

// Replaces what `out` had. On error `out` is unspecified.
absl::Status DecodeRecord(std::string_view bytes, CommitRecord& out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_COMMIT_RECORD_H_
