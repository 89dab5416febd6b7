#include "query/exec/histogram_function.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/number.h"
#include "base/status_macros.h"
#include "query/exec/merge.h"
#include "query/exec/metadata_labels.h"
#include "query/histogram/quantile.h"

namespace slowburn::query {
namespace {

constexpr std::string_view kBucketLabel = "le";
constexpr uint64_t kWorkPerHistogram = 64, kWorkPerBucket = 4;

// OpenMetrics' way with numbers: whole ones carry ".0".
std::string OpenMetricsFloat(double v) {
  std::string text = base::FormatFloat(v, base::FloatStyle::kGeneral);
  if (std::isfinite(v) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// Series that differ in `le` only: the buckets of one classic histogram. A series that holds native
// histograms stands in the group of its own labels.
struct HistogramGroup {
  tsdb::Labels labels;  // without le
  struct BucketSeries {
    double upper_bound;
    size_t series;
  };
  std::vector<BucketSeries> buckets;  // ascending bounds
  std::vector<size_t> native_series;  // whose labels equal the group's
};

class HistogramFunction final : public BlockOperator {
 public:
  HistogramFunction(QueryContext& ctx, const CallNode& call, OperatorPtr vector,
                    std::vector<OperatorPtr> params)
      : BlockOperator(ctx, call.timeline), call_(call), vector_(Adopt(std::move(vector))) {
    for (OperatorPtr& param : params) params_.push_back(&Adopt(std::move(param)));
    for (const PlanPtr& arg : call.args) {
      if (arg->type == ValueType::kVector) vector_position_ = arg->position;
      if (arg->type == ValueType::kScalar) param_positions_.push_back(arg->position);
      if (arg->type == ValueType::kString) quantile_label_ = As<StringNode>(*arg).value;
    }
  }

 private:
  absl::StatusOr<Block> Compute() override {
    for (Operator* param : params_) {
      ASSIGN_OR_RETURN(Column column, ReadScalar(*param));
      param_columns_.push_back(std::move(column));
    }
    if (call_.function->id != FunctionId::kHistogramFraction) NoteInvalidQuantiles();
    RETURN_IF_ERROR(vector_.Open());
    ASSIGN_OR_RETURN(input_, ReadAll(vector_));
    MakeGroups();
    NoteBadBuckets();
    for (HistogramGroup& group : groups_) {
      RETURN_IF_ERROR(ctx_.CheckAlive());
      RETURN_IF_ERROR(Evaluate(group));
    }
    unique_ = true;
    return merger_.Take();
  }

  void NoteInvalidQuantiles() {
    for (size_t p = 0; p < param_columns_.size(); ++p) {
      for (const double q : param_columns_[p].values) {
        if (!(q >= 0 && q <= 1)) ctx_.notes.Add(InvalidQuantile(q), param_positions_[p]);
      }
    }
  }

  HistogramGroup& GroupOf(tsdb::Labels labels) {
    const auto [it, fresh] = group_index_.try_emplace(labels, groups_.size());
    if (fresh) groups_.push_back({std::move(labels), {}, {}});
    return groups_[it->second];
  }

  void MakeGroups() {
    const std::vector<std::string> le{std::string(kBucketLabel)};
    for (size_t i = 0; i < input_.size(); ++i) {
      const tsdb::Labels& labels = input_.series[i];
      const Column& column = input_.columns[i];
      if (!column.present.Any()) continue;
      if (column.has_histograms()) GroupOf(labels).native_series.push_back(i);
      double bound = 0;
      if (!HasFloat(column)) continue;
      if (base::ParseFloat(labels.Get(kBucketLabel), bound)) {
        GroupOf(labels.Without(le)).buckets.push_back({bound, i});
      } else {
        bad_buckets_.push_back(i);
      }
    }
    for (HistogramGroup& group : groups_) {
      std::ranges::stable_sort(group.buckets, {}, &HistogramGroup::BucketSeries::upper_bound);
    }
  }

  static bool HasFloat(const Column& column) {
    if (!column.has_histograms()) return true;
    bool found = false;
    column.present.ForEach([&](size_t i) { found |= column.HistogramAt(i) == nullptr; });
    return found;
  }

  // The name still stands for sure only if names are dropped at the end.
  std::string_view NameForNotes(const tsdb::Labels& labels) const {
    return ctx_.options.delayed_name_removal ? labels.metric_name() : std::string_view();
  }

  void NoteBadBuckets() {
    for (const size_t i : bad_buckets_) {
      const tsdb::Labels& labels = input_.series[i];
      ctx_.notes.Add(BadBucketLabel(NameForNotes(labels), labels.Get(kBucketLabel)),
                     vector_position_);
    }
  }

  absl::Status Evaluate(const HistogramGroup& group) {
    const size_t results =
        call_.function->id == FunctionId::kHistogramFraction ? 1 : params_.size();
    for (size_t r = 0; r < results; ++r) {
      Column out;
      out.Reset(timeline_.steps());
      out.drop_name = true;
      if (!group.native_series.empty()) EvaluateNative(group, r, out);
      if (!group.buckets.empty()) EvaluateClassic(group, r, out);
      RETURN_IF_ERROR(ctx_.meter.status());
      if (quantile_label_.empty()) {
        RETURN_IF_ERROR(Add(ResultLabels(group), std::move(out)));
      } else {
        RETURN_IF_ERROR(AddByQuantile(group, r, std::move(out)));
      }
    }
    return absl::OkStatus();
  }

  tsdb::Labels ResultLabels(const HistogramGroup& group) const {
    return ctx_.options.delayed_name_removal ? group.labels : DropMetadata(group.labels);
  }

  absl::Status Add(tsdb::Labels labels, Column column) {
    if (!column.present.Any()) return absl::OkStatus();
    RETURN_IF_ERROR(HoldColumns(1));
    return merger_.Add(std::move(labels), std::move(column));
  }

  // histogram_quantiles names the quantile in a label; a quantile that changes makes several
  // series.
  absl::Status AddByQuantile(const HistogramGroup& group, size_t r, Column all) {
    const std::vector<double>& q = param_columns_[r].values;
    std::vector<std::pair<std::string, Column>> parts;
    absl::Status status;
    all.present.ForEach([&](size_t step) {
      if (!status.ok()) return;
      std::string text = OpenMetricsFloat(q[step]);
      auto part = std::ranges::find(parts, text, &std::pair<std::string, Column>::first);
      if (!ctx_.meter.Spend(parts.size())) status = ctx_.meter.status();
      if (part == parts.end()) {
        if (status.ok()) status = HoldColumns(1);
        parts.emplace_back(std::move(text), Column());
        part = parts.end() - 1;
        part->second.Reset(timeline_.steps());
        part->second.drop_name = true;
      }
      part->second.SetFloat(step, all.values[step]);
    });
    RETURN_IF_ERROR(status);
    for (auto& [text, column] : parts) {
      tsdb::LabelsBuilder builder(ResultLabels(group));
      builder.Set(quantile_label_, text);
      RETURN_IF_ERROR(Add(builder.Build(), std::move(column)));
    }
    return absl::OkStatus();
  }

  bool HasClassicAt(const HistogramGroup& group, size_t step) const {
    return std::ranges::any_of(group.buckets, [&](const HistogramGroup::BucketSeries& b) {
      const Column& c = input_.columns[b.series];
      return c.present.Test(step) && c.HistogramAt(step) == nullptr;
    });
  }
  bool HasNativeAt(const HistogramGroup& group, size_t step) const {
    return std::ranges::any_of(group.native_series, [&](size_t i) {
      return input_.columns[i].HistogramAt(step) != nullptr;
    });
  }

  void EvaluateNative(const HistogramGroup& group, size_t r, Column& out) {
    const std::string_view name = NameForNotes(group.labels);
    for (const size_t i : group.native_series) {
      const Column& column = input_.columns[i];
      column.present.ForEach([&](size_t step) {
        const tsdb::Histogram* h = column.HistogramAt(step);
        if (h == nullptr || !ctx_.meter.Spend(kWorkPerHistogram)) return;
        if (HasClassicAt(group, step)) {
          ctx_.notes.Add(MixedClassicNative(NameForNotes(group.labels)), vector_position_);
          return;
        }
        out.SetFloat(step, NativeValue(*h, r, step, name));
      });
    }
  }

  double NativeValue(const tsdb::Histogram& h, size_t r, size_t step, std::string_view name) {
    if (call_.function->id == FunctionId::kHistogramFraction) {
      const NativeFraction f = HistogramFraction(param_columns_[0].values[step],
                                                 param_columns_[1].values[step], h, scratch_);
      if (f.nan_observations) ctx_.notes.Add(FractionExcludesNan(name), vector_position_);
      return f.value;
    }
    const NativeQuantile q = HistogramQuantile(param_columns_[r].values[step], h, scratch_);
    if (q.nan_effect == NanEffect::kResultIsNan) {
      ctx_.notes.Add(QuantileOfNanIsNan(name), vector_position_);
    } else if (q.nan_effect == NanEffect::kSkewedHigher) {
      ctx_.notes.Add(QuantileSkewedByNan(name), vector_position_);
    }
    return q.value;
  }

  void EvaluateClassic(const HistogramGroup& group, size_t r, Column& out) {
    const bool fraction = call_.function->id == FunctionId::kHistogramFraction;
    std::vector<ClassicBucket> buckets;
    for (size_t step = 0; step < timeline_.steps(); ++step) {
      if (!ctx_.meter.Spend(kWorkPerBucket * group.buckets.size())) return;
      buckets.clear();
      for (const HistogramGroup::BucketSeries& b : group.buckets) {
        const Column& column = input_.columns[b.series];
        if (!column.present.Test(step) || column.HistogramAt(step) != nullptr) continue;
        buckets.push_back({b.upper_bound, column.values[step]});
      }
      if (buckets.empty() || (!group.native_series.empty() && HasNativeAt(group, step))) continue;
      if (fraction) {
        out.SetFloat(step, BucketFraction(param_columns_[0].values[step],
                                          param_columns_[1].values[step], buckets));
        continue;
      }
      const ClassicQuantile q = BucketQuantile(param_columns_[r].values[step], buckets);
      if (q.forced_monotonic) NoteForced(group, step, q);
      out.SetFloat(step, q.value);
    }
  }

  void NoteForced(const HistogramGroup& group, size_t step, const ClassicQuantile& q) {
    ForcedMonotonicity how;
    how.min_time = how.max_time = timeline_.At(step);
    how.min_bucket = q.min_bucket;
    how.max_bucket = q.max_bucket;
    how.max_diff = q.max_diff;
    ctx_.notes.AddForcedMonotonicity(NameForNotes(group.labels), vector_position_, how);
  }

  const CallNode& call_;
  Operator& vector_;
  std::vector<Operator*> params_;
  Position vector_position_;
  std::vector<Position> param_positions_;
  std::string quantile_label_;  // of histogram_quantiles
  std::vector<Column> param_columns_;
  Block input_;
  std::vector<HistogramGroup> groups_;
  std::unordered_map<tsdb::Labels, size_t> group_index_;
  std::vector<size_t> bad_buckets_;
  SeriesMerger merger_;
  std::vector<Bucket> scratch_;
};

}  // namespace

OperatorPtr NewHistogramFunction(QueryContext& ctx, const CallNode& call, OperatorPtr vector,
                                 std::vector<OperatorPtr> params) {
  return std::make_unique<HistogramFunction>(ctx, call, std::move(vector), std::move(params));
}

}  // namespace slowburn::query
