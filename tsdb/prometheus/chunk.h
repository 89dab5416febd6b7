// The chunks of Prometheus: up to a few hundred samples of one series, all floats, all integer
// histograms or all float histograms. Grammar: tsdb/docs/format/chunks.md of Prometheus'
// repository.
//
// Threads: pure functions; a ChunkEncoder belongs to one thread.
// Errors: kDataLoss (the bytes are no such chunk; nothing is read outside of them), kUnimplemented
// (an encoding that this version does not know, named).
#ifndef SLOWBURN_TSDB_PROMETHEUS_CHUNK_H_
#define SLOWBURN_TSDB_PROMETHEUS_CHUNK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/histogram.h"
#include "tsdb/prometheus/bit_stream.h"
#include "tsdb/sample.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

enum class Encoding : uint8_t {  // on disk
  kXor = 1,
  kHistogram = 2,
  kFloatHistogram = 3,
  kXor2 = 4,  // this and the next two have start timestamps; Prometheus 3.10 and later
  kHistogramWithStart = 5,
  kFloatHistogramWithStart = 6,
};

inline constexpr size_t kMaxChunkBytes = size_t{4} << 20;  // larger ones are refused
inline constexpr size_t kMaxChunkSamples = 120;            // of the chunks that we write

// Samples as columns: what a SampleBatch looks at.
struct Columns {
  std::vector<TimestampMs> t;
  std::vector<double> v;
  std::vector<HistogramPtr> histograms;  // empty, or parallel to t
  std::vector<TimestampMs> starts;       // empty, or parallel to t

  size_t size() const { return t.size(); }
  void Clear();
  void Add(TimestampMs at, double value, HistogramPtr histogram, TimestampMs start);
  // Appends the samples [begin, end) of a batch.
  void Append(const SampleBatch& batch, size_t begin, size_t end);
  SampleBatch batch() const { return {t, v, histograms, starts}; }
};

// All samples of a chunk in place of what was in `out`; times ascend strictly.
//
// Reset hints: of the first sample what the chunk says of itself; the ones after it were not reset;
// gauges are gauges. A histogram that is stale has its sum only.
absl::Status DecodeChunk(uint8_t encoding, std::string_view data, Columns& out);
std::string EncodingName(uint8_t encoding);  // as Prometheus names it

struct EncodedChunk {
  Encoding encoding = Encoding::kXor;
  TimestampMs min_t = 0, max_t = 0;  // both included
  size_t samples = 0;
  std::string data;
};

// Cuts a series into chunks:
//
//   for each sample in ascending time: if (encoder.Add(…)) use(encoder.Take());
//   if (!encoder.empty()) use(encoder.Take());
//
// A histogram begins a chunk where its layout changes, where its hint is a reset, where it is below
// the one before without a hint that says otherwise, and after a stale one. Start timestamps have
// no place in these encodings and are left out.
class ChunkEncoder {
 public:
  ChunkEncoder() = default;
  ChunkEncoder(const ChunkEncoder&) = delete;
  ChunkEncoder& operator=(const ChunkEncoder&) = delete;

  // Whether the sample has to wait for Take(): then take the chunk and add it again.
  bool Full(TimestampMs t, const Histogram* histogram) const;
  // `histogram` null: a float. REQUIRES: !Full(t, histogram).
  void Add(TimestampMs t, double v, const Histogram* histogram);
  bool empty() const { return chunk_.samples == 0; }
  EncodedChunk Take();  // REQUIRES: !empty()

 private:
  struct Bucket {
    int64_t count = 0, step = 0;
    double value = 0;
    XorState window;
  };
  void AddFloat(TimestampMs t, double v);
  void AddHistogram(TimestampMs t, const Histogram& h);
  void AddIntegers(const Histogram& h);
  void AddDoubles(const Histogram& h);
  void BeginHistograms(const Histogram& h);
  void PutSpans(const std::vector<HistogramSpan>& spans);
  void PutInteger(Bucket& column, int64_t value);
  void PutDouble(Bucket& column, double value);

  EncodedChunk chunk_;
  BitWriter bits_{chunk_.data};
  TimestampMs step_ = 0;
  double v_ = 0;
  XorState window_;
  Histogram last_;  // the layout of this chunk, and the counts of its last sample
  bool stale_ = false;
  Bucket count_, zero_count_, sum_;
  std::vector<Bucket> positive_, negative_;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_CHUNK_H_
