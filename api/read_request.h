// Remote read's messages: ReadRequest in, ReadResponse and ChunkedReadResponse out, by hand.
//
// Threads: stateless. Errors of ParseReadRequest: kInvalidArgument, for bytes that are no
// ReadRequest and matchers that are none.
#ifndef SLOWBURN_API_READ_REQUEST_H_
#define SLOWBURN_API_READ_REQUEST_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "api/proto_writer.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"
#include "tsdb/matcher.h"
#include "tsdb/sample.h"

namespace slowburn::api {

struct ReadQuery {
  tsdb::TimestampMs start = 0, end = 0;  // both inclusive
  tsdb::Matchers matchers;
};

enum class ReadResponseType : uint8_t { kSamples, kChunks };

struct ReadRequest {
  std::vector<ReadQuery> queries;
  std::vector<ReadResponseType> accepted;  // in order of preference; those that we know
  bool names_types = false;                // none at all means kSamples
};

absl::StatusOr<ReadRequest> ParseReadRequest(std::string_view bytes);

// TimeSeries: labels as field 1; then samples and histograms.
void WriteLabels(ProtoWriter& series, const tsdb::Labels& labels);
void WriteSample(ProtoWriter& series, tsdb::TimestampMs t, double v);
void WriteHistogram(ProtoWriter& series, tsdb::TimestampMs t, const tsdb::Histogram& h);

// ChunkedSeries: labels as field 1; then chunks. REQUIRES: as EncodeXorChunk.
void WriteChunk(ProtoWriter& series, std::span<const tsdb::Sample> samples);
// One frame of a stream: length, checksum and message.
void AppendFrame(std::string& out, std::string_view message);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_READ_REQUEST_H_
