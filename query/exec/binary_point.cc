#include "query/exec/binary_point.h"

#include <memory>
#include <utility>

#include "query/functions/scalar_arithmetic.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/trim.h"

namespace slowburn::query {
namespace {

using tsdb::Histogram;

BinaryPoint Invalid(BinaryNote note) {
  BinaryPoint p;
  p.valid = false;
  p.note = note;
  return p;
}

BinaryPoint OfHistogram(Histogram h) {
  BinaryPoint p;
  p.h = std::make_shared<const Histogram>(std::move(h));
  return p;
}

BinaryPoint TwoFloats(BinaryOp op, double a, double b) {
  if (IsTrim(op)) return Invalid(BinaryNote::kFloatFloat);
  BinaryPoint p;
  p.keep = Holds(op, a, b);
  p.v = Calculate(op, a, b);
  return p;
}

BinaryPoint HistogramAndFloat(BinaryOp op, const Histogram& h, double v) {
  Histogram out = h;
  switch (op) {
    case BinaryOp::kMul:
      Multiply(out, v);
      Compact(out);
      break;
    case BinaryOp::kDiv:
      Divide(out, v);
      Compact(out);
      break;
    case BinaryOp::kTrimUpper:
      TrimBuckets(out, v, Trim::kUpper);
      break;
    case BinaryOp::kTrimLower:
      TrimBuckets(out, v, Trim::kLower);
      break;
    default:
      return Invalid(BinaryNote::kHistogramFloat);
  }
  return OfHistogram(std::move(out));
}

BinaryPoint AddOrSubtract(BinaryOp op, const Histogram& a, const Histogram& b) {
  const bool add = op == BinaryOp::kAdd;
  Histogram out = a;
  const CombineResult result = add ? Add(out, b) : Subtract(out, b);
  if (!result.compatible) return Invalid(BinaryNote::kIncompatibleLayout);
  if (!add) out.reset_hint = Histogram::ResetHint::kGauge;
  Compact(out);
  BinaryPoint p = OfHistogram(std::move(out));
  if (result.bounds_reconciled) {
    p.note = add ? BinaryNote::kBoundsReconciledAdding : BinaryNote::kBoundsReconciledSubtracting;
  }
  if (result.counter_reset_collision) {
    // As in Prometheus, the warning takes the place of the result.
    return Invalid(add ? BinaryNote::kResetCollisionAdding
                       : BinaryNote::kResetCollisionSubtracting);
  }
  return p;
}

BinaryPoint TwoHistograms(BinaryOp op, const Histogram& a, const Histogram& b) {
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return AddOrSubtract(op, a, b);
    case BinaryOp::kEq:
    case BinaryOp::kNe: {
      BinaryPoint p = OfHistogram(a);
      p.keep = SameData(a, b) == (op == BinaryOp::kEq);
      return p;
    }
    default:
      return Invalid(BinaryNote::kHistogramHistogram);
  }
}

}  // namespace

Annotation ToAnnotation(BinaryNote note, BinaryOp op) {
  switch (note) {
    case BinaryNote::kFloatFloat:
      return IncompatibleTypes(Symbol(op), "float", "float");
    case BinaryNote::kFloatHistogram:
      return IncompatibleTypes(Symbol(op), "float", "histogram");
    case BinaryNote::kHistogramFloat:
      return IncompatibleTypes(Symbol(op), "histogram", "float");
    case BinaryNote::kHistogramHistogram:
      return IncompatibleTypes(Symbol(op), "histogram", "histogram");
    case BinaryNote::kResetCollisionAdding:
      return CounterResetCollision(HistogramOperation::kAddition);
    case BinaryNote::kResetCollisionSubtracting:
      return CounterResetCollision(HistogramOperation::kSubtraction);
    case BinaryNote::kBoundsReconciledAdding:
      return MismatchedCustomBuckets(HistogramOperation::kAddition);
    case BinaryNote::kBoundsReconciledSubtracting:
      return MismatchedCustomBuckets(HistogramOperation::kSubtraction);
    case BinaryNote::kIncompatibleLayout:
    case BinaryNote::kNone:
      break;
  }
  return IncompatibleBucketLayout(Symbol(op));
}

BinaryPoint CombinePoints(BinaryOp op, BinaryOperand left, BinaryOperand right) {
  if (left.h && right.h) return TwoHistograms(op, *left.h, *right.h);
  if (left.h) return HistogramAndFloat(op, *left.h, right.v);
  if (!right.h) return TwoFloats(op, left.v, right.v);
  if (op != BinaryOp::kMul) return Invalid(BinaryNote::kFloatHistogram);
  return HistogramAndFloat(op, *right.h, left.v);
}

}  // namespace slowburn::query
