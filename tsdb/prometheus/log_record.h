// What one record of Prometheus' log says. Grammar: tsdb/docs/format/wal.md of Prometheus'
// repository; the records with start timestamps (types 11 to 13) are of later versions.
//
// Threads: pure. Lifetimes: label views are into the bytes of the record.
// Errors: kDataLoss (ends early, or more than it says). A type that is not known is no error.
#ifndef SLOWBURN_TSDB_PROMETHEUS_LOG_RECORD_H_
#define SLOWBURN_TSDB_PROMETHEUS_LOG_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/labels.h"
#include "tsdb/sample.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

struct LogRecord {
  enum class Kind : uint8_t {
    kSeries,
    kSamples,
    kDeletions,
    kExemplars,
    kMetadata,
    kMarkers,
    kOther
  };

  struct Series {
    uint64_t ref = 0;
    size_t first_label = 0, labels = 0;  // of `labels`
  };
  struct Sample {
    uint64_t ref = 0;
    TimestampMs t = 0, start = 0;
    double v = 0;
    HistogramPtr histogram;
  };
  struct Deletion {
    uint64_t ref = 0;
    TimestampMs min_t = 0, max_t = 0;  // both included
  };
  struct ExemplarOf {
    uint64_t ref = 0;
    TimestampMs t = 0;
    double v = 0;
    size_t first_label = 0, labels = 0;
  };
  struct MetadataOf {
    uint64_t ref = 0;
    Metadata metadata;
  };

  Kind kind = Kind::kOther;
  std::vector<Series> series;
  std::vector<Sample> samples;
  std::vector<Deletion> deletions;
  std::vector<ExemplarOf> exemplars;
  std::vector<MetadataOf> metadata;
  std::vector<LabelView> labels;
};

// Which parts are wanted: the others are left empty, without work.
struct LogRecordParts {
  bool samples = true, others = true;
};

// In place of what was in `out`.
absl::Status DecodeLogRecord(std::string_view bytes, LogRecordParts parts, LogRecord& out);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_LOG_RECORD_H_
