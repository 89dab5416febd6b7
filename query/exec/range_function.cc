#include "query/exec/range_function.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/metadata_labels.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/reset.h"

namespace slowburn::query {
namespace {

constexpr uint64_t kWorkPerHistogram = 32;  // adding one up, in samples added up

// The samples of each step's window, wider than (begin, end] for anchored and smoothed selectors.
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

bool NameSaysCounter(std::string_view name) {
  for (const std::string_view suffix : {"_total", "_sum", "_count", "_bucket"}) {
    if (name.ends_with(suffix)) return true;
  }
  return false;
}

// What the windows of a series hold, all steps together.
struct WindowTotals {
  uint64_t windows = 0;  // StepWindows::number, if it is the same for all series of that number
  int64_t samples = 0, read = 0, widest = 0;
};

class RangeFunctionOperator final : public Operator {
 public:
  RangeFunctionOperator(QueryContext& ctx, const CallNode& call, RangeInput input,
                        std::vector<OperatorPtr> params)
      : Operator(ctx, call.timeline),
        call_(call),
        function_(*FindRangeFunction(call.function->id)),
        input_(std::move(input)) {
    for (OperatorPtr& param : params) params_.push_back(&Adopt(std::move(param)));
  }

 private:
  absl::Status DoOpen() override {
    for (Operator* param : params_) {
      ASSIGN_OR_RETURN(Column column, ReadScalar(*param));
      param_columns_.push_back(std::move(column));
    }
    RETURN_IF_ERROR(input_.source->Open());
    const auto series = input_.source->series();
    series_.assign(series.begin(), series.end());
    unique_ = input_.source->series_are_unique();
    if (!function_.keeps_name && !ctx_.options.delayed_name_removal) {
      unique_ = unique_ && SameMetadata(series_);
      for (tsdb::Labels& labels : series_) labels = DropMetadata(labels);
    }
    return absl::OkStatus();
  }

  absl::Status DoRead(size_t i, Column& out) override {
    RETURN_IF_ERROR(input_.source->Load(i, buffer_));
    out.drop_name = !function_.keeps_name || buffer_.drop_name;
    const tsdb::Labels& labels = input_.source->series()[i];
    FindFloatWindows();
    const bool histograms = !buffer_.histograms.empty();
    if (histograms) FillWindows(input_, timeline_, buffer_.histogram_times, histogram_windows_);
    RETURN_IF_ERROR(Account(histograms));

    RangeCall call;
    call.function = call_.function->id;
    call.range = input_.range;
    call.mode = input_.mode;
    call.position = NotePosition();
    call.metric = labels.metric_name();
    call.notes = &ctx_.notes;
    call.meter = &ctx_.meter;
    call.params = param_columns_;
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
    if (i + 1 == series_.size()) input_.source->Release();
    return absl::OkStatus();
  }

  // Series of one target have samples at the same times, and so the same windows.
  void FindFloatWindows() {
    if (float_windows_.number != 0 && buffer_.float_times == window_times_) return;
    window_times_ = buffer_.float_times;
    FillWindows(input_, timeline_, window_times_, float_windows_);
    ++float_windows_.number;
  }

  // Of annotations. Prometheus puts those of subqueries at the begin of the query; ours shall be
  // equal.
  Position NotePosition() const {
    const PlanNode& arg = *call_.args[0];
    return arg.kind == PlanKind::kSubquery ? Position() : arg.position;
  }

