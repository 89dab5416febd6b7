#include "query/plan/build.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "query/plan/durations.h"
#include "query/plan/invariance.h"

namespace slowburn::query {
namespace {

// The first multiple of `step` after `t`.
TimestampMs NextOnGrid(TimestampMs t, DurationMs step) {
  TimestampMs q = t / step;
  if (t % step < 0) --q;
  return (q + 1) * step;
}

bool NeedsTotalsOnly(FunctionId id) {
  return id == FunctionId::kHistogramCount || id == FunctionId::kHistogramSum ||
         id == FunctionId::kHistogramAvg;
}

bool NeedsBuckets(FunctionId id) {
  return id == FunctionId::kHistogramQuantile || id == FunctionId::kHistogramQuantiles ||
         id == FunctionId::kHistogramFraction;
}

// Counts a node in while its subtree is built.
class Deeper {
 public:
  explicit Deeper(int& depth, bool counts = true) : depth_(depth), counts_(counts) {
    if (counts_) ++depth_;
  }
  ~Deeper() {
    if (counts_) --depth_;
  }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  int& depth_;
  const bool counts_;
};

class Builder {
 public:
  Builder(const Expr& root, const Timeline& query, bool is_range_query, const PlanOptions& options)
      : invariant_(root), query_(query), options_(options) {
    if (is_range_query) durations_.step_seconds = double(query.step) / 1000;
    durations_.range_seconds = double(query.end - query.start) / 1000;
  }

  // Parts that do not change with the step are built for one step and repeated.
  absl::StatusOr<PlanPtr> Build(const Expr& e, const Timeline& timeline) {
    if (e.kind == NodeKind::kParen) return Build(*static_cast<const Paren&>(e).inner, timeline);
    const bool hoist = timeline.steps() > 1 && e.type != ValueType::kMatrix &&
                       e.kind != NodeKind::kNumber && e.kind != NodeKind::kString &&
                       invariant_.Contains(e);
    if (!hoist) return BuildHere(e, timeline);
    ASSIGN_OR_RETURN(PlanPtr once, BuildHere(e, timeline.OnlyStart()));
    return std::make_shared<StepInvariantNode>(std::move(once), timeline);
  }

 private:
  absl::StatusOr<PlanPtr> BuildHere(const Expr& e, const Timeline& timeline) {
    switch (e.kind) {
      case NodeKind::kNumber:
        return std::make_shared<NumberNode>(e.position, timeline,
                                            static_cast<const NumberLiteral&>(e).value);
      case NodeKind::kString:
        return std::make_shared<StringNode>(e.position, timeline,
                                            static_cast<const StringLiteral&>(e).value);
      case NodeKind::kVectorSelector:
        return BuildSelector(static_cast<const VectorSelector&>(e), nullptr, e.position, timeline);
      case NodeKind::kMatrixSelector: {
        const auto& matrix = static_cast<const MatrixSelector&>(e);
        return BuildSelector(*matrix.selector, &matrix.range, e.position, timeline);
      }
      case NodeKind::kSubquery:
        return BuildSubquery(static_cast<const Subquery&>(e), timeline);
      case NodeKind::kCall:
        return BuildCall(static_cast<const Call&>(e), timeline);
      case NodeKind::kAggregate:
        return BuildAggregate(static_cast<const Aggregate&>(e), timeline);
      case NodeKind::kBinary:
        return BuildBinary(static_cast<const Binary&>(e), timeline);
      case NodeKind::kUnary:
        return BuildUnary(static_cast<const Unary&>(e), timeline);
      case NodeKind::kParen:
        return Build(e, timeline);
    }
    return absl::InternalError("BUG: unknown kind of expression");
  }

  absl::StatusOr<Reference> Resolve(const DurationValue& offset,
                                    const std::optional<AtModifier>& at) {
    Reference reference;
    ASSIGN_OR_RETURN(reference.offset, EvaluateDuration(offset, durations_, DurationSign::kAny));
    if (at) {
      switch (at->kind) {
        case AtModifier::Kind::kTimestamp:
          reference.at = at->t;
          break;
        case AtModifier::Kind::kStart:
          reference.at = query_.start;
          break;
        case AtModifier::Kind::kEnd:
          reference.at = query_.end;
          break;
      }
    }
    return reference;
  }

  // `range` is null for an instant vector.
  absl::StatusOr<PlanPtr> BuildSelector(const VectorSelector& selector, const DurationValue* range,
                                        Position position, const Timeline& timeline) {
    auto node = std::make_shared<SelectorNode>(range ? ValueType::kMatrix : ValueType::kVector,
                                               position, timeline);
    node->matchers = selector.matchers;
    node->mode = selector.mode;
    node->lookback = options_.lookback;
    node->histogram_totals_only = totals_only_ > 0 && need_buckets_ == 0;
    ASSIGN_OR_RETURN(node->reference, Resolve(selector.offset, selector.at));
    if (range) {
      ASSIGN_OR_RETURN(node->range, EvaluateDuration(*range, durations_, DurationSign::kPositive));
    }
    return PlanPtr(std::move(node));
  }

