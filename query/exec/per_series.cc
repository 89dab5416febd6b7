#include "query/exec/per_series.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/binary_point.h"
#include "query/exec/metadata_labels.h"
#include "query/functions/float_functions.h"
#include "query/functions/scalar_arithmetic.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/quantile.h"

namespace slowburn::query {
namespace {

using tsdb::Histogram;

enum class Names { kKeep, kDrop, kDropNameOnly };

// Reads a series from the child and changes it in place.
class PerSeries : public Operator {
 protected:
  PerSeries(QueryContext& ctx, OperatorPtr child, Names names)
      : Operator(ctx, child->timeline()), child_(Adopt(std::move(child))), names_(names) {}

  virtual absl::Status OpenParams() { return absl::OkStatus(); }
  virtual void Change(Column& column) = 0;

 private:
  absl::Status DoOpen() override {
    RETURN_IF_ERROR(OpenParams());
    RETURN_IF_ERROR(child_.Open());
    series_.assign(child_.series().begin(), child_.series().end());
    unique_ = child_.series_are_unique();
    if (names_ == Names::kKeep || ctx_.options.delayed_name_removal) return absl::OkStatus();
    unique_ = unique_ && SameMetadata(series_);
    for (tsdb::Labels& labels : series_) {
      labels = names_ == Names::kDropNameOnly ? labels.WithoutName() : DropMetadata(labels);
    }
    return absl::OkStatus();
  }

  absl::Status DoRead(size_t i, Column& out) override {
    RETURN_IF_ERROR(child_.Read(i, out));
    Change(out);
    if (names_ != Names::kKeep) out.drop_name = true;
    return absl::OkStatus();
  }

  Operator& child_;
  const Names names_;
};

void KeepFloats(Column& column) {
  if (!column.has_histograms()) return;
  column.present.ForEach([&](size_t i) {
    if (column.HistogramAt(i) != nullptr) column.present.Clear(i);
  });
  column.histograms.clear();
}

template <typename F>
void ChangeFloats(Column& column, F f) {
  KeepFloats(column);
  column.present.ForEach([&](size_t i) { column.values[i] = f(column.values[i]); });
}

class FloatMap final : public PerSeries {
 public:
  FloatMap(QueryContext& ctx, OperatorPtr child, FloatFunction f)
      : PerSeries(ctx, std::move(child), Names::kDrop), f_(f) {}

 private:
  void Change(Column& column) override { ChangeFloats(column, f_); }
  const FloatFunction f_;
};

// round and the clamps: floats with parameters that may change from step to step.
class ParameterMap final : public PerSeries {
 public:
  ParameterMap(QueryContext& ctx, FunctionId id, OperatorPtr child, std::vector<OperatorPtr> params)
      : PerSeries(ctx, std::move(child), Names::kDrop), id_(id) {
    for (OperatorPtr& param : params) params_.push_back(&Adopt(std::move(param)));
  }

 private:
  absl::Status OpenParams() override {
    for (Operator* param : params_) {
      ASSIGN_OR_RETURN(Column column, ReadScalar(*param));
      columns_.push_back(std::move(column));
    }
    return absl::OkStatus();
  }

  void Change(Column& column) override {
    KeepFloats(column);
    constexpr double kInf = std::numeric_limits<double>::infinity();
    column.present.ForEach([&](size_t i) {
      double& v = column.values[i];
      switch (id_) {
        case FunctionId::kRound:
          v = RoundTo(v, 1.0 / (columns_.empty() ? 1.0 : columns_[0].values[i]));
          break;
        case FunctionId::kClampMin:
          Clamp(column, i, columns_[0].values[i], kInf);
          break;
        case FunctionId::kClampMax:
          Clamp(column, i, -kInf, columns_[0].values[i]);
          break;
        default:
          Clamp(column, i, columns_[0].values[i], columns_[1].values[i]);
      }
    });
  }

  static void Clamp(Column& column, size_t i, double low, double high) {
    if (high < low) {
      column.present.Clear(i);
    } else {
      column.values[i] = GoMax(low, GoMin(high, column.values[i]));
    }
  }

  const FunctionId id_;
  std::vector<Operator*> params_;
  std::vector<Column> columns_;
};

// histogram_count and its like: a number from each histogram; floats are left out.
class HistogramMap final : public PerSeries {
 public:
  HistogramMap(QueryContext& ctx, OperatorPtr child, FunctionId id)
      : PerSeries(ctx, std::move(child), Names::kDropNameOnly), id_(id) {}

 private:
  void Change(Column& column) override {
    column.present.ForEach([&](size_t i) {
      const Histogram* h = column.HistogramAt(i);
      if (h == nullptr) {
        column.present.Clear(i);
      } else {
        column.values[i] = Value(*h);
      }
    });
    column.histograms.clear();
  }

  double Value(const Histogram& h) {
    switch (id_) {
      case FunctionId::kHistogramCount:
        return h.count;
      case FunctionId::kHistogramSum:
        return h.sum;
      case FunctionId::kHistogramAvg:
        return h.sum / h.count;
      case FunctionId::kHistogramStddev:
        return std::sqrt(HistogramVariance(h, scratch_));
      default:
        return HistogramVariance(h, scratch_);
    }
  }

  const FunctionId id_;
  std::vector<Bucket> scratch_;
};

// timestamp() of what is not a selector: the step's time.
class StepTime final : public PerSeries {
 public:
  StepTime(QueryContext& ctx, OperatorPtr child) : PerSeries(ctx, std::move(child), Names::kDrop) {}

