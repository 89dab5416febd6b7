#include "query/plan/invariance.h"

#include "query/functions/function_table.h"

namespace slowburn::query {
namespace {

// Their results depend on the time of evaluation even if their arguments do not.
bool DependsOnTime(FunctionId id) {
  switch (id) {
    case FunctionId::kDaysInMonth:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kPredictLinear:
    case FunctionId::kTime:
    case FunctionId::kTimestamp:
      return true;
    default:
      return false;
  }
}

const Expr& WithoutParens(const Expr& e) {
  const Expr* at = &e;
  while (at->kind == NodeKind::kParen) at = static_cast<const Paren&>(*at).inner.get();
  return *at;
}

}  // namespace

bool InvariantParts::VisitCall(const Call& call) {
  bool args = true;
  for (const ExprPtr& arg : call.args) args = Visit(*arg) && args;
  if (!args) return false;
  // The timestamp of a selected sample is as fixed as the sample; that of a computed one is the
  // step's.
  if (call.function->id == FunctionId::kTimestamp) {
    return WithoutParens(*call.args[0]).kind == NodeKind::kVectorSelector;
  }
  return !DependsOnTime(call.function->id);
}

bool InvariantParts::Visit(const Expr& e) {
  bool invariant = false;
  switch (e.kind) {
    case NodeKind::kNumber:
    case NodeKind::kString:
      invariant = true;
      break;
    case NodeKind::kVectorSelector:
      invariant = static_cast<const VectorSelector&>(e).at.has_value();
      break;
    case NodeKind::kMatrixSelector:
      invariant = static_cast<const MatrixSelector&>(e).selector->at.has_value();
      break;
    case NodeKind::kSubquery: {
      const auto& subquery = static_cast<const Subquery&>(e);
      Visit(*subquery.inner);
      invariant = subquery.at.has_value();
      break;
    }
    case NodeKind::kCall:
      invariant = VisitCall(static_cast<const Call&>(e));
      break;
    case NodeKind::kAggregate: {
      const auto& aggregate = static_cast<const Aggregate&>(e);
      invariant = Visit(*aggregate.inner);
      if (aggregate.parameter) invariant = Visit(*aggregate.parameter) && invariant;
      break;
    }
    case NodeKind::kBinary: {
      const auto& binary = static_cast<const Binary&>(e);
      const bool left = Visit(*binary.left);
      invariant = Visit(*binary.right) && left;
      break;
    }
    case NodeKind::kUnary:
      invariant = Visit(*static_cast<const Unary&>(e).inner);
      break;
    case NodeKind::kParen:
      invariant = Visit(*static_cast<const Paren&>(e).inner);
      break;
  }
  if (invariant) parts_.insert(&e);
  return invariant;
}

}  // namespace slowburn::query
