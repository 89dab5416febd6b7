// WriteDecoder: walks an encoded prometheus.WriteRequest (remote write 1.0) once, without generated
// code.
//
// A series comes out as the bytes of its Label fields (which name it: see tsdb::HashRawKey) and its
// decoded samples; labels are parsed only by who asks (DecodeLabels). Fields may stand in any
// order, unknown fields are skipped.
//
//   WriteDecoder decoder(message, max_cost);
//   WriteBatch batch;
//   while (true) { ASSIGN_OR_RETURN(bool more, decoder.Next(batch)); if (!more) break; … }
//
// Lifetimes: views point into the message or into the decoder, which both outlive them.
// Threads: one at a time.
// Errors: kInvalidArgument with the byte offset: truncated or over-long varint, length beyond the
//   end, wrong wire type. kResourceExhausted: more samples than `max_cost`.
#ifndef SLOWBURN_INGEST_WRITE_DECODER_H_
#define SLOWBURN_INGEST_WRITE_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"
#include "tsdb/sample.h"
#include "tsdb/storage.h"

namespace slowburn::ingest {

// A histogram takes this many times the memory of a sample; an empty one takes two bytes of a
// request.
inline constexpr size_t kHistogramCost = 8;

struct WriteHistogram {
  tsdb::TimestampMs t = 0;
  std::shared_ptr<tsdb::Histogram> histogram;  // buckets absolute; not validated
};

struct WriteExemplar {
  std::string_view label_bytes;  // for DecodeLabels
  double value = 0;
  tsdb::TimestampMs t = 0;
};

// Half-open places in the vectors of the batch.
struct WriteSlice {
  uint32_t begin = 0, end = 0;
  size_t size() const { return end - begin; }
};

struct WriteSeries {
  std::string_view label_bytes;  // the encoded Label fields with their tags, one after the other
  WriteSlice samples, histograms, exemplars;
};

struct WriteMetadata {
  tsdb::MetricType type = tsdb::MetricType::kUnknown;
  std::string_view family, help, unit;
};

struct WriteBatch {
  std::vector<WriteSeries> series;
  std::vector<tsdb::Sample> samples;
  std::vector<WriteHistogram> histograms;
  std::vector<WriteExemplar> exemplars;
  std::vector<WriteMetadata> metadata;
  void Clear();
};

class WriteDecoder {
 public:
  // max_cost: of the whole request; a sample or an exemplar costs 1, a histogram kHistogramCost.
  WriteDecoder(std::string_view message, size_t max_cost);

  // Replaces what is in `batch` by the next few hundred series. False when there are no more: then
  // the batch is empty.
  absl::StatusOr<bool> Next(WriteBatch& batch);

 private:
  absl::Status DecodeSeries(std::string_view body, WriteBatch& batch);
  absl::Status TooManySamples() const;

  const std::string_view message_;
  const size_t max_cost_;
  size_t offset_ = 0;
  size_t cost_ = 0;
  std::deque<std::string> copies_;  // label bytes that were not contiguous
};

// Name and value pairs in the order of the message, duplicates and all. The views point into
// `label_bytes`.
absl::Status DecodeLabels(std::string_view label_bytes, std::vector<tsdb::LabelView>& out);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_WRITE_DECODER_H_
