#include "query/exec/accumulators.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "query/histogram/arithmetic.h"
#include "query/histogram/kahan.h"

namespace slowburn::query {
namespace {

using tsdb::Histogram;
using ResetHint = Histogram::ResetHint;

// The histograms of one group at one step.
class HistogramCell {
 public:
  // `after_float`: the cell had floats already; then the result is void and nothing needs adding
  // up.
  void Start(const Histogram& h, bool after_float) {
    if (!after_float) sum_.emplace(h);
    count_ = 1;
    if (!after_float) See(h);
  }

  void Add(const Histogram& h, double count, const AccumulatorContext& ctx,
           std::string_view metric) {
    count_ = count;
    if (!sum_) return;
    See(h);
    const bool combined =
        ctx.op == AggregateOp::kAvg ? AddToAverage(h, ctx) : Track(sum_->Add(h), ctx);
    if (combined) return;
    ctx.notes->Add(MixedExponentialCustom(metric), ctx.position);
    incompatible_ = true;
  }

  bool incompatible() const { return incompatible_; }
  bool collision() const { return reset_seen_ && not_reset_seen_; }

  Histogram Finish(AggregateOp op) {
    if (op == AggregateOp::kAvg && !incremental_) sum_->Divide(count_);
    Histogram out = sum_->Total();
    Compact(out);
    return out;
  }

 private:
  // A plain sum while it does not overflow, then a running mean.
  bool AddToAverage(const Histogram& h, const AccumulatorContext& ctx) {
    if (!incremental_) {
      CompensatedHistogram next = *sum_;
      if (!Track(next.Add(h), ctx)) return false;
      if (!next.HasInfinity()) {
        sum_ = std::move(next);
        return true;
      }
      incremental_ = true;
      sum_->Divide(count_ - 1);
    }
    sum_->Multiply((count_ - 1) / count_);
    Histogram share = h;
    Divide(share, count_);
    return Track(sum_->Add(share), ctx);
  }

  bool Track(const CombineResult& r, const AccumulatorContext& ctx) {
    if (r.bounds_reconciled) {
      ctx.notes->Add(MismatchedCustomBuckets(HistogramOperation::kAggregation), ctx.position);
    }
    return r.compatible;
  }

  void See(const Histogram& h) {
    reset_seen_ |= h.reset_hint == ResetHint::kReset;
    not_reset_seen_ |= h.reset_hint == ResetHint::kNotReset;
  }

  std::optional<CompensatedHistogram> sum_;  // or the mean, once incremental_
  double count_ = 0;
  bool incremental_ = false, incompatible_ = false;
  bool reset_seen_ = false, not_reset_seen_ = false;
};

// sum and avg. Floats live in flat arrays; histograms, where there are any, in cells of their own.
class SumAccumulator final : public Accumulator {
 public:
  explicit SumAccumulator(const AccumulatorContext& ctx)
      : ctx_(ctx), sum_(ctx.steps, 0), compensation_(ctx.steps, 0) {
    any_.Reset(ctx.steps);
    has_float_.Reset(ctx.steps);
    if (ctx.op == AggregateOp::kAvg) {
      count_.resize(ctx.steps, 0);
      mean_.Reset(ctx.steps);
    }
  }

  void Add(const Column& column, std::string_view metric) override {
    if (!column.has_histograms() && histograms_.empty()) {
      if (AddAlike(column)) return;
      has_float_.Unite(column.present);
      if (ctx_.op == AggregateOp::kAvg) {
        column.present.ForEach([&](size_t i) { AverageFloat(i, column.values[i]); });
      } else {
        column.present.ForEach([&](size_t i) { SumFloat(i, column.values[i]); });
      }
      any_.Unite(column.present);
      return;
    }
    if (histograms_.empty()) histograms_.resize(ctx_.steps);
    column.present.ForEach([&](size_t i) { AddPoint(column, i, metric); });
    any_.Unite(column.present);
  }

