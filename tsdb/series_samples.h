// SeriesSamples: what a reader took out of one series, and the iterator over it. Closed chunks are
// looked at in place (see snapshots.h); everything else is a copy.
#ifndef SLOWBURN_TSDB_SERIES_SAMPLES_H_
#define SLOWBURN_TSDB_SERIES_SAMPLES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "tsdb/chunk.h"
#include "tsdb/series.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

struct SeriesSamples {
  struct Part {  // of a closed chunk: its first `count` samples
    const ClosedChunk* chunk = nullptr;
    size_t count = 0;
  };
  std::vector<Part> closed;  // ascending
  // The open chunk: floats or histograms.
  TimestampMs open_first_t = 0;
  uint64_t open_first_bits = 0;
  size_t open_count = 0;
  std::vector<uint8_t> open_bytes;
  HistogramColumn open_histograms;
  std::vector<LateSample> late;  // ascending
};

// Batches of at most a few chunks. Samples outside of the range are cut off.
class ChunkIterator final : public SampleIterator {
 public:
  ChunkIterator(SeriesSamples samples, TimeRange range)
      : samples_(std::move(samples)), range_(range) {}

  // Whether there is a sample in the range. Decodes ahead where it cannot be seen otherwise; the
  // first Next then has it ready. False also when status() is not OK.
  bool HasSample();
  bool Next(SampleBatch& out) override;
  absl::Status status() const override { return status_; }

 private:
  static constexpr size_t kBatchSamples = 480;

  bool SurelyHasSample() const;
  bool Fill();  // the next batch into columns_; false at the end
  bool FillSome();
  bool AddClosed(const SeriesSamples::Part& part);
  bool AddOpen();
  void AddHistograms(const HistogramColumn& column, size_t count);
  bool Trim();
  void MergeLate();

  SeriesSamples samples_;
  const TimeRange range_;
  absl::Status status_;
  size_t next_ = 0;  // closed part; then the open chunk
  bool open_done_ = false, primed_ = false;
  Column column_;
  std::vector<HistogramPtr> histograms_;  // empty or parallel to column_
  size_t begin_ = 0, end_ = 0;            // of the samples in the range
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SERIES_SAMPLES_H_
