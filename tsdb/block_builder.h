// BlockBuilder: series and samples in, the parts of one block out, in ascending order of their
// keys.
//
// Threads: none. Memory: one row group, and the index.
#ifndef SLOWBURN_TSDB_BLOCK_BUILDER_H_
#define SLOWBURN_TSDB_BLOCK_BUILDER_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/block_format.h"
#include "tsdb/block_index_writer.h"
#include "tsdb/block_store.h"
#include "tsdb/row_group.h"
#include "tsdb/time_columns.h"

namespace slowburn::tsdb {

class PartSink {
 public:
  virtual ~PartSink() = default;
  // Keys ascend.
  virtual absl::Status Put(PartKey key, std::string_view value) = 0;
};

class BlockBuilder final : public BlockWriter {
 public:
  BlockBuilder(TimeRange partition, Temperature temperature, PartSink& sink);

  absl::Status AddSeries(const Labels& labels) override;
  absl::Status AddSamples(const SampleBatch& samples) override;

  // Writes what is left, all but the meta part. Afterwards only info() may be called.
  absl::Status Finish();
  const BlockInfo& info() const { return info_; }

 private:
  absl::Status CheckTimes(const SampleBatch& samples) const;
  void Buffer(const SampleBatch& samples, size_t begin, size_t end);
  absl::Status FlushColumn(RowGroupWriter::More more);
  absl::Status FinishSeries();
  absl::Status FlushGroup();
  absl::Status FlushTimes();
  absl::Status PutPiece(std::string_view piece);

  PartSink& sink_;
  BlockInfo info_;
  BlockIndexWriter index_;
  RowGroupWriter group_;
  TimeColumnWriter times_;
  std::vector<GroupPlace> groups_;
  std::vector<uint32_t> times_pieces_;
  uint32_t next_piece_ = 0, group_begin_ = 0;

  Labels labels_;  // of the series that is being written; it enters the index with its first sample
  bool has_series_ = false, has_samples_ = false;
  TimestampMs last_t_ = kMinTime;
  // The column that is being filled; histograms and starts are empty, or parallel to t.
  std::vector<TimestampMs> t_, starts_;
  std::vector<double> v_;
  std::vector<HistogramPtr> histograms_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_BUILDER_H_
