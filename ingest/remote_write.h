// RemoteWriteIngester: one remote-write 1.0 request into the store.
//
//   StatusOr<WriteOutcome> outcome = ingester.Ingest(body, WriteEncoding::kSnappy);
//
// A fault costs only what it belongs to: a series with bad labels, a sample that is out of order or
// in conflict. The rest is stored, and `first_refusal` names the first thing that was not (the
// sender is to be told; it will not retry). Equal samples are accepted again, so that a retried
// request is safe.
//
// Threads: thread-safe.
// Errors of the whole request, nothing is stored: kResourceExhausted (would decode to more than the
//   limit; found before memory is taken), kInvalidArgument (broken compression or protobuf, or too
//   many samples), kUnavailable (the store's log cannot be written: retry later).
#ifndef SLOWBURN_INGEST_REMOTE_WRITE_H_
#define SLOWBURN_INGEST_REMOTE_WRITE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "ingest/compression.h"
#include "tsdb/storage.h"

namespace prometheus {
class Registry;
}

namespace slowburn::ingest {

struct RemoteWriteLimits {
  size_t decoded_bytes = size_t{32} << 20;  // of one request, after decompression
  size_t samples = 2'000'000;               // of one request; a histogram counts as kHistogramCost
};

struct WriteOutcome {
  // Stored, or already there with the same value.
  size_t samples = 0, histograms = 0, exemplars = 0;
  size_t new_series = 0;
  size_t refused_series = 0;
  size_t refused_samples = 0;  // floats and histograms, those of refused series included
  std::string first_refusal;   // empty: everything was stored
};

class RemoteWriteIngester {
 public:
  // All outlive the ingester.
  RemoteWriteIngester(tsdb::Storage& storage, RemoteWriteLimits limits, const base::Clock& clock,
                      prometheus::Registry& registry);
  ~RemoteWriteIngester();

  absl::StatusOr<WriteOutcome> Ingest(std::string_view body, WriteEncoding encoding);
  // An encoded prometheus.WriteRequest that is not compressed (gRPC).
  absl::StatusOr<WriteOutcome> IngestMessage(std::string_view message);

  const RemoteWriteLimits& limits() const { return limits_; }

 private:
  struct Metrics;

  tsdb::Storage& storage_;
  const RemoteWriteLimits limits_;
  const base::Clock& clock_;
  const std::unique_ptr<Metrics> metrics_;
};

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_REMOTE_WRITE_H_
