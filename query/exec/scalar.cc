#include "query/exec/scalar.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/status_macros.h"
#include "query/functions/scalar_arithmetic.h"

namespace slowburn::query {
namespace {

class ScalarOperator : public Operator {
 protected:
  using Operator::Operator;

 private:
  absl::Status DoOpen() override {
    series_.emplace_back();
    unique_ = true;
    return absl::OkStatus();
  }
};

class Number final : public ScalarOperator {
 public:
  Number(QueryContext& ctx, const Timeline& timeline, double value)
      : ScalarOperator(ctx, timeline), value_(value) {}

 private:
  absl::Status DoRead(size_t, Column& out) override {
    std::ranges::fill(out.values, value_);
    out.present.SetAll();
    return absl::OkStatus();
  }
  const double value_;
};

class Time final : public ScalarOperator {
 public:
  Time(QueryContext& ctx, const Timeline& timeline, FloatFunction f)
      : ScalarOperator(ctx, timeline), f_(f) {}

 private:
  absl::Status DoRead(size_t, Column& out) override {
    for (size_t i = 0; i < out.steps(); ++i) {
      const double t = double(timeline_.At(i)) / 1000;
      out.values[i] = f_ ? f_(t) : t;
    }
    out.present.SetAll();
    return absl::OkStatus();
  }
  const FloatFunction f_;
};

template <typename F>
class TwoScalars final : public ScalarOperator {
 public:
  TwoScalars(QueryContext& ctx, OperatorPtr left, OperatorPtr right, F f)
      : ScalarOperator(ctx, left->timeline()),
        f_(f),
        left_(Adopt(std::move(left))),
        right_(Adopt(std::move(right))) {}

 private:
  absl::Status DoRead(size_t, Column& out) override {
    ASSIGN_OR_RETURN(Column left, ReadScalar(left_));
    ASSIGN_OR_RETURN(Column right, ReadScalar(right_));
    for (size_t i = 0; i < out.steps(); ++i) out.values[i] = f_(left.values[i], right.values[i]);
    out.present.SetAll();
    return absl::OkStatus();
  }

  const F f_;
  Operator& left_;
  Operator& right_;
};

template <typename F>
OperatorPtr NewTwoScalars(QueryContext& ctx, OperatorPtr left, OperatorPtr right, F f) {
  return std::make_unique<TwoScalars<F>>(ctx, std::move(left), std::move(right), f);
}

class ScalarOf final : public ScalarOperator {
 public:
  ScalarOf(QueryContext& ctx, OperatorPtr vector)
      : ScalarOperator(ctx, vector->timeline()), vector_(Adopt(std::move(vector))) {}

 private:
  absl::Status DoRead(size_t, Column& out) override {
    RETURN_IF_ERROR(vector_.Open());
    const size_t steps = out.steps();
    StepSet seen;
    seen.Reset(steps);
    const double nan = std::bit_cast<double>(tsdb::kNormalNaNBits);
    std::ranges::fill(out.values, nan);
    Column column;
    for (size_t i = 0; i < vector_.series().size(); ++i) {
      RETURN_IF_ERROR(vector_.Read(i, column));
      column.present.ForEach([&](size_t step) {
        if (column.HistogramAt(step) != nullptr) return;
        out.values[step] = seen.Test(step) ? nan : column.values[step];
        seen.Set(step);
      });
    }
    out.present.SetAll();
    return absl::OkStatus();
  }

  Operator& vector_;
};

class StepInvariant final : public Operator {
 public:
  StepInvariant(QueryContext& ctx, const Timeline& timeline, OperatorPtr once)
      : Operator(ctx, timeline),
        once_(Adopt(std::move(once))),
        counter_(timeline.OnlyStart(), SampleCounter::Detail::kTotals) {}

 private:
  absl::Status DoOpen() override {
    RETURN_IF_ERROR(CountOnce([&] { return once_.Open(); }));
    series_.assign(once_.series().begin(), once_.series().end());
    unique_ = once_.series_are_unique();
    return absl::OkStatus();
  }

  absl::Status DoRead(size_t i, Column& out) override {
    RETURN_IF_ERROR(CountOnce([&] { return once_.Read(i, point_); }));
    out.drop_name = point_.drop_name;
    if (!point_.present.Test(0)) return absl::OkStatus();
    out.present.SetAll();
    if (point_.HistogramAt(0) != nullptr) {
      out.histograms.assign(out.steps(), point_.histograms[0]);
    } else {
      std::ranges::fill(out.values, point_.values[0]);
    }
    return absl::OkStatus();
  }

  template <typename Work>
  absl::Status CountOnce(Work work) {
    absl::Status status;
    {
      const CountInto scope(ctx_.samples, counter_);
      status = work();
    }
    ctx_.samples->AddOnce(counter_);
    counter_.Clear();
    return status;
  }

  Operator& once_;
  SampleCounter counter_;
  Column point_;
};

}  // namespace

OperatorPtr NewNumber(QueryContext& ctx, const Timeline& timeline, double value) {
  return std::make_unique<Number>(ctx, timeline, value);
}

OperatorPtr NewTime(QueryContext& ctx, const Timeline& timeline, FloatFunction f) {
  return std::make_unique<Time>(ctx, timeline, f);
}

OperatorPtr NewScalarBinary(QueryContext& ctx, BinaryOp op, OperatorPtr left, OperatorPtr right) {
  return NewTwoScalars(ctx, std::move(left), std::move(right),
                       [op](double a, double b) { return ScalarOperation(op, a, b); });
}

OperatorPtr NewExtremeOf(QueryContext& ctx, FunctionId id, OperatorPtr left, OperatorPtr right) {
  const auto f = id == FunctionId::kMinOf ? GoMin : GoMax;
  return NewTwoScalars(ctx, std::move(left), std::move(right), f);
}

OperatorPtr NewScalarOf(QueryContext& ctx, OperatorPtr vector) {
  return std::make_unique<ScalarOf>(ctx, std::move(vector));
}

OperatorPtr NewStepInvariant(QueryContext& ctx, const Timeline& timeline, OperatorPtr once) {
  return std::make_unique<StepInvariant>(ctx, timeline, std::move(once));
}

}  // namespace slowburn::query
