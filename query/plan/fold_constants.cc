#include <memory>
#include <numbers>
#include <utility>

#include "query/functions/scalar_arithmetic.h"
#include "query/plan/build.h"

namespace slowburn::query {
namespace {

const NumberNode* AsNumber(const PlanPtr& node) {
  if (!node) return nullptr;
  if (node->kind == PlanKind::kStepInvariant) return AsNumber(As<StepInvariantNode>(*node).inner);
  return node->kind == PlanKind::kNumber ? &As<NumberNode>(*node) : nullptr;
}

PlanPtr Number(const PlanNode& at, double value) {
  return std::make_shared<NumberNode>(at.position, at.timeline, value);
}

PlanPtr FoldBinary(const PlanPtr& plan) {
  const auto& binary = As<BinaryNode>(*plan);
  PlanPtr left = FoldConstants(binary.left), right = FoldConstants(binary.right);
  const NumberNode* a = AsNumber(left);
  const NumberNode* b = AsNumber(right);
  if (binary.type == ValueType::kScalar && a && b) {
    return Number(binary, ScalarOperation(binary.op, a->value, b->value));
  }
  if (left == binary.left && right == binary.right) return plan;
  auto node = std::make_shared<BinaryNode>(binary);
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

PlanPtr FoldCall(const PlanPtr& plan) {
  const auto& call = As<CallNode>(*plan);
  std::vector<PlanPtr> args;
  bool changed = false;
  for (const PlanPtr& arg : call.args) {
    args.push_back(FoldConstants(arg));
    changed |= args.back() != arg;
  }
  const FunctionId id = call.function->id;
  if (id == FunctionId::kPi) return Number(call, std::numbers::pi);
  if (id == FunctionId::kMinOf || id == FunctionId::kMaxOf) {
    const NumberNode* a = AsNumber(args[0]);
    const NumberNode* b = AsNumber(args[1]);
    if (a && b) {
      return Number(
          call, id == FunctionId::kMinOf ? GoMin(a->value, b->value) : GoMax(a->value, b->value));
    }
  }
  if (!changed) return plan;
  auto node = std::make_shared<CallNode>(call);
  node->args = std::move(args);
  return node;
}

// A copy of `plan` with `inner` below it, or `plan` itself if that is what stood there.
template <typename Node>
PlanPtr WithInner(const PlanPtr& plan) {
  const auto& old = As<Node>(*plan);
  PlanPtr inner = FoldConstants(old.inner);
  if (inner == old.inner) return plan;
  auto node = std::make_shared<Node>(old);
  node->inner = std::move(inner);
  return node;
}

PlanPtr FoldAggregate(const PlanPtr& plan) {
  const auto& old = As<AggregateNode>(*plan);
  auto node = std::make_shared<AggregateNode>(old);
  node->inner = FoldConstants(old.inner);
  if (old.parameter) node->parameter = FoldConstants(old.parameter);
  return node->inner == old.inner && node->parameter == old.parameter ? plan : PlanPtr(node);
}

}  // namespace

PlanPtr FoldConstants(PlanPtr plan) {
  switch (plan->kind) {
    case PlanKind::kNumber:
    case PlanKind::kString:
    case PlanKind::kSelector:
      return plan;
    case PlanKind::kSubquery:
      return WithInner<SubqueryNode>(plan);
    case PlanKind::kCall:
      return FoldCall(plan);
    case PlanKind::kInfo:
      return WithInner<InfoNode>(plan);
    case PlanKind::kAggregate:
      return FoldAggregate(plan);
    case PlanKind::kBinary:
      return FoldBinary(plan);
    case PlanKind::kNegate: {
      PlanPtr folded = WithInner<NegateNode>(plan);
      const NumberNode* number = AsNumber(As<NegateNode>(*folded).inner);
      return number ? Number(*folded, -number->value) : folded;
    }
    case PlanKind::kStepInvariant: {
      PlanPtr folded = WithInner<StepInvariantNode>(plan);
      const NumberNode* number = AsNumber(As<StepInvariantNode>(*folded).inner);
      return number ? Number(*folded, number->value) : folded;
    }
  }
  return plan;
}

}  // namespace slowburn::query