  void Finish(Column& out) override {
    any_.ForEach([&](size_t i) {
      if (!histograms_.empty() && histograms_[i]) {
        FinishHistogram(i, out);
      } else if (ctx_.op == AggregateOp::kAvg) {
        out.SetFloat(i, mean_.Test(i) ? sum_[i] + compensation_[i]
                                      : sum_[i] / count_[i] + compensation_[i] / count_[i]);
      } else {
        out.SetFloat(i, sum_[i] + compensation_[i]);
      }
    });
  }

 private:
  void AddPoint(const Column& column, size_t i, std::string_view metric) {
    std::unique_ptr<HistogramCell>& cell = histograms_[i];
    if (cell && cell->incompatible()) return;
    const Histogram* h = column.HistogramAt(i);
    if (h == nullptr) {
      has_float_.Set(i);
      if (ctx_.op != AggregateOp::kAvg) {
        SumFloat(i, column.values[i]);
      } else if (cell) {
        ++count_[i];
        any_.Set(i);
      } else {
        AverageFloat(i, column.values[i]);
      }
      any_.Set(i);
      return;
    }
    const double count = ctx_.op == AggregateOp::kAvg ? ++count_[i] : 0;
    if (!cell) {
      cell = std::make_unique<HistogramCell>();
      cell->Start(*h, has_float_.Test(i));
    } else {
      cell->Add(*h, count, ctx_, metric);
    }
    any_.Set(i);
  }

  // Usually all series of a group have points at the same steps. Then no step needs to be looked
  // at by itself; what stands where there is no point is added up too, and never read.
  bool AddAlike(const Column& column) {
    const bool average = ctx_.op == AggregateOp::kAvg;
    if (!any_.Any()) {
      any_ = has_float_ = column.present;
      sum_ = column.values;
    } else if (column.present == any_ &&
               !(average && (mean_.Any() || SumOverflows(column.values, sum_)))) {
      KahanAddAll(column.values, sum_, compensation_);
    } else {
      return false;
    }
    if (average) any_.ForEach([&](size_t i) { ++count_[i]; });
    return true;
  }

  // The first value is taken as it is: adding it to 0 would turn -0 into 0.
  void SumFloat(size_t i, double v) {
    if (!any_.Test(i)) {
      sum_[i] = v;
      compensation_[i] = 0;
    } else {
      KahanAdd(v, sum_[i], compensation_[i]);
    }
  }

  void AverageFloat(size_t i, double v) {
    const double n = ++count_[i];
    if (n == 1) {
      sum_[i] = v;
      compensation_[i] = 0;
      return;
    }
    if (!mean_.Test(i)) {
      double sum = sum_[i], compensation = compensation_[i];
      KahanAdd(v, sum, compensation);
      if (!std::isinf(sum)) {
        sum_[i] = sum;
        compensation_[i] = compensation;
        return;
      }
      mean_.Set(i);  // the sum would overflow: from here on it holds the mean
      sum_[i] /= n - 1;
      compensation_[i] /= n - 1;
    }
    const double q = (n - 1) / n;
    sum_[i] *= q;
    compensation_[i] *= q;
    KahanAdd(v / n, sum_[i], compensation_[i]);
  }

  void FinishHistogram(size_t i, Column& out) {
    HistogramCell& cell = *histograms_[i];
    if (has_float_.Test(i)) {
      ctx_.notes->Add(MixedFloatsHistogramsInAggregation(), ctx_.position);
      return;
    }
    if (cell.incompatible()) return;
    Histogram total = cell.Finish(ctx_.op);
    if (cell.collision()) {
      ctx_.notes->Add(CounterResetCollision(HistogramOperation::kAggregation), ctx_.position);
    }
    out.SetHistogram(i, std::make_shared<const Histogram>(std::move(total)));
  }

  const AccumulatorContext ctx_;
  std::vector<double> sum_, compensation_, count_;
  StepSet any_, has_float_, mean_;
  std::vector<std::unique_ptr<HistogramCell>> histograms_;  // empty until one comes
};

class CountAccumulator final : public Accumulator {
 public:
  explicit CountAccumulator(const AccumulatorContext& ctx)
      : group_(ctx.op == AggregateOp::kGroup), count_(ctx.steps, 0) {}
  void Add(const Column& column, std::string_view) override {
    column.present.ForEach([&](size_t i) { ++count_[i]; });
  }
  void Finish(Column& out) override {
    for (size_t i = 0; i < count_.size(); ++i) {
      if (count_[i] > 0) out.SetFloat(i, group_ ? 1 : count_[i]);
    }
  }

