#include "query/exec/build_operators.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "query/exec/absent.h"
#include "query/exec/aggregate.h"
#include "query/exec/binary.h"
#include "query/exec/binary_point.h"
#include "query/exec/histogram_function.h"
#include "query/exec/info.h"
#include "query/exec/label_function.h"
#include "query/exec/merge.h"
#include "query/exec/per_series.h"
#include "query/exec/range_function.h"
#include "query/exec/scalar.h"
#include "query/exec/selector.h"
#include "query/exec/sort.h"

namespace slowburn::query {
namespace {

// Dropping names can make label sets equal. With delayed removal that is sorted out at the end of
// the query.
OperatorPtr AfterDroppingNames(QueryContext& ctx, OperatorPtr op) {
  if (ctx.options.delayed_name_removal) return op;
  return NewMerge(ctx, std::move(op), OnEqualLabels::kMerge);
}

absl::Status CheckModifier(const CallNode& call, RangeMode mode) {
  if (mode == RangeMode::kPlain) return absl::OkStatus();
  const bool smoothed = mode == RangeMode::kSmoothed;
  const RangeFunction* f = FindRangeFunction(call.function->id);
  if (f != nullptr && (smoothed ? f->smoothed : f->anchored)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(smoothed ? "smoothed modifier can only be used with: delta, increase, rate"
                            : "anchored modifier can only be used with: changes, delta, increase, "
                              "rate, resets",
                   " - not with ", std::string(call.function->name)));
}

// Shows in the profile what a range vector takes. Its samples are counted by the function above it,
// which knows the windows.
class ProfiledSource final : public SampleSource {
 public:
  ProfiledSource(QueryContext& ctx, NodeProfile& profile, std::unique_ptr<SampleSource> source)
      : ctx_(ctx), profile_(profile), source_(std::move(source)) {}

  absl::Status Open() override {
    const ProfileScope scope(ctx_, &profile_);
    RETURN_IF_ERROR(source_->Open());
    profile_.series += int64_t(source_->series().size());
    return absl::OkStatus();
  }
  std::span<const tsdb::Labels> series() const override { return source_->series(); }
  bool series_are_unique() const override { return source_->series_are_unique(); }
  absl::Status Load(size_t i, WorkMeter& meter, MemoryHold& held, SampleBuffer& out) override {
    const ProfileScope scope(ctx_, &profile_);
    RETURN_IF_ERROR(source_->Load(i, meter, held, out));
    const size_t samples = out.count();
    profile_.points += int64_t(samples);
    profile_.samples += int64_t(samples);
    return absl::OkStatus();
  }
  void Release() override { source_->Release(); }

