#include "query/exec/range_function.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/column_morsels.h"
#include "query/exec/metadata_labels.h"
#include "query/exec/range_reader.h"

namespace slowburn::query {
namespace {

class RangeFunctionOperator final : public Operator {
 public:
  RangeFunctionOperator(QueryContext& ctx, const CallNode& call, RangeInput input,
                        std::vector<OperatorPtr> params)
      : Operator(ctx, call.timeline),
        call_(call),
        function_(*FindRangeFunction(call.function->id)),
        input_(std::move(input)),
        reader_(ctx, call_, input_, param_columns_, ctx.notes, ctx.meter) {
    for (OperatorPtr& param : params) params_.push_back(&Adopt(std::move(param)));
  }

 private:
  // What one thread works with.
  struct Worker {
    explicit Worker(RangeFunctionOperator& op)
        : meter([&op] { return op.ctx_.CheckStop(); }),
          reader(op.ctx_, op.call_, op.input_, op.param_columns_, notes, meter) {}
    AnnotationSet notes;
    WorkMeter meter;
    RangeReader reader;
  };
  // What belongs to a column that a worker made.
  struct Extras {
    WindowTotals totals;
    AnnotationSet notes;
  };

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
    return Share();
  }

  // Sets up other threads, if there are any and they are worth it.
  absl::Status Share() {
    const DurationMs extent = timeline_.end - timeline_.start + input_.range;
    if (!input_.source->is_concurrent() ||
        !ColumnMorsels::AreWorthIt(ctx_, series_.size(), timeline_.steps(),
                                   ColumnMorsels::SamplesIn(extent))) {
      return absl::OkStatus();
    }
    morsels_.emplace(ctx_, series_.size(), timeline_.steps());
    for (size_t i = 0; i < morsels_->workers(); ++i)
      workers_.push_back(std::make_unique<Worker>(*this));
    extras_.resize(morsels_->places());
    return morsels_->Start([this](size_t i, size_t worker, Column& out) {
      return Work(i, *workers_[worker], extras_[morsels_->place_of(i)], out);
    });
  }

  // On any thread.
  absl::Status Work(size_t i, Worker& worker, Extras& extras, Column& out) {
    RETURN_IF_ERROR(worker.meter.status());
    const absl::Status loaded = worker.reader.Load(i, RangeReader::CountSteps::kNo);
    extras.totals = worker.reader.totals();
    const absl::Status evaluated = loaded.ok() ? worker.reader.Evaluate(i, out) : loaded;
    extras.notes = std::exchange(worker.notes, {});
    return evaluated;
  }

  absl::Status DoRead(size_t i, Column& out) override {
    if (morsels_) {
      RETURN_IF_ERROR(TakeShared(i, out));
    } else {
      const auto count_steps = ctx_.samples->counts_steps() ? RangeReader::CountSteps::kYes
                                                            : RangeReader::CountSteps::kNo;
      RETURN_IF_ERROR(reader_.Load(i, count_steps));
      RETURN_IF_ERROR(Account(reader_.totals()));
      RETURN_IF_ERROR(reader_.Evaluate(i, out));
    }
    if (i + 1 == series_.size()) {
      morsels_.reset();
      input_.source->Release();
    }
    return absl::OkStatus();
  }

  absl::Status TakeShared(size_t i, Column& out) {
    RETURN_IF_ERROR(morsels_->Take(i, out));
    const Extras& extras = extras_[morsels_->place_of(i)];
    ctx_.notes.Merge(extras.notes);
    return Account(extras.totals);
  }

  absl::Status Account(const WindowTotals& totals) {
    if (!ctx_.samples->counts_steps()) ctx_.CountTotals(totals.samples, totals.read);
    return ctx_.ChargeBriefly(totals.widest);
  }

  const CallNode& call_;
  const RangeFunction& function_;
  const RangeInput input_;
  std::vector<Operator*> params_;
  std::vector<Column> param_columns_;
  RangeReader reader_;
  // Of several threads.
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Extras> extras_;            // by place
  std::optional<ColumnMorsels> morsels_;  // goes first
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
    MemoryHold held(ctx_.memory);
    StepWindows windows;
    for (size_t i = 0; i < input_.source->series().size(); ++i) {
      RETURN_IF_ERROR(ctx_.CheckAlive());
      RETURN_IF_ERROR(input_.source->Load(i, ctx_.meter, held, buffer));
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
