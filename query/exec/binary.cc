#include "query/exec/binary.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "query/exec/binary_point.h"
#include "query/exec/merge.h"
#include "query/exec/metadata_labels.h"
#include "query/exec/signatures.h"
#include "query/functions/scalar_arithmetic.h"

namespace slowburn::query {
namespace {

using Cardinality = VectorMatching::Cardinality;

constexpr uint32_t kNobody = ~uint32_t{0};
constexpr uint64_t kWorkPerPoint = 8, kWorkPerHistogram = 64;

class VectorBinary final : public BlockOperator {
 public:
  VectorBinary(QueryContext& ctx, const BinaryNode& node, OperatorPtr left, OperatorPtr right)
      : BlockOperator(ctx, node.timeline),
        node_(node),
        matching_(*node.matching),
        swapped_(matching_.cardinality == Cardinality::kOneToMany),
        one_to_one_(matching_.cardinality == Cardinality::kOneToOne),
        left_(Adopt(std::move(left))),
        right_(Adopt(std::move(right))) {}

 private:
  // The "many" side leads; one-to-one, that is the left one. The other side has at most one point
  // per signature and step.
  absl::StatusOr<Block> Compute() override {
    RETURN_IF_ERROR(left_.Open());
    ASSIGN_OR_RETURN(many_, ReadAll(left_));
    RETURN_IF_ERROR(right_.Open());
    ASSIGN_OR_RETURN(one_, ReadAll(right_));
    if (swapped_) std::swap(many_, one_);
    SignatureIndex signatures(matching_);
    many_signature_ = signatures.Of(many_.series);
    one_signature_ = signatures.Of(one_.series);
    FindActiveSteps();
    if (!active_.Any()) return Block();
    RETURN_IF_ERROR(IndexOneSide(signatures.size()));
    notes_.assign(timeline_.steps(), BinaryNote::kNone);
    matched_.resize(signatures.size());

    // Prometheus takes fill_left for the "many" side, also with group_right; so do we.
    const std::optional<double>& fill_one = matching_.fill_right;
    const std::optional<double>& fill_many = matching_.fill_left;
    for (uint32_t m = 0; m < many_.size(); ++m) {
      RETURN_IF_ERROR(ctx_.CheckAlive());
      RETURN_IF_ERROR(CombineMany(m, fill_one));
      if (!fill_many) many_.columns[m] = Column();
    }
    if (fill_many) RETURN_IF_ERROR(FillMany(*fill_many));
    for (const BinaryNote note : notes_) {
      if (note != BinaryNote::kNone) ctx_.notes.Add(ToAnnotation(note, node_.op), node_.position);
    }
    unique_ = true;
    return std::move(out_);
  }

  // Steps at which anything can match: both sides have something, or one has and the other is
  // filled in.
  void FindActiveSteps() {
    StepSet many, one;
    many.Reset(timeline_.steps());
    one.Reset(timeline_.steps());
    for (const Column& c : many_.columns) many.Unite(c.present);
    for (const Column& c : one_.columns) one.Unite(c.present);
    active_ = many;
    if (matching_.fill_left || matching_.fill_right) {
      active_.Unite(one);
    } else {
      active_.Intersect(one);
    }
  }

  // For each signature, who of the one side has the point at each step.
  absl::Status IndexOneSide(size_t signatures) {
    by_signature_.resize(signatures);
    for (uint32_t o = 0; o < one_.size(); ++o) {
      if (one_.columns[o].present.Any()) by_signature_[one_signature_[o]].series.push_back(o);
    }
    for (OneSide& side : by_signature_) {
      if (side.series.size() < 2) continue;
      side.at_step.assign(timeline_.steps(), kNobody);
      for (const uint32_t o : side.series) {
        uint32_t clash = kNobody;
        one_.columns[o].present.ForEach([&](size_t step) {
          if (!active_.Test(step)) return;
          if (side.at_step[step] != kNobody) clash = side.at_step[step];
          side.at_step[step] = o;
        });
        if (clash != kNobody) return DuplicateError(o, clash);
      }
    }
    return absl::OkStatus();
  }

  absl::Status DuplicateError(uint32_t a, uint32_t b) const {
    std::string first = LabelsText(one_.series[a]), second = LabelsText(one_.series[b]);
    if (first > second) std::swap(first, second);
    return absl::FailedPreconditionError(absl::StrCat(
        "found duplicate series for the match group ",
        LabelsText(MatchedLabels(one_.series[a], matching_)), " on the ",
        swapped_ ? "left" : "right", " hand-side of the operation: [", first, ", ", second,
        "];many-to-many matching not allowed: matching labels must be unique on one side"));
  }

