#include "query/plan/durations.h"

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "query/functions/scalar_arithmetic.h"

namespace slowburn::query {
namespace {

// Prometheus keeps durations in nanoseconds.
constexpr double kMaxSeconds = 9223372036.854775807;

absl::Status ErrorAt(const DurationExpr& e, const char* what) {
  return absl::InvalidArgumentError(
      absl::StrCat(e.position.begin, ":", e.position.end, ": ", what));
}

absl::StatusOr<double> Evaluate(const DurationExpr& e, const QueryDurations& query) {
  using Op = DurationExpr::Op;
  double left = 0, right = 0;
  if (e.left) {
    ASSIGN_OR_RETURN(left, Evaluate(*e.left, query));
  }
  if (e.right) {
    ASSIGN_OR_RETURN(right, Evaluate(*e.right, query));
  }
  switch (e.op) {
    case Op::kNumber:
      return e.seconds;
    case Op::kAdd:
      return left + right;
    case Op::kSub:
      return left - right;
    case Op::kMul:
      return left * right;
    case Op::kDiv:
      if (right == 0) return ErrorAt(e, "division by zero");
      return left / right;
    case Op::kMod:
      if (right == 0) return ErrorAt(e, "modulo by zero");
      return std::fmod(left, right);
    case Op::kPow:
      return std::pow(left, right);
    case Op::kNegate:
      return -left;
    case Op::kPlus:
    case Op::kParen:
      return left;
    case Op::kStep:
      return query.step_seconds;
    case Op::kRange:
      return query.range_seconds;
    case Op::kMinOf:
      return GoMin(left, right);
    case Op::kMaxOf:
      return GoMax(left, right);
  }
  return ErrorAt(e, "unexpected duration expression");
}

}  // namespace

absl::StatusOr<tsdb::DurationMs> EvaluateDuration(const DurationValue& value,
                                                  const QueryDurations& query, DurationSign sign) {
  if (!value.expr) return value.ms;
  const DurationExpr& e = *value.expr;
  ASSIGN_OR_RETURN(const double seconds, Evaluate(e, query));
  if (std::isnan(seconds) || std::isinf(seconds)) return ErrorAt(e, "duration is NaN or infinite");
  if (seconds <= 0 && sign == DurationSign::kPositive) {
    return ErrorAt(e, "duration must be greater than 0");
  }
  if (std::fabs(seconds) > kMaxSeconds) return ErrorAt(e, "duration is out of range");
  return tsdb::DurationMs(seconds * 1000);
}

}  // namespace slowburn::query