  absl::Status WindowByWindow(bool histograms, RangeCall& call, Column& out) {
    const FloatSpan floats = buffer_.float_span();
    HistogramsSpan spans = buffer_.histogram_span();
    if (histograms && function_.uses_histogram_resets) {
      FindResets();
      spans.resets = resets_;
    }
    std::vector<double> params(param_columns_.size());
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
      for (size_t p = 0; p < params.size(); ++p) params[p] = param_columns_[p].values[step];
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

  void FindResets() {
    resets_.assign(buffer_.histograms.size(), 0);
    for (size_t i = 1; i < resets_.size(); ++i) {
      resets_[i] = DetectReset(*buffer_.histograms[i], *buffer_.histograms[i - 1]);
    }
  }

  // Each step looks at its window; the widest one is held while the series is worked on.
  absl::Status Account(bool histograms) {
    const bool each_step = ctx_.samples->counts_steps();
    const bool as_before = totals_.windows == float_windows_.number && !each_step && !histograms &&
                           buffer_.hidden.empty();
    if (!as_before) AddUp(histograms, each_step);
    if (!each_step) ctx_.CountTotals(totals_.samples, totals_.read);
    return ctx_.ChargeBriefly(totals_.widest);
  }

  void AddUp(bool histograms, bool each_step) {
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

  void NoteNonCounter(const tsdb::Labels& labels, const Column& out) {
    const FunctionId id = call_.function->id;
    if (id != FunctionId::kRate && id != FunctionId::kIncrease) return;
    const std::string_view name = labels.metric_name();
    if (name.empty() || !HasFloat(out)) return;
    const Position position = NotePosition();
    if (ctx_.options.type_and_unit_labels) {
      const std::string_view type = labels.Get(kTypeLabel);
      if (type != "counter" && type != "histogram") {
        ctx_.notes.Add(PossibleNonCounterByType(name, type), position);
      }
    } else if (!NameSaysCounter(name)) {
      ctx_.notes.Add(PossibleNonCounter(name), position);
    }
  }

  static bool HasFloat(const Column& column) {
    if (!column.has_histograms()) return column.present.Any();
    bool found = false;
    column.present.ForEach([&](size_t i) { found |= column.HistogramAt(i) == nullptr; });
    return found;
  }

  const CallNode& call_;
  const RangeFunction& function_;
  const RangeInput input_;
  std::vector<Operator*> params_;
  std::vector<Column> param_columns_;
  SampleBuffer buffer_;
  StepWindows float_windows_, histogram_windows_;
  std::vector<TimestampMs> window_times_;  // that float_windows_ are of
  KernelScratch scratch_;
  WindowTotals totals_;
  std::vector<uint8_t> resets_;
};

class AbsentOverTime final : public BlockOperator {
 public:
  AbsentOverTime(QueryContext& ctx, const CallNode& call, RangeInput input)
      : BlockOperator(ctx, call.timeline), input_(std::move(input)) {}

 private:
  absl::StatusOr<Block> Compute() override {
    RETURN_IF_ERROR(input_.source->Open());
    StepSet found;
    found.Reset(timeline_.steps());
    SampleBuffer buffer;
    StepWindows windows;
    for (size_t i = 0; i < input_.source->series().size(); ++i) {
      RETURN_IF_ERROR(ctx_.CheckAlive());
      RETURN_IF_ERROR(input_.source->Load(i, buffer));
      const FloatSpan histogram_times{buffer.histogram_times, {}, {}, {}};
      for (const FloatSpan& samples : {buffer.float_span(), histogram_times}) {
        if (samples.empty()) continue;
        FillWindows(input_, timeline_, samples.t, windows);
        uint32_t end = 0;  // of the step before
        for (size_t step = 0; step < windows.steps(); ++step) {
          const uint32_t lo = windows.lo[step], hi = windows.hi[step];
          const auto fresh = input_.from_subquery ? 0 : samples.CountOf(std::max(lo, end), hi);
          ctx_.Count(step, int64_t(samples.CountOf(lo, hi)), int64_t(fresh));
          if (lo < hi) found.Set(step);
          end = hi;
        }
      }
    }
    input_.source->Release();
    Block block;
    if (found.All()) return block;
    block.series.push_back(LabelsOfAbsence(input_.matchers));
    Column column;
    column.Reset(timeline_.steps());
    column.drop_name = true;
    for (size_t step = 0; step < timeline_.steps(); ++step) {
      if (!found.Test(step)) column.SetFloat(step, 1);
    }
    block.columns.push_back(std::move(column));
    unique_ = true;
    return block;
  }

  const RangeInput input_;
};

}  // namespace

OperatorPtr NewRangeFunction(QueryContext& ctx, const CallNode& call, RangeInput input,
                             std::vector<OperatorPtr> params) {
  return std::make_unique<RangeFunctionOperator>(ctx, call, std::move(input), std::move(params));
}

OperatorPtr NewAbsentOverTime(QueryContext& ctx, const CallNode& call, RangeInput input) {
  return std::make_unique<AbsentOverTime>(ctx, call, std::move(input));
}

tsdb::Labels LabelsOfAbsence(const tsdb::Matchers& matchers) {
  tsdb::LabelsBuilder builder;
  std::unordered_set<std::string> seen;
  for (const tsdb::Matcher& m : matchers) {
    if (m.name() == tsdb::kMetricName) continue;
    // A label that is asked for twice, or not by equality, is not pinned.
    if (m.op() == tsdb::Matcher::Op::kEqual && seen.insert(m.name()).second) {
      builder.Set(m.name(), m.value());
    } else {
      builder.Del(m.name());
    }
  }
  return builder.Build();
}

}  // namespace slowburn::query