 private:
  const bool group_;
  std::vector<double> count_;
};

// Those that know floats only: visit(i, v, first) for each; histograms are noted and left out.
class FloatAccumulator : public Accumulator {
 protected:
  explicit FloatAccumulator(const AccumulatorContext& ctx) : ctx_(ctx) { any_.Reset(ctx.steps); }

  template <typename Visit>
  void EachFloat(const Column& column, Visit visit) {
    bool ignored = false;
    column.present.ForEach([&](size_t i) {
      if (column.HistogramAt(i) != nullptr) {
        ignored = true;
        return;
      }
      visit(i, column.values[i], !any_.Test(i));
      any_.Set(i);
    });
    if (ignored) ctx_.notes->Add(HistogramIgnoredInAggregation(Name(ctx_.op)), ctx_.position);
  }

  const AccumulatorContext ctx_;
  StepSet any_;
};

class ExtremeAccumulator final : public FloatAccumulator {
 public:
  explicit ExtremeAccumulator(const AccumulatorContext& ctx)
      : FloatAccumulator(ctx), best_(ctx.steps) {}
  void Add(const Column& column, std::string_view) override {
    const bool max = ctx_.op == AggregateOp::kMax;
    EachFloat(column, [&](size_t i, double v, bool first) {
      double& best = best_[i];
      if (first || std::isnan(best) || (max ? best < v : best > v)) best = v;
    });
  }
  void Finish(Column& out) override {
    any_.ForEach([&](size_t i) { out.SetFloat(i, best_[i]); });
  }

 private:
  std::vector<double> best_;
};

class VarianceAccumulator final : public FloatAccumulator {
 public:
  explicit VarianceAccumulator(const AccumulatorContext& ctx)
      : FloatAccumulator(ctx), count_(ctx.steps, 0), mean_(ctx.steps, 0), squares_(ctx.steps, 0) {}
  void Add(const Column& column, std::string_view) override {
    EachFloat(column, [&](size_t i, double v, bool first) {
      ++count_[i];
      if (first) {
        mean_[i] = v;
        squares_[i] = std::isfinite(v) ? 0 : std::numeric_limits<double>::quiet_NaN();
        return;
      }
      const double delta = v - mean_[i];
      mean_[i] += delta / count_[i];
      squares_[i] += delta * (v - mean_[i]);
    });
  }
  void Finish(Column& out) override {
    const bool deviation = ctx_.op == AggregateOp::kStddev;
    any_.ForEach([&](size_t i) {
      const double variance = squares_[i] / count_[i];
      out.SetFloat(i, deviation ? std::sqrt(variance) : variance);
    });
  }

 private:
  std::vector<double> count_, mean_, squares_;
};

}  // namespace

size_t BytesOfAccumulator(AggregateOp op, size_t steps) {
  const auto numbers = [](AggregateOp which) -> size_t {
    switch (which) {
      case AggregateOp::kSum:
        return 2;
      case AggregateOp::kAvg:
      case AggregateOp::kStddev:
      case AggregateOp::kStdvar:
        return 3;
      default:
        return 1;
    }
  };
  constexpr size_t kFixed = 256;
  return kFixed + steps * numbers(op) * sizeof(double) + steps * 3 / 8;
}

std::unique_ptr<Accumulator> NewAccumulator(const AccumulatorContext& ctx) {
  switch (ctx.op) {
    case AggregateOp::kSum:
    case AggregateOp::kAvg:
      return std::make_unique<SumAccumulator>(ctx);
    case AggregateOp::kMin:
    case AggregateOp::kMax:
      return std::make_unique<ExtremeAccumulator>(ctx);
    case AggregateOp::kStddev:
    case AggregateOp::kStdvar:
      return std::make_unique<VarianceAccumulator>(ctx);
    default:
      return std::make_unique<CountAccumulator>(ctx);
  }
}

}  // namespace slowburn::query
