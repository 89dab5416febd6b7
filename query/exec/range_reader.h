// RangeReader: a function of a range vector, worked out for one series after the other.
//
//   RangeReader reader(ctx, call, input, params, notes, meter);
//   RETURN_IF_ERROR(reader.Load(i, …));
//   … reader.totals() …;
//   RETURN_IF_ERROR(reader.Evaluate(i, column));
//
// Threads: none of its own; several readers may work on different series of one source at a time,
// if the source allows it (SampleSource::is_concurrent), each with notes and meter of its own.
#ifndef SLOWBURN_QUERY_EXEC_RANGE_READER_H_
#define SLOWBURN_QUERY_EXEC_RANGE_READER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "query/exec/range_function.h"
#include "query/exec/sample_source.h"
#include "query/functions/range_window.h"
#include "query/plan/node.h"

namespace slowburn::query {

// The samples of each step's window, wider than (begin, end] for anchored and smoothed selectors.
void FillWindows(const RangeInput& input, const Timeline& timeline,
                 std::span<const TimestampMs> times, StepWindows& out);

// What the windows of a series hold, all steps together.
struct WindowTotals {
  uint64_t windows = 0;  // StepWindows::number, if it is the same for all series of that number
  int64_t samples = 0, read = 0, widest = 0;
};

class RangeReader {
 public:
  // `params` are the scalar arguments. All that is passed in outlives the reader.
  RangeReader(QueryContext& ctx, const CallNode& call, const RangeInput& input,
              const std::vector<Column>& params, AnnotationSet& notes, WorkMeter& meter);

  // The samples of series i, and their windows. kYes: also counts what each step looks at into the
  // context, on the query's own thread.
  enum class CountSteps { kNo, kYes };
  absl::Status Load(size_t i, CountSteps count_steps);
  // Of what was loaded.
  const WindowTotals& totals() const { return totals_; }
  // REQUIRES: Load(i) was the last call; out is reset.
  absl::Status Evaluate(size_t i, Column& out);

 private:
  void FindFloatWindows();
  Position NotePosition() const;
  absl::Status WindowByWindow(bool histograms, RangeCall& call, Column& out);
  void FindResets();
  void AddUp(bool histograms, CountSteps count_steps);
  void NoteNonCounter(const tsdb::Labels& labels, const Column& out);

  QueryContext& ctx_;
  const CallNode& call_;
  const RangeFunction& function_;
  const RangeInput& input_;
  const std::vector<Column>& params_;
  const Timeline timeline_;
  AnnotationSet& notes_;
  WorkMeter& meter_;
  SampleBuffer buffer_;
  MemoryHold held_;  // of the series that is loaded
  StepWindows float_windows_, histogram_windows_;
  std::vector<TimestampMs> window_times_;  // that float_windows_ are of
  KernelScratch scratch_;
  WindowTotals totals_;
  std::vector<uint8_t> resets_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_RANGE_READER_H_
