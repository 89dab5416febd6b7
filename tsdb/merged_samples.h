// MergedSamples: the samples of one series from two places, in order of time. Where both have a
// sample at one time, the one of `over` counts.
//
// What does not overlap, which is the usual case, is handed on as it comes.
//
// Threads: one at a time. Lifetimes: owns both. Errors: the first of either.
#ifndef SLOWBURN_TSDB_MERGED_SAMPLES_H_
#define SLOWBURN_TSDB_MERGED_SAMPLES_H_

#include <memory>
#include <vector>

#include "tsdb/storage.h"

namespace slowburn::tsdb {

class MergedSamples final : public SampleIterator {
 public:
  MergedSamples(std::unique_ptr<SampleIterator> under, std::unique_ptr<SampleIterator> over);

  bool Next(SampleBatch& out) override;
  // Summaries of `under`, where `over` has nothing among the samples.
  Run NextRun(IsEnough is_enough, SampleBatch& batch, SampleSummary& summary) override;
  absl::Status status() const override { return status_; }

 private:
  struct Source {
    std::unique_ptr<SampleIterator> samples;
    SampleBatch batch;  // what is left of it
    bool empty() const { return batch.t.empty(); }
    TimestampMs first() const { return batch.t.front(); }
    TimestampMs last() const { return batch.t.back(); }
  };
  bool Load(Source& source);
  void Merge(SampleBatch& out);
  void Add(const SampleBatch& from, size_t i);

  Source under_, over_;
  absl::Status status_;
  // What Merge made.
  std::vector<TimestampMs> t_, starts_;
  std::vector<double> v_;
  std::vector<HistogramPtr> histograms_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_MERGED_SAMPLES_H_