  absl::Status CombineMany(uint32_t m, const std::optional<double>& fill) {
    const Column& column = many_.columns[m];
    const OneSide& side = by_signature_[many_signature_[m]];
    const uint32_t only = side.series.size() == 1 ? side.series[0] : kNobody;
    if (side.series.empty() && !fill) return absl::OkStatus();
    if (only != kNobody && !fill && PlainFloats(column, one_.columns[only])) {
      return CombineFloats(m, only);
    }
    absl::Status status;
    column.present.ForEach([&](size_t step) {
      if (!status.ok() || !active_.Test(step)) return;
      uint32_t o = side.at_step.empty() ? only : side.at_step[step];
      if (o != kNobody && !one_.columns[o].present.Test(step)) o = kNobody;
      const BinaryOperand many{column.values[step], column.HistogramAt(step)};
      if (o != kNobody) {
        const Column& c = one_.columns[o];
        status = Combine(m, o, step, many, {c.values[step], c.HistogramAt(step)});
      } else if (fill) {
        status = Combine(m, kNobody, step, many, {*fill, nullptr});
      }
    });
    return status;
  }

  bool PlainFloats(const Column& a, const Column& b) const {
    return !a.has_histograms() && !b.has_histograms() && !IsTrim(node_.op);
  }

  // The usual case: two series of floats, one partner, nothing to fill in.
  absl::Status CombineFloats(uint32_t m, uint32_t o) {
    const Column& many = many_.columns[m];
    const Column& one = one_.columns[o];
    StepSet both = many.present;
    both.Intersect(one.present);
    if (!both.Any()) return absl::OkStatus();
    const uint32_t target = TargetOf(m, o);
    RETURN_IF_ERROR(held_);
    RETURN_IF_ERROR(MarkMatched(many_signature_[m], target, [&both](StepSet& seen) {
      const bool before = seen.Intersects(both);
      seen.Unite(both);
      return before;
    }));
    Column& out = out_.columns[target];
    const double* left = swapped_ ? one.values.data() : many.values.data();
    const double* right = swapped_ ? many.values.data() : one.values.data();
    if (!IsComparison(node_.op)) {
      if (out.present.Intersects(both)) return SameLabelsetError();
      both.ForEach([&](size_t i) { out.values[i] = Calculate(node_.op, left[i], right[i]); });
      out.present.Unite(both);
      return absl::OkStatus();
    }
    bool clash = false;
    both.ForEach([&](size_t i) {
      const bool holds = Holds(node_.op, left[i], right[i]);
      if (!holds && !node_.return_bool) return;
      clash |= out.present.Test(i);
      out.SetFloat(i, !node_.return_bool ? left[i] : holds ? 1 : 0);
    });
    return clash ? SameLabelsetError() : absl::OkStatus();
  }

  // `one` of the one side (kNobody: filled in) with `many` of the many side.
  absl::Status Combine(uint32_t m, uint32_t o, size_t step, BinaryOperand many, BinaryOperand one) {
    if (!ctx_.meter.Spend(many.h || one.h ? kWorkPerHistogram : kWorkPerPoint)) {
      return ctx_.meter.status();
    }
    BinaryPoint point =
        swapped_ ? CombinePoints(node_.op, one, many) : CombinePoints(node_.op, many, one);
    if (point.note != BinaryNote::kNone) notes_[step] = point.note;
    if (!point.valid) return absl::OkStatus();
    const uint32_t target = TargetOf(m, o);
    RETURN_IF_ERROR(held_);
    const uint32_t signature = m == kNobody ? one_signature_[o] : many_signature_[m];
    RETURN_IF_ERROR(MarkMatched(signature, target, [step](StepSet& seen) {
      const bool before = seen.Test(step);
      seen.Set(step);
      return before;
    }));
    if (!point.keep && !node_.return_bool) return absl::OkStatus();
    Column& out = out_.columns[target];
    if (out.present.Test(step)) return SameLabelsetError();
    if (node_.return_bool) {
      out.SetFloat(step, point.keep ? 1 : 0);
    } else if (point.h) {
      out.SetHistogram(step, std::move(point.h));
    } else {
      out.SetFloat(step, point.v);
    }
    return absl::OkStatus();
  }

