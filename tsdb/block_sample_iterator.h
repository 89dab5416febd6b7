// BlockSampleIterator: the samples of one series from all blocks of a Select, merged and cut.
//
// Threads: one at a time. Lifetimes: keeps the reads; what `parts` points to outlives it.
#ifndef SLOWBURN_TSDB_BLOCK_SAMPLE_ITERATOR_H_
#define SLOWBURN_TSDB_BLOCK_SAMPLE_ITERATOR_H_

#include <memory>
#include <span>
#include <vector>

#include "tsdb/block_reads.h"
#include "tsdb/series_merge.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

// Samples that were copied out of their columns. histograms and starts are empty, or parallel to t.
struct CopiedSamples {
  std::vector<TimestampMs> t, starts;
  std::vector<double> v;
  std::vector<HistogramPtr> histograms;

  void Clear();
  // Appends one of them.
  void Add(const SampleBatch& from, size_t i);
  SampleBatch View() const { return {t, v, histograms, starts}; }
};

class BlockSampleIterator final : public SampleIterator {
 public:
  // `owner` keeps `parts`.
  BlockSampleIterator(std::shared_ptr<BlockReads> reads, std::shared_ptr<const void> owner,
                      std::span<const SeriesMerge::Part> parts);
  ~BlockSampleIterator() override;

  // Whether anything is left; decodes no more than it has to.
  bool HasNext();
  bool Next(SampleBatch& out) override;
  // Summaries of columns that are wholly in the range.
  Run NextRun(IsEnough is_enough, SampleBatch& batch, SampleSummary& summary) override;
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  bool LoadCluster();
  // columns_[at_, end) are all columns that overlap the first of them.
  size_t OverlapEnd() const;
  // The part of a column in the range; false when it is empty.
  bool Cut(const FoundColumn& column, size_t& begin, size_t& end, Times& times);
  bool Decode(const FoundColumn& column, size_t begin, size_t end);
  SampleBatch Decoded(size_t begin, size_t end) const;
  bool IsPlain(size_t end) const;
  bool SummaryOf(const FoundColumn& column, SampleSummary& out) const;
  void CopyMerged(size_t end);

  const std::shared_ptr<BlockReads> reads_;
  const std::shared_ptr<const void> owner_;
  std::span<const SeriesMerge::Part> parts_;  // that were not loaded yet
  std::vector<FoundColumn> columns_;
  size_t at_ = 0;  // in columns_

  // What the last Decode made.
  Times times_;
  std::vector<double> values_;
  std::vector<TimestampMs> starts_;
  std::vector<HistogramPtr> histograms_;
  bool has_starts_ = false, has_histograms_ = false;

  CopiedSamples merged_, merging_, part_;
  bool has_merged_ = false;  // merged_ comes next
  std::vector<TimeRange> deleted_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_SAMPLE_ITERATOR_H_