 private:
  QueryContext& ctx_;
  NodeProfile& profile_;
  const std::unique_ptr<SampleSource> source_;
};

std::unique_ptr<SampleSource> Profiled(QueryContext& ctx, const PlanNode& node,
                                       std::unique_ptr<SampleSource> source) {
  if (ctx.profile == nullptr) return source;
  return std::make_unique<ProfiledSource>(ctx, ctx.profile->Of(node), std::move(source));
}

absl::StatusOr<RangeInput> BuildRangeInput(QueryContext& ctx, const CallNode& call,
                                           const PlanNode& arg) {
  RangeInput input;
  if (arg.kind == PlanKind::kSubquery) {
    const auto& subquery = As<SubqueryNode>(arg);
    ASSIGN_OR_RETURN(OperatorPtr inner, BuildOperators(ctx, *subquery.inner));
    input.reference = subquery.reference;
    input.range = subquery.range;
    input.from_subquery = true;
    input.source = Profiled(ctx, arg, NewSubquerySource(ctx, subquery, std::move(inner)));
    return input;
  }
  const auto& selector = As<SelectorNode>(arg);
  RETURN_IF_ERROR(CheckModifier(call, selector.mode));
  const RangeFunction* f = FindRangeFunction(call.function->id);
  const bool with_starts =
      ctx.options.use_start_timestamps && f != nullptr && f->uses_start_timestamps;
  input.reference = selector.reference;
  input.range = selector.range;
  input.lookback = selector.lookback;
  input.mode = selector.mode;
  input.matchers = selector.matchers;
  // absent_over_time has no kernel: it needs to know only whether there is anything.
  const StandIns stand_ins = f != nullptr ? f->stand_ins : StandIns::kEnds;
  input.source = Profiled(ctx, arg, NewStorageSource(ctx, selector, with_starts, stand_ins));
  return input;
}

// The arguments of a call by type; strings are read from the plan.
struct Arguments {
  const PlanNode* range = nullptr;
  OperatorPtr vector;
  std::vector<OperatorPtr> scalars;
};

absl::StatusOr<Arguments> BuildArguments(QueryContext& ctx, const CallNode& call) {
  Arguments out;
  for (const PlanPtr& arg : call.args) {
    switch (arg->type) {
      case ValueType::kMatrix:
        out.range = arg.get();
        break;
      case ValueType::kVector: {
        ASSIGN_OR_RETURN(out.vector, BuildOperators(ctx, *arg));
        break;
      }
      case ValueType::kScalar: {
        ASSIGN_OR_RETURN(OperatorPtr scalar, BuildOperators(ctx, *arg));
        out.scalars.push_back(std::move(scalar));
        break;
      }
      default:
        break;
    }
  }
  return out;
}

absl::StatusOr<OperatorPtr> BuildRangeCall(QueryContext& ctx, const CallNode& call,
                                           Arguments args) {
  ASSIGN_OR_RETURN(RangeInput input, BuildRangeInput(ctx, call, *args.range));
  if (call.function->id == FunctionId::kAbsentOverTime) {
    return NewAbsentOverTime(ctx, call, std::move(input));
  }
  OperatorPtr op = NewRangeFunction(ctx, call, std::move(input), std::move(args.scalars));
  if (ctx.options.delayed_name_removal) return op;
  return NewMerge(ctx, std::move(op), OnEqualLabels::kError);
}

// timestamp(x) and start_timestamp(x) of a plain selector: of the samples, not of the step.
OperatorPtr BuildTimestampOfSelector(QueryContext& ctx, const CallNode& call) {
  const FunctionId id = call.function->id;
  if (call.args[0]->kind != PlanKind::kSelector) return nullptr;
  const auto& selector = As<SelectorNode>(*call.args[0]);
  if (id == FunctionId::kTimestamp)
    return NewInstantSelector(ctx, selector, SampleField::kTimestamp);
  if (id != FunctionId::kStartTimestamp || !ctx.options.use_start_timestamps) return nullptr;
  return NewInstantSelector(ctx, selector, SampleField::kStartTimestamp);
}

absl::StatusOr<OperatorPtr> BuildCall(QueryContext& ctx, const CallNode& call) {
  const FunctionId id = call.function->id;
  if (id == FunctionId::kTime) return NewTime(ctx, call.timeline, nullptr);
  if (call.args.empty()) {
    if (const FloatFunction f = FindTimeFunction(id)) return NewTime(ctx, call.timeline, f);
  } else if (OperatorPtr op = BuildTimestampOfSelector(ctx, call)) {
    return AfterDroppingNames(ctx, std::move(op));
  }
  ASSIGN_OR_RETURN(Arguments args, BuildArguments(ctx, call));
  if (args.range != nullptr) return BuildRangeCall(ctx, call, std::move(args));
  switch (id) {
    case FunctionId::kVector:
      return std::move(args.scalars[0]);
    case FunctionId::kScalar:
      return NewScalarOf(ctx, std::move(args.vector));
    case FunctionId::kMinOf:
    case FunctionId::kMaxOf:
      return NewExtremeOf(ctx, id, std::move(args.scalars[0]), std::move(args.scalars[1]));
    case FunctionId::kAbsent:
      return NewAbsent(ctx, call, std::move(args.vector));
    case FunctionId::kSort:
    case FunctionId::kSortDesc:
    case FunctionId::kSortByLabel:
    case FunctionId::kSortByLabelDesc:
      return NewSort(ctx, call, std::move(args.vector));
    case FunctionId::kLabelReplace:
      return NewMerge(ctx, NewLabelReplace(ctx, call, std::move(args.vector)),
                      OnEqualLabels::kMerge);
    case FunctionId::kLabelJoin:
      return NewMerge(ctx, NewLabelJoin(ctx, call, std::move(args.vector)), OnEqualLabels::kMerge);
    case FunctionId::kHistogramQuantile:
    case FunctionId::kHistogramQuantiles:
    case FunctionId::kHistogramFraction:
      return NewHistogramFunction(ctx, call, std::move(args.vector), std::move(args.scalars));
    default:
      break;
  }
  OperatorPtr op = NewVectorFunction(ctx, call, std::move(args.vector), std::move(args.scalars));
  if (op) return AfterDroppingNames(ctx, std::move(op));
  return absl::InternalError(
      absl::StrCat("BUG: no operator for function ", std::string(call.function->name)));
}

absl::StatusOr<OperatorPtr> BuildAggregate(QueryContext& ctx, const AggregateNode& node) {
  ASSIGN_OR_RETURN(OperatorPtr inner, BuildOperators(ctx, *node.inner));
  switch (node.op) {
    case AggregateOp::kCountValues:
      return NewCountValues(ctx, node, std::move(inner));
    case AggregateOp::kQuantile: {
      ASSIGN_OR_RETURN(OperatorPtr parameter, BuildOperators(ctx, *node.parameter));
      return NewQuantileAggregate(ctx, node, std::move(inner), std::move(parameter));
    }
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio: {
      ASSIGN_OR_RETURN(OperatorPtr parameter, BuildOperators(ctx, *node.parameter));
      return NewSelectingAggregate(ctx, node, std::move(inner), std::move(parameter));
    }
    default:
      return NewStreamingAggregate(ctx, node, std::move(inner));
  }
}

absl::StatusOr<OperatorPtr> BuildBinary(QueryContext& ctx, const BinaryNode& node) {
  ASSIGN_OR_RETURN(OperatorPtr left, BuildOperators(ctx, *node.left));
  ASSIGN_OR_RETURN(OperatorPtr right, BuildOperators(ctx, *node.right));
  const bool left_scalar = node.left->type == ValueType::kScalar;
  const bool right_scalar = node.right->type == ValueType::kScalar;
  if (left_scalar && right_scalar) {
    return NewScalarBinary(ctx, node.op, std::move(left), std::move(right));
  }
  if (left_scalar) {
    return AfterDroppingNames(ctx, NewVectorScalarBinary(ctx, node, std::move(right),
                                                         std::move(left), ScalarSide::kLeft));
  }
  if (right_scalar) {
    return AfterDroppingNames(ctx, NewVectorScalarBinary(ctx, node, std::move(left),
                                                         std::move(right), ScalarSide::kRight));
  }
  if (IsSetOp(node.op)) return NewSetOperation(ctx, node, std::move(left), std::move(right));
  return NewVectorBinary(ctx, node, std::move(left), std::move(right));
}

absl::StatusOr<OperatorPtr> BuildNode(QueryContext& ctx, const PlanNode& node) {
  switch (node.kind) {
    case PlanKind::kNumber:
      return NewNumber(ctx, node.timeline, As<NumberNode>(node).value);
    case PlanKind::kSelector: {
      const auto& selector = As<SelectorNode>(node);
      if (selector.mode == RangeMode::kSmoothed) return NewSmoothedSelector(ctx, selector);
      return NewInstantSelector(ctx, selector, SampleField::kValue);
    }
    case PlanKind::kCall:
      return BuildCall(ctx, As<CallNode>(node));
    case PlanKind::kInfo: {
      const auto& info = As<InfoNode>(node);
      ASSIGN_OR_RETURN(OperatorPtr inner, BuildOperators(ctx, *info.inner));
      return NewInfo(ctx, info, std::move(inner));
    }
    case PlanKind::kAggregate:
      return BuildAggregate(ctx, As<AggregateNode>(node));
    case PlanKind::kBinary:
      return BuildBinary(ctx, As<BinaryNode>(node));
    case PlanKind::kNegate: {
      ASSIGN_OR_RETURN(OperatorPtr inner, BuildOperators(ctx, *As<NegateNode>(node).inner));
      return AfterDroppingNames(ctx, NewNegate(ctx, std::move(inner)));
    }
    case PlanKind::kStepInvariant: {
      ASSIGN_OR_RETURN(OperatorPtr once, BuildOperators(ctx, *As<StepInvariantNode>(node).inner));
      return NewStepInvariant(ctx, node.timeline, std::move(once));
    }
    case PlanKind::kString:
    case PlanKind::kSubquery:
      break;
  }
  return absl::InternalError("BUG: a string or a subquery stands where a vector is wanted");
}

}  // namespace

absl::StatusOr<OperatorPtr> BuildOperators(QueryContext& ctx, const PlanNode& node) {
  absl::StatusOr<OperatorPtr> op = BuildNode(ctx, node);
  if (op.ok() && ctx.profile != nullptr) (*op)->set_profile(&ctx.profile->Of(node));
  return op;
}

}  // namespace slowburn::query
