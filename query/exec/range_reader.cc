#include "query/exec/range_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/metadata_labels.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/reset.h"

namespace slowburn::query {
namespace {

constexpr uint64_t kWorkPerHistogram = 32;  // adding one up, in samples added up

bool NameSaysCounter(std::string_view name) {
  for (const std::string_view suffix : {"_total", "_sum", "_count", "_bucket"}) {
    if (name.ends_with(suffix)) return true;
  }
  return false;
}

bool HasFloat(const Column& column) {
  if (!column.has_histograms()) return column.present.Any();
  bool found = false;
  column.present.ForEach([&](size_t i) { found |= column.HistogramAt(i) == nullptr; });
  return found;
}

}  // namespace

void FillWindows(const RangeInput& input, const Timeline& timeline,
                 std::span<const TimestampMs> times, StepWindows& out) {
  const size_t steps = timeline.steps();
  out.timeline = timeline;
  out.reference = input.reference;
  out.range = input.range;
  out.lo.resize(steps);
  out.hi.resize(steps);
  const DurationMs before = input.range + (input.mode != RangeMode::kPlain ? input.lookback : 0);
  const DurationMs after = input.mode == RangeMode::kSmoothed ? input.lookback : 0;
  size_t lo = 0, hi = 0;
  for (size_t i = 0; i < steps; ++i) {
    const TimestampMs end = out.End(i);
    lo = SkipUntilAfter(times, lo, end - before);
    hi = SkipUntilAfter(times, std::max(lo, hi), end + after);
    out.lo[i] = uint32_t(lo);
    out.hi[i] = uint32_t(hi);
  }
}

RangeReader::RangeReader(QueryContext& ctx, const CallNode& call, const RangeInput& input,
                         const std::vector<Column>& params, AnnotationSet& notes, WorkMeter& meter)
    : ctx_(ctx),
      call_(call),
      function_(*FindRangeFunction(call.function->id)),
      input_(input),
      params_(params),
      timeline_(call.timeline),
      notes_(notes),
      meter_(meter),
      held_(ctx.memory) {}

absl::Status RangeReader::Load(size_t i, CountSteps count_steps) {
  RETURN_IF_ERROR(input_.source->Load(i, meter_, held_, buffer_));
  FindFloatWindows();
  const bool histograms = !buffer_.histograms.empty();
  if (histograms) FillWindows(input_, timeline_, buffer_.histogram_times, histogram_windows_);
  const bool as_before = totals_.windows == float_windows_.number && !histograms &&
                         count_steps == CountSteps::kNo && buffer_.hidden.empty();
  if (!as_before) AddUp(histograms, count_steps);
  return absl::OkStatus();
}

absl::Status RangeReader::Evaluate(size_t i, Column& out) {
  out.drop_name = !function_.keeps_name || buffer_.drop_name;
  const tsdb::Labels& labels = input_.source->series()[i];
  const bool histograms = !buffer_.histograms.empty();
  RangeCall call;
  call.function = call_.function->id;
  call.range = input_.range;
  call.mode = input_.mode;
  call.position = NotePosition();
  call.metric = labels.metric_name();
  call.notes = &notes_;
  call.meter = &meter_;
  call.params = params_;
  call.scratch = &scratch_;
  const bool simple = !histograms && buffer_.float_starts.empty() &&
                      input_.mode == RangeMode::kPlain && function_.sliding != nullptr;
  if (simple) {
    function_.sliding(buffer_.float_span(), float_windows_, call, out);
    RETURN_IF_ERROR(call.status);
  } else {
    RETURN_IF_ERROR(WindowByWindow(histograms, call, out));
  }
  NoteNonCounter(labels, out);
  return absl::OkStatus();
}

// Series of one target have samples at the same times, and so the same windows.
void RangeReader::FindFloatWindows() {
  if (float_windows_.number != 0 && buffer_.float_times == window_times_) return;
  window_times_ = buffer_.float_times;
  FillWindows(input_, timeline_, window_times_, float_windows_);
  ++float_windows_.number;
}

// Of annotations. Prometheus puts those of subqueries at the begin of the query; ours shall be
// equal.
Position RangeReader::NotePosition() const {
  const PlanNode& arg = *call_.args[0];
  return arg.kind == PlanKind::kSubquery ? Position() : arg.position;
}

absl::Status RangeReader::WindowByWindow(bool histograms, RangeCall& call, Column& out) {
  const FloatSpan floats = buffer_.float_span();
  HistogramsSpan spans = buffer_.histogram_span();
  if (histograms && function_.uses_histogram_resets) {
    FindResets();
    spans.resets = resets_;
  }
  std::vector<double> params(params_.size());
  RangeWindow window;
  window.params = params;
  for (size_t step = 0; step < timeline_.steps(); ++step) {
    window.floats = floats.Sub(float_windows_.lo[step], float_windows_.hi[step]);
    if (histograms) {
      window.histograms = spans.Sub(histogram_windows_.lo[step], histogram_windows_.hi[step]);
    }
    if (window.floats.empty() && window.histograms.empty()) continue;
    if (!call.Spend(window.floats.size() + window.histograms.size() * kWorkPerHistogram)) {
      return call.status;
    }
    window.step_time = timeline_.At(step);
    window.end = float_windows_.End(step);
    window.begin = window.end - input_.range;
    for (size_t p = 0; p < params.size(); ++p) params[p] = params_[p].values[step];
    PointValue value = function_.window(window, call);
    if (!call.status.ok()) return call.status;
    if (!value.present) continue;
    if (value.h) {
      out.SetHistogram(step, std::move(value.h));
    } else {
      out.SetFloat(step, value.v);
    }
  }
  return absl::OkStatus();
}

void RangeReader::FindResets() {
  resets_.assign(buffer_.histograms.size(), 0);
  for (size_t i = 1; i < resets_.size(); ++i) {
    resets_[i] = DetectReset(*buffer_.histograms[i], *buffer_.histograms[i - 1]);
  }
}

// Each step looks at its window; the widest one is held while the series is worked on.
void RangeReader::AddUp(bool histograms, CountSteps count_steps) {
  const bool each_step = count_steps == CountSteps::kYes;
  std::vector<int64_t> weight_before;
  if (histograms) {
    weight_before.push_back(0);
    for (const HistogramPtr& h : buffer_.histograms) {
      weight_before.push_back(weight_before.back() + SampleWeight(*h));
    }
  }
  const FloatSpan samples = buffer_.float_span();
  const auto between = [&](size_t float_lo, size_t float_hi, size_t lo, size_t hi) {
    const auto floats = int64_t(samples.CountOf(float_lo, float_hi));
    return histograms ? floats + weight_before[hi] - weight_before[lo] : floats;
  };
  const bool only_times = !histograms && buffer_.hidden.empty();
  totals_ = {only_times ? float_windows_.number : 0, 0, 0, 0};
  uint32_t float_end = 0, end = 0;  // of the step before
  for (size_t step = 0; step < timeline_.steps(); ++step) {
    const uint32_t float_lo = float_windows_.lo[step], float_hi = float_windows_.hi[step];
    const uint32_t lo = histograms ? histogram_windows_.lo[step] : 0;
    const uint32_t hi = histograms ? histogram_windows_.hi[step] : 0;
    const int64_t weight = between(float_lo, float_hi, lo, hi);
    const int64_t fresh = input_.from_subquery ? 0
                                               : between(std::max(float_lo, float_end), float_hi,
                                                         std::max(lo, end), hi);
    if (each_step) ctx_.Count(step, weight, fresh);
    totals_.samples += weight;
    totals_.read += fresh;
    totals_.widest = std::max(totals_.widest, weight);
    float_end = float_hi;
    end = hi;
  }
}

void RangeReader::NoteNonCounter(const tsdb::Labels& labels, const Column& out) {
  const FunctionId id = call_.function->id;
  if (id != FunctionId::kRate && id != FunctionId::kIncrease) return;
  const std::string_view name = labels.metric_name();
  if (name.empty() || !HasFloat(out)) return;
  const Position position = NotePosition();
  if (ctx_.options.type_and_unit_labels) {
    const std::string_view type = labels.Get(kTypeLabel);
    if (type != "counter" && type != "histogram") {
      notes_.Add(PossibleNonCounterByType(name, type), position);
    }
  } else if (!NameSaysCounter(name)) {
    notes_.Add(PossibleNonCounter(name), position);
  }
}

}  // namespace slowburn::query