  // Points of the one side that met nobody.
  absl::Status FillMany(double fill) {
    for (uint32_t o = 0; o < one_.size(); ++o) {
      const Column& column = one_.columns[o];
      const Matched& matched = matched_[one_signature_[o]];
      StepSet lonely = column.present;
      lonely.Intersect(active_);
      if (matched.any.size() > 0) lonely.Subtract(matched.any);
      absl::Status status;
      lonely.ForEach([&](size_t step) {
        if (!status.ok()) return;
        status = Combine(kNobody, o, step, {fill, nullptr},
                         {column.values[step], column.HistogramAt(step)});
      });
      RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  }

  // One-to-one: a signature matches once a step. With group_left or group_right: once per result
  // series. mark(seen) adds the steps at hand and says whether one of them was there before.
  template <typename Mark>
  absl::Status MarkMatched(uint32_t signature, uint32_t target, Mark mark) {
    Matched& matched = matched_[signature];
    if (matched.any.size() == 0) matched.any.Reset(timeline_.steps());
    const bool again = mark(matched.any);
    if (one_to_one_) {
      return !again ? absl::OkStatus()
                    : absl::FailedPreconditionError(
                          "multiple matches for labels: many-to-one matching must be explicit "
                          "(group_left/group_right)");
    }
    StepSet& seen = matched.by_target[target];
    if (seen.size() == 0) seen.Reset(timeline_.steps());
    return !mark(seen) ? absl::OkStatus()
                       : absl::FailedPreconditionError(
                             "multiple matches for labels: grouping labels must ensure unique "
                             "matches");
  }

  // The result series of a pair. Pairs with equal result labels share one.
  uint32_t TargetOf(uint32_t m, uint32_t o) {
    const uint64_t pair = (uint64_t{m} << 32) | o;
    const auto known = target_of_pair_.find(pair);
    if (known != target_of_pair_.end()) return known->second;
    tsdb::Labels labels = ResultLabels(m, o);
    const auto [it, fresh] = target_of_labels_.try_emplace(labels, uint32_t(out_.size()));
    if (fresh) {
      held_ = HoldColumns(1);
      out_.series.push_back(std::move(labels));
      Column& column = out_.columns.emplace_back();
      column.Reset(timeline_.steps());
      column.drop_name = node_.return_bool;
    }
    target_of_pair_.emplace(pair, it->second);
    return it->second;
  }

  tsdb::Labels ResultLabels(uint32_t m, uint32_t o) const {
    // Who is filled in has the labels that match, and no others.
    const tsdb::Labels many =
        m == kNobody ? MatchedLabels(one_.series[o], matching_) : many_.series[m];
    const tsdb::Labels one =
        o == kNobody ? MatchedLabels(many_.series[m], matching_) : one_.series[o];
    const bool drop_name = node_.return_bool && !ctx_.options.delayed_name_removal;
    tsdb::Labels base = drop_name || ChangesMeaning(node_.op) ? DropMetadata(many) : many;
    if (one_to_one_) {
      base = matching_.on ? base.Keep(matching_.labels) : base.Without(matching_.labels);
    }
    if (matching_.include.empty()) return base;
    tsdb::LabelsBuilder builder(std::move(base));
    for (const std::string& name : matching_.include) builder.Set(name, one.Get(name));
    return builder.Build();
  }

  struct OneSide {
    std::vector<uint32_t> series;
    std::vector<uint32_t> at_step;  // if there are several: whose point it is
  };
  struct Matched {
    StepSet any;
    std::unordered_map<uint32_t, StepSet> by_target;
  };

  const BinaryNode& node_;
  const VectorMatching& matching_;
  const bool swapped_, one_to_one_;
  Operator& left_;
  Operator& right_;
  Block many_, one_, out_;
  std::vector<uint32_t> many_signature_, one_signature_;
  StepSet active_;
  std::vector<OneSide> by_signature_;
  std::vector<Matched> matched_;
  std::vector<BinaryNote> notes_;  // by step: the last one, as Prometheus reports
  absl::Status held_;              // not OK: there is no memory for the result
  std::unordered_map<uint64_t, uint32_t> target_of_pair_;
  std::unordered_map<tsdb::Labels, uint32_t> target_of_labels_;
};

}  // namespace

OperatorPtr NewVectorBinary(QueryContext& ctx, const BinaryNode& node, OperatorPtr left,
                            OperatorPtr right) {
  return std::make_unique<VectorBinary>(ctx, node, std::move(left), std::move(right));
}

}  // namespace slowburn::query