 private:
  void Change(Column& column) override {
    column.histograms.clear();
    column.present.ForEach([&](size_t i) { column.values[i] = double(timeline_.At(i)) / 1000; });
  }
};

// start_timestamp() of what is not a selector: nothing is known.
class Nothing final : public PerSeries {
 public:
  Nothing(QueryContext& ctx, OperatorPtr child) : PerSeries(ctx, std::move(child), Names::kDrop) {}

 private:
  void Change(Column& column) override { column.Reset(timeline_.steps()); }
};

class Negate final : public PerSeries {
 public:
  Negate(QueryContext& ctx, OperatorPtr child) : PerSeries(ctx, std::move(child), Names::kDrop) {}

 private:
  void Change(Column& column) override {
    column.present.ForEach([&](size_t i) {
      if (const Histogram* h = column.HistogramAt(i)) {
        Histogram negative = *h;
        Multiply(negative, -1);
        column.histograms[i] = std::make_shared<const Histogram>(std::move(negative));
      } else {
        column.values[i] = -column.values[i];
      }
    });
  }
};

class VectorScalarBinary final : public PerSeries {
 public:
  VectorScalarBinary(QueryContext& ctx, const BinaryNode& node, OperatorPtr vector,
                     OperatorPtr scalar, ScalarSide side)
      : PerSeries(ctx, std::move(vector), DropsName(node) ? Names::kDrop : Names::kKeep),
        node_(node),
        side_(side),
        scalar_(Adopt(std::move(scalar))) {}

 private:
  static bool DropsName(const BinaryNode& node) {
    return node.return_bool || ChangesMeaning(node.op);
  }

  absl::Status OpenParams() override {
    ASSIGN_OR_RETURN(column_, ReadScalar(scalar_));
    return absl::OkStatus();
  }

  void Change(Column& column) override {
    const bool floats = !column.has_histograms() && !IsTrim(node_.op);
    if (!floats) {
      column.present.ForEach([&](size_t i) { ChangePoint(column, i); });
    } else if (IsComparison(node_.op)) {
      Compare(column);
    } else {
      Arithmetic(column);
    }
  }

  void Arithmetic(Column& column) const {
    const bool left = side_ == ScalarSide::kLeft;
    column.present.ForEach([&](size_t i) {
      const double v = column.values[i], s = column_.values[i];
      column.values[i] = left ? Calculate(node_.op, s, v) : Calculate(node_.op, v, s);
    });
  }

  void Compare(Column& column) const {
    const bool left = side_ == ScalarSide::kLeft;
    column.present.ForEach([&](size_t i) {
      const double v = column.values[i], s = column_.values[i];
      const bool holds = left ? Holds(node_.op, s, v) : Holds(node_.op, v, s);
      if (node_.return_bool) {
        column.values[i] = holds ? 1 : 0;
      } else if (!holds) {
        column.present.Clear(i);
      }
    });
  }

  void ChangePoint(Column& column, size_t i) {
    BinaryOperand vector{column.values[i], column.HistogramAt(i)};
    BinaryOperand scalar{column_.values[i], nullptr};
    const bool left = side_ == ScalarSide::kLeft;
    BinaryPoint result =
        left ? CombinePoints(node_.op, scalar, vector) : CombinePoints(node_.op, vector, scalar);
    if (result.note != BinaryNote::kNone) {
      ctx_.notes.Add(ToAnnotation(result.note, node_.op), node_.position);
    }
    if (!result.valid) {
      column.Remove(i);
      return;
    }
    if (node_.return_bool) {
      column.Remove(i);
      column.SetFloat(i, result.keep ? 1 : 0);
    } else if (!result.keep) {
      column.Remove(i);
    } else if (!IsComparison(node_.op)) {  // which leave the vector's point as it is
      column.Remove(i);
      if (result.h) {
        column.SetHistogram(i, std::move(result.h));
      } else {
        column.SetFloat(i, result.v);
      }
    }
  }

  const BinaryNode& node_;
  const ScalarSide side_;
  Operator& scalar_;
  Column column_;
};

}  // namespace

OperatorPtr NewVectorFunction(QueryContext& ctx, const CallNode& call, OperatorPtr vector,
                              std::vector<OperatorPtr> params) {
  const FunctionId id = call.function->id;
  if (const FloatFunction f = FindFloatFunction(id)) {
    return std::make_unique<FloatMap>(ctx, std::move(vector), f);
  }
  if (const FloatFunction f = FindTimeFunction(id)) {
    return std::make_unique<FloatMap>(ctx, std::move(vector), f);
  }
  switch (id) {
    case FunctionId::kRound:
    case FunctionId::kClamp:
    case FunctionId::kClampMin:
    case FunctionId::kClampMax:
      return std::make_unique<ParameterMap>(ctx, id, std::move(vector), std::move(params));
    case FunctionId::kHistogramAvg:
    case FunctionId::kHistogramCount:
    case FunctionId::kHistogramSum:
    case FunctionId::kHistogramStddev:
    case FunctionId::kHistogramStdvar:
      return std::make_unique<HistogramMap>(ctx, std::move(vector), id);
    case FunctionId::kTimestamp:
      return std::make_unique<StepTime>(ctx, std::move(vector));
    case FunctionId::kStartTimestamp:
      return std::make_unique<Nothing>(ctx, std::move(vector));
    default:
      return nullptr;
  }
}

OperatorPtr NewNegate(QueryContext& ctx, OperatorPtr inner) {
  return std::make_unique<Negate>(ctx, std::move(inner));
}

OperatorPtr NewVectorScalarBinary(QueryContext& ctx, const BinaryNode& node, OperatorPtr vector,
                                  OperatorPtr scalar, ScalarSide side) {
  return std::make_unique<VectorScalarBinary>(ctx, node, std::move(vector), std::move(scalar),
                                              side);
}

}  // namespace slowburn::query
