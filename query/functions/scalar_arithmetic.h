// Arithmetic and comparison of two numbers.
#ifndef SLOWBURN_QUERY_FUNCTIONS_SCALAR_ARITHMETIC_H_
#define SLOWBURN_QUERY_FUNCTIONS_SCALAR_ARITHMETIC_H_

#include <cmath>

#include "query/parser/ast.h"

namespace slowburn::query {

// Go's math.Min and math.Max: NaN wins, unless the other is the infinity that decides; -0 is less
// than 0.
inline double GoMin(double a, double b) {
  if (std::isinf(a) && a < 0) return a;
  if (std::isinf(b) && b < 0) return b;
  if (std::isnan(a)) return a;
  if (std::isnan(b)) return b;
  if (a == 0 && b == 0) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
inline double GoMax(double a, double b) {
  if (std::isinf(a) && a > 0) return a;
  if (std::isinf(b) && b > 0) return b;
  if (std::isnan(a)) return a;
  if (std::isnan(b)) return b;
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

// The value of an arithmetic operator.
inline double Calculate(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a - b;
    case BinaryOp::kMul:
      return a * b;
    case BinaryOp::kDiv:
      return a / b;
    case BinaryOp::kMod:
      return std::fmod(a, b);
    case BinaryOp::kPow:
      return std::pow(a, b);
    case BinaryOp::kAtan2:
      return std::atan2(a, b);
    default:
      return a;
  }
}

// Whether a comparison holds. Arithmetic always does.
inline bool Holds(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kEq:
      return a == b;
    case BinaryOp::kNe:
      return a != b;
    case BinaryOp::kLt:
      return a < b;
    case BinaryOp::kLe:
      return a <= b;
    case BinaryOp::kGt:
      return a > b;
    case BinaryOp::kGe:
      return a >= b;
    default:
      return true;
  }
}

// Of two scalars: comparisons give 0 or 1.
inline double ScalarOperation(BinaryOp op, double a, double b) {
  return IsComparison(op) ? double(Holds(op, a, b)) : Calculate(op, a, b);
}

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_FUNCTIONS_SCALAR_ARITHMETIC_H_
