#include "query/promqltest/rewrites.h"

#include "query/functions/function_table.h"
#include "query/parser/deep_walk.h"
#include "query/parser/printer.h"

namespace slowburn::query {
namespace {

bool DependsOnTime(FunctionId id) {
  switch (id) {
    case FunctionId::kDaysInMonth:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kEnd:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kPredictLinear:
    case FunctionId::kRange:
    case FunctionId::kStart:
    case FunctionId::kStep:
    case FunctionId::kTime:
    case FunctionId::kTimestamp:
    case FunctionId::kYear:
      return true;
    default:
      return false;
  }
}

void PinAt(std::optional<AtModifier>& modifier, tsdb::TimestampMs at) {
  if (modifier.has_value() && modifier->kind == AtModifier::Kind::kTimestamp) return;
  modifier = AtModifier{AtModifier::Kind::kTimestamp, at};
}

// False when a function in the tree depends on the evaluation time. What is inside a subquery
// follows the subquery.
bool Pin(Expr& expr, tsdb::TimestampMs at) {
  switch (expr.kind) {
    case NodeKind::kNumber:
    case NodeKind::kString:
      return true;
    case NodeKind::kVectorSelector:
      PinAt(static_cast<VectorSelector&>(expr).at, at);
      return true;
    case NodeKind::kMatrixSelector:
      PinAt(static_cast<MatrixSelector&>(expr).selector->at, at);
      return true;
    case NodeKind::kSubquery:
      PinAt(static_cast<Subquery&>(expr).at, at);
      return true;
    case NodeKind::kUnary:
      return Pin(*static_cast<Unary&>(expr).inner, at);
    case NodeKind::kParen:
      return Pin(*static_cast<Paren&>(expr).inner, at);
    case NodeKind::kBinary: {
      auto& binary = static_cast<Binary&>(expr);
      const bool left = Pin(*binary.left, at);
      return Pin(*binary.right, at) && left;
    }
    case NodeKind::kAggregate: {
      auto& aggregate = static_cast<Aggregate&>(expr);
      const bool parameter = aggregate.parameter == nullptr || Pin(*aggregate.parameter, at);
      return Pin(*aggregate.inner, at) && parameter;
    }
    case NodeKind::kCall: {
      auto& call = static_cast<Call&>(expr);
      bool ok = !DependsOnTime(call.function->id);
      for (const ExprPtr& arg : call.args) ok = Pin(*arg, at) && ok;
      return ok;
    }
  }
  return true;
}

}  // namespace

std::vector<Rewrite> AtRewrites(Expr& expr, tsdb::TimestampMs at) {
  bool possible = false;
  if (!WalkDeep(expr, [&] { possible = Pin(expr, at); }).ok() || !possible) return {};
  const std::string pinned = Print(expr);
  if (at == 0) return {{pinned, -1000}, {pinned, 0}, {pinned, 1000}};
  return {{pinned, -10 * at}, {pinned, 0}, {pinned, at / 5}, {pinned, at}, {pinned, 10 * at}};
}

bool DependsOnRange(std::string_view expr) {
  for (const std::string_view call : {"start()", "end()", "range()", "step()"}) {
    if (expr.find(call) != expr.npos) return true;
  }
  return false;
}

}  // namespace slowburn::query
