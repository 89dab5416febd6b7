// SampleSource: the series of a range vector and all their samples, from the storage or from a
// subquery.
//
// Not thread-safe; belongs to one operator.
#ifndef SLOWBURN_QUERY_EXEC_SAMPLE_SOURCE_H_
#define SLOWBURN_QUERY_EXEC_SAMPLE_SOURCE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "query/exec/operator.h"
#include "query/functions/range_window.h"
#include "query/plan/node.h"
#include "tsdb/storage.h"

namespace slowburn::query {

// What a selector finds in the storage: label sets, and an iterator for each.
struct SelectedSeries {
  std::vector<tsdb::Labels> labels;  // ascending
  std::vector<std::unique_ptr<tsdb::SampleIterator>> samples;
  MemoryHold held;
};
absl::StatusOr<SelectedSeries> SelectSeries(QueryContext& ctx, const tsdb::Matchers& matchers,
                                            tsdb::TimeRange range);

// The samples of one series, floats and histograms apart, stale markers left out.
struct SampleBuffer {
  std::vector<TimestampMs> float_times, histogram_times;
  std::vector<double> floats;
  std::vector<HistogramPtr> histograms;
  std::vector<TimestampMs> float_starts, histogram_starts;  // empty if none is known
  std::vector<int64_t> hidden;                              // of the floats, see FloatSpan
  bool drop_name = false;                                   // as of the subquery's column

  void Clear();
  void AddFloat(TimestampMs t, double v) {
    float_times.push_back(t);
    floats.push_back(v);
  }
  void AddHistogram(TimestampMs t, HistogramPtr h) {
    histogram_times.push_back(t);
    histograms.push_back(std::move(h));
  }
  size_t bytes() const;
  // Samples, hidden ones included.
  size_t count() const { return float_span().count() + histograms.size(); }
  FloatSpan float_span() const { return {float_times, floats, float_starts, hidden}; }
  HistogramsSpan histogram_span() const {
    return {histogram_times, histograms, histogram_starts, {}};
  }
};
// `h` without its buckets. What they told of a reset since `previous` (null: unknown) is kept as a
// hint.
HistogramPtr TotalsOnly(const Histogram& h, const Histogram* previous);

class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual absl::Status Open() = 0;
  virtual std::span<const tsdb::Labels> series() const = 0;
  virtual bool series_are_unique() const = 0;
  // Each series once, in order. `held` counts what is in `out`.
  virtual absl::Status Load(size_t i, WorkMeter& meter, MemoryHold& held, SampleBuffer& out) = 0;
  // Whether several threads may load series at a time, and in any order.
  virtual bool is_concurrent() const { return false; }
  // The samples handed out so far are no longer held.
  virtual void Release() = 0;
};

// `stand_ins`: what the samples are needed for.
std::unique_ptr<SampleSource> NewStorageSource(QueryContext& ctx, const SelectorNode& selector,
                                               bool with_starts,
                                               StandIns stand_ins = StandIns::kNone);
std::unique_ptr<SampleSource> NewSubquerySource(QueryContext& ctx, const SubqueryNode& subquery,
                                                OperatorPtr inner);

// Moves on from `from` to the first time after `t`, in steps that double: short ways are short.
size_t SkipFar(std::span<const TimestampMs> times, size_t from, TimestampMs t);
inline size_t SkipUntilAfter(std::span<const TimestampMs> times, size_t from, TimestampMs t) {
  for (size_t end = from + 4; from < end; ++from) {
    if (from == times.size() || times[from] > t) return from;
  }
  return SkipFar(times, from, t);
}

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_SAMPLE_SOURCE_H_