  absl::StatusOr<PlanPtr> BuildSubquery(const Subquery& subquery, const Timeline& timeline) {
    auto node = std::make_shared<SubqueryNode>(subquery.position, timeline);
    ASSIGN_OR_RETURN(node->reference, Resolve(subquery.offset, subquery.at));
    ASSIGN_OR_RETURN(node->range,
                     EvaluateDuration(subquery.range, durations_, DurationSign::kPositive));
    DurationMs step = 0;
    if (subquery.step) {
      ASSIGN_OR_RETURN(step, EvaluateDuration(*subquery.step, durations_, DurationSign::kPositive));
    }
    if (step <= 0) step = std::max<DurationMs>(options_.default_subquery_step, 1);
    // (first step - range, last step], on multiples of the subquery's step.
    const TimestampMs from = node->reference.Of(timeline.start) - node->range;
    const TimestampMs to = node->reference.Of(timeline.last());
    const Timeline inner{NextOnGrid(from, step), to, step};
    const Deeper whole_histograms(need_buckets_);
    ASSIGN_OR_RETURN(node->inner, Build(*subquery.inner, inner));
    return PlanPtr(std::move(node));
  }

  PlanPtr Number(const Call& call, const Timeline& timeline, double value) {
    return std::make_shared<NumberNode>(call.position, timeline, value);
  }

  absl::StatusOr<PlanPtr> BuildCall(const Call& call, const Timeline& timeline) {
    switch (call.function->id) {
      case FunctionId::kStart:
        return Number(call, timeline, double(query_.start) / 1000);
      case FunctionId::kEnd:
        return Number(call, timeline, double(query_.end) / 1000);
      case FunctionId::kRange:
        return Number(call, timeline, durations_.range_seconds);
      case FunctionId::kStep: {
        const bool one_step = query_.start == query_.end;
        return Number(call, timeline, one_step ? 0 : durations_.step_seconds);
      }
      case FunctionId::kInfo:
        return BuildInfo(call, timeline);
      default:
        break;
    }
    const Deeper totals(totals_only_, NeedsTotalsOnly(call.function->id));
    const Deeper buckets(need_buckets_, NeedsBuckets(call.function->id));
    auto node = std::make_shared<CallNode>(*call.function, call.position, timeline);
    for (const ExprPtr& arg : call.args) {
      ASSIGN_OR_RETURN(PlanPtr built, Build(*arg, timeline));
      node->args.push_back(std::move(built));
    }
    return PlanPtr(std::move(node));
  }

  absl::StatusOr<PlanPtr> BuildInfo(const Call& call, const Timeline& timeline) {
    auto node = std::make_shared<InfoNode>(call.position, timeline);
    ASSIGN_OR_RETURN(node->inner, Build(*call.args[0], timeline));
    node->lookback = options_.lookback;
    if (call.args.size() > 1) {
      const Expr* selector = call.args[1].get();
      while (selector->kind == NodeKind::kParen) {
        selector = static_cast<const Paren*>(selector)->inner.get();
      }
      if (selector->kind != NodeKind::kVectorSelector) {
        return absl::InvalidArgumentError(
            "expected label selectors as the second argument to info");
      }
      node->matchers = static_cast<const VectorSelector*>(selector)->matchers;
      node->has_selector = true;
    }
    FirstReference(*node->inner, node->reference);
    return PlanPtr(std::move(node));
  }

  // The reference time of the first selector below `node`: its own @ and offset, and those of the
  // subqueries around it up to the first that pins the time.
  static bool FirstReference(const PlanNode& node, Reference& out) {
    const auto any = [&](const std::vector<PlanPtr>& nodes) {
      return std::ranges::any_of(nodes,
                                 [&](const PlanPtr& n) { return n && FirstReference(*n, out); });
    };
    switch (node.kind) {
      case PlanKind::kSelector:
        out = As<SelectorNode>(node).reference;
        return true;
      case PlanKind::kSubquery: {
        const auto& subquery = As<SubqueryNode>(node);
        if (!FirstReference(*subquery.inner, out)) return false;
        if (!out.at) {
          out.offset += subquery.reference.offset;
          out.at = subquery.reference.at;
        }
        return true;
      }
      case PlanKind::kCall:
        return any(As<CallNode>(node).args);
      case PlanKind::kInfo:
        return FirstReference(*As<InfoNode>(node).inner, out);
      case PlanKind::kAggregate:
        return any({As<AggregateNode>(node).inner, As<AggregateNode>(node).parameter});
      case PlanKind::kBinary:
        return any({As<BinaryNode>(node).left, As<BinaryNode>(node).right});
      case PlanKind::kNegate:
        return FirstReference(*As<NegateNode>(node).inner, out);
      case PlanKind::kStepInvariant:
        return FirstReference(*As<StepInvariantNode>(node).inner, out);
      case PlanKind::kNumber:
      case PlanKind::kString:
        return false;
    }
    return false;
  }

