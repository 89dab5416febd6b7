// Stand-ins: a few samples that a function of a range vector cannot tell from a run of many.
//
//   StandInRule rule(StandIns::kGrowth, timeline, reference, range, buffer);
//   while (… it.NextRun(rule, batch, summary)) …: rule.Replace(summary), or the batch into buffer
//
// A run may be replaced if no window begins or ends within it, so that each window has all of it or
// nothing, and if the function's value then comes out the same to the last bit: see
// docs/decisions/0003-exactness.md. The stand-ins of a run lie at its first and its last time.
//
// Not thread-safe; belongs to one series.
#ifndef SLOWBURN_QUERY_EXEC_STAND_INS_H_
#define SLOWBURN_QUERY_EXEC_STAND_INS_H_

#include "query/exec/sample_source.h"
#include "query/functions/range_window.h"
#include "query/plan/timeline.h"
#include "tsdb/sample_summary.h"
#include "tsdb/storage.h"

namespace slowburn::query {

class StandInRule {
 public:
  // Of windows (reference of step - range, reference of step]. `out` gets the samples of one
  // series, in order, and nothing else.
  StandInRule(StandIns needs, const Timeline& timeline, const Reference& reference,
              DurationMs range, SampleBuffer& out);

  // Whether the run that comes next may be replaced.
  bool operator()(const tsdb::SampleSummary& run);
  void Replace(const tsdb::SampleSummary& run);

 private:
  bool HasEdge(TimestampMs from, TimestampMs first, TimestampMs last) const;
  bool AllWhole();

  const StandIns needs_;
  const int64_t steps_;
  const DurationMs step_, range_;
  const TimestampMs first_end_;  // of the first window
  SampleBuffer& out_;
  // Of kSum: what the first `seen_` samples add up to; whole_: without rounding.
  size_t seen_ = 0;
  double magnitude_ = 0;
  bool whole_ = true;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_STAND_INS_H_
