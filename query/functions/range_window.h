// What the kernels of range-vector functions see: the samples of one series under one window, or
// under all windows.
//
// A kernel is a free function of samples. It knows no labels, no storage and no operators, so that
// a table can test it. Windows are (begin, end] as in Prometheus' formulas; selecting samples by
// half-open intervals has already happened. Stale markers are never among the samples.
// Threads: stateless; RangeCall belongs to one query.
#ifndef SLOWBURN_QUERY_FUNCTIONS_RANGE_WINDOW_H_
#define SLOWBURN_QUERY_FUNCTIONS_RANGE_WINDOW_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "query/annotation_set.h"
#include "query/exec/column.h"
#include "query/functions/function_table.h"
#include "query/plan/timeline.h"
#include "query/work_meter.h"
#include "tsdb/histogram.h"

namespace slowburn::query {

using tsdb::Histogram;
using tsdb::HistogramPtr;

// Floats of a series, ascending in time. starts is empty, or parallel: start timestamps, 0 if
// unknown.
//
// Where the function allows it (see stand_ins.h), a few of them stand for a run of samples that
// were not loaded. Then hidden[i] is how many more samples the first i stand for; it has one entry
// more than t. Otherwise it is empty.
struct FloatSpan {
  std::span<const TimestampMs> t;
  std::span<const double> v;
  std::span<const TimestampMs> starts;
  std::span<const int64_t> hidden;
  size_t size() const { return t.size(); }
  bool empty() const { return t.empty(); }
  // The number of samples that are at [from, to), hidden ones included.
  size_t CountOf(size_t from, size_t to) const {
    return to - from + (hidden.empty() ? 0 : size_t(hidden[to] - hidden[from]));
  }
  size_t count() const { return CountOf(0, size()); }
  FloatSpan Sub(size_t from, size_t to) const {
    return {t.subspan(from, to - from), v.subspan(from, to - from),
            starts.empty() ? starts : starts.subspan(from, to - from),
            hidden.empty() ? hidden : hidden.subspan(from, to - from + 1)};
  }
};

struct HistogramsSpan {
  std::span<const TimestampMs> t;
  std::span<const HistogramPtr> h;
  std::span<const TimestampMs> starts;
  // Parallel, if the function asked for it: 1 where the sample is a reset of the one before it in
  // the series.
  std::span<const uint8_t> resets;
  size_t size() const { return t.size(); }
  bool empty() const { return t.empty(); }
  HistogramsSpan Sub(size_t from, size_t to) const {
    const size_t n = to - from;
    return {t.subspan(from, n), h.subspan(from, n),
            starts.empty() ? starts : starts.subspan(from, n),
            resets.empty() ? resets : resets.subspan(from, n)};
  }
};

struct RangeWindow {
  FloatSpan floats;
  HistogramsSpan histograms;
  TimestampMs step_time = 0;
  // (begin, end]. The samples of an anchored or smoothed selector reach beyond it.
  TimestampMs begin = 0, end = 0;
  std::span<const double> params;  // the scalar arguments at this step, in order
};

// What a sliding kernel keeps for the next series, which often has samples at the same times.
struct KernelScratch {
  uint64_t windows = 0;               // StepWindows::number that the rest was made for; 0: none
  std::vector<uint32_t> first, last;  // by step
  std::vector<double> sampled, to_start, to_end, factor;
  StepSet present;
};

// What stays the same while one call works through one series.
struct RangeCall {
  FunctionId function{};
  DurationMs range = 0;
  RangeMode mode = RangeMode::kPlain;
  Position position;        // of the call's first argument: annotations point there
  std::string_view metric;  // of the series
  AnnotationSet* notes = nullptr;
  std::span<const Column> params;  // the scalar arguments, for sliding kernels
  // Set by a kernel whose parameters are wrong, or by Spend.
  absl::Status status;
  WorkMeter* meter = nullptr;        // may be null
  KernelScratch* scratch = nullptr;  // the same for all series of a call; may be null
  void Note(Annotation a) { notes->Add(std::move(a), position); }
  // To be called for every window, with the samples that it makes the kernel look at. False: the
  // query is over; the kernel returns as soon as it can.
  bool Spend(uint64_t samples) {
    if (meter == nullptr || meter->Spend(samples + 1)) return true;
    status = meter->status();
    return false;
  }
};

// Nothing, a float or a histogram.
struct PointValue {
  bool present = false;
  double v = 0;
  HistogramPtr h;
  static PointValue None() { return {}; }
  static PointValue Float(double v) { return {true, v, nullptr}; }
  static PointValue Of(HistogramPtr h) { return {true, 0, std::move(h)}; }
  static PointValue Of(Histogram h) { return Of(std::make_shared<const Histogram>(std::move(h))); }
};

using WindowKernel = PointValue (*)(const RangeWindow& window, RangeCall& call);

// All windows of a call over one series of floats: samples [lo[i], hi[i]) at step i. lo and hi
// never descend.
struct StepWindows {
  Timeline timeline;
  Reference reference;
  DurationMs range = 0;
  std::vector<uint32_t> lo, hi;
  // Windows of one number, which is not 0, are equal, and over samples of the same times. 0: not
  // known.
  uint64_t number = 0;

  size_t steps() const { return lo.size(); }
  TimestampMs End(size_t i) const { return reference.Of(timeline.At(i)); }
  TimestampMs Begin(size_t i) const { return End(i) - range; }
};

// Fills out.values and out.present for all steps at once, or sets call.status. For series without
// histograms and start timestamps.
using SlidingKernel = void (*)(FloatSpan samples, const StepWindows& windows, RangeCall& call,
                               Column& out);

// What a function needs of samples that all its windows have, or not, as one.
enum class StandIns : uint8_t {
  kNone,    // all of them
  kEnds,    // the first, the last and their number
  kMin,     // the least value
  kMax,     // the greatest value
  kGrowth,  // kEnds, and the values before each reset
  kSum,     // their sum and their number
};

struct RangeFunction {
  WindowKernel window = nullptr;
  SlidingKernel sliding = nullptr;  // null: the window kernel does it all
  bool keeps_name = false;
  bool uses_start_timestamps = false;
  bool uses_histogram_resets = false;
  bool anchored = false, smoothed = false;  // may be used with these modifiers
  StandIns stand_ins = StandIns::kNone;
};
// Null: not a function of a range vector (or absent_over_time, which looks at all series at once).
const RangeFunction* FindRangeFunction(FunctionId id);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_FUNCTIONS_RANGE_WINDOW_H_