  absl::StatusOr<PlanPtr> BuildAggregate(const Aggregate& aggregate, const Timeline& timeline) {
    auto node = std::make_shared<AggregateNode>(aggregate.position, timeline);
    node->op = aggregate.op;
    node->grouping = aggregate.grouping;
    node->without = aggregate.without;
    if (aggregate.parameter) {
      ASSIGN_OR_RETURN(node->parameter, Build(*aggregate.parameter, timeline));
    }
    ASSIGN_OR_RETURN(node->inner, Build(*aggregate.inner, timeline));
    return PlanPtr(std::move(node));
  }

  absl::StatusOr<PlanPtr> BuildBinary(const Binary& binary, const Timeline& timeline) {
    auto node = std::make_shared<BinaryNode>(binary.type, binary.position, timeline);
    node->op = binary.op;
    node->return_bool = binary.return_bool;
    node->matching = binary.matching;
    const bool trim = binary.op == BinaryOp::kTrimUpper || binary.op == BinaryOp::kTrimLower;
    const Deeper buckets(need_buckets_, trim);
    ASSIGN_OR_RETURN(node->left, Build(*binary.left, timeline));
    ASSIGN_OR_RETURN(node->right, Build(*binary.right, timeline));
    return PlanPtr(std::move(node));
  }

  absl::StatusOr<PlanPtr> BuildUnary(const Unary& unary, const Timeline& timeline) {
    ASSIGN_OR_RETURN(PlanPtr inner, Build(*unary.inner, timeline));
    if (!unary.negate) return inner;
    auto node = std::make_shared<NegateNode>(unary.type, unary.position, timeline);
    node->inner = std::move(inner);
    return PlanPtr(std::move(node));
  }

  const InvariantParts invariant_;
  const Timeline query_;
  const PlanOptions options_;
  QueryDurations durations_;
  // How many nodes above want only totals of histograms, or their buckets as well. Subqueries count
  // as the latter: without buckets, resets between their samples could be missed.
  int totals_only_ = 0, need_buckets_ = 0;
};

void Extend(tsdb::TimeRange& extent, const tsdb::TimeRange& more) {
  if (more.empty()) return;
  if (extent.empty()) {
    extent = more;
    return;
  }
  extent.start = std::min(extent.start, more.start);
  extent.end = std::max(extent.end, more.end);
}

void Collect(const PlanNode* node, tsdb::TimeRange& extent) {
  if (node == nullptr) return;
  switch (node->kind) {
    case PlanKind::kNumber:
    case PlanKind::kString:
      return;
    case PlanKind::kSelector:
      Extend(extent, As<SelectorNode>(*node).Extent());
      return;
    case PlanKind::kSubquery:
      Collect(As<SubqueryNode>(*node).inner.get(), extent);
      return;
    case PlanKind::kCall:
      for (const PlanPtr& arg : As<CallNode>(*node).args) Collect(arg.get(), extent);
      return;
    case PlanKind::kInfo: {
      const auto& info = As<InfoNode>(*node);
      Collect(info.inner.get(), extent);
      if (info.timeline.steps() == 0) return;
      Extend(extent, {info.reference.Of(info.timeline.start) - info.lookback + 1,
                      info.reference.Of(info.timeline.last()) + 1});
      return;
    }
    case PlanKind::kAggregate:
      Collect(As<AggregateNode>(*node).inner.get(), extent);
      Collect(As<AggregateNode>(*node).parameter.get(), extent);
      return;
    case PlanKind::kBinary:
      Collect(As<BinaryNode>(*node).left.get(), extent);
      Collect(As<BinaryNode>(*node).right.get(), extent);
      return;
    case PlanKind::kNegate:
      Collect(As<NegateNode>(*node).inner.get(), extent);
      return;
    case PlanKind::kStepInvariant:
      Collect(As<StepInvariantNode>(*node).inner.get(), extent);
      return;
  }
}

}  // namespace

tsdb::TimeRange SelectorNode::Window(TimestampMs step_time) const {
  const TimestampMs t = reference.Of(step_time);
  DurationMs before = type == ValueType::kMatrix ? range : lookback;
  DurationMs after = 0;
  if (mode != RangeMode::kPlain && type == ValueType::kMatrix) before += lookback;
  if (mode == RangeMode::kSmoothed) after = lookback;
  return {t - before + 1, t + after + 1};
}

tsdb::TimeRange SelectorNode::Extent() const {
  if (timeline.steps() == 0) return {0, 0};
  return {Window(timeline.start).start, Window(timeline.last()).end};
}

absl::StatusOr<PlanPtr> BuildPlan(const Expr& expr, const Timeline& timeline, bool is_range_query,
                                  const PlanOptions& options) {
  if (is_range_query && expr.type != ValueType::kVector && expr.type != ValueType::kScalar) {
    const std::string_view type = Describe(expr.type);
    return absl::InvalidArgumentError(
        absl::StrCat("invalid expression type \"", absl::string_view(type.data(), type.size()),
                     "\" for range query, must be Scalar or instant Vector"));
  }
  return Builder(expr, timeline, is_range_query, options).Build(expr, timeline);
}

tsdb::TimeRange DataExtent(const PlanNode& plan) {
  tsdb::TimeRange extent{0, 0};
  Collect(&plan, extent);
  return extent;
}

}  // namespace slowburn::query
