// A binary operator on two points, each a float or a histogram.
#ifndef SLOWBURN_QUERY_EXEC_BINARY_POINT_H_
#define SLOWBURN_QUERY_EXEC_BINARY_POINT_H_

#include "query/annotation_set.h"
#include "query/parser/ast.h"
#include "tsdb/histogram.h"

namespace slowburn::query {

struct BinaryOperand {
  double v = 0;
  const tsdb::Histogram* h = nullptr;  // null: a float
};

enum class BinaryNote : uint8_t {
  kNone,
  kFloatFloat,
  kFloatHistogram,
  kHistogramFloat,
  kHistogramHistogram,  // the operator does not take these types
  kIncompatibleLayout,
  kResetCollisionAdding,
  kResetCollisionSubtracting,
  kBoundsReconciledAdding,
  kBoundsReconciledSubtracting,
};
Annotation ToAnnotation(BinaryNote note, BinaryOp op);

struct BinaryPoint {
  bool valid = true;  // false: no result, the note says why
  bool keep = true;   // false: a comparison that does not hold
  double v = 0;
  tsdb::HistogramPtr h;
  BinaryNote note = BinaryNote::kNone;
};
BinaryPoint CombinePoints(BinaryOp op, BinaryOperand left, BinaryOperand right);

inline bool IsTrim(BinaryOp op) { return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower; }
// The result is no longer what the metric's name says.
inline bool ChangesMeaning(BinaryOp op) { return !IsComparison(op) && !IsSetOp(op) && !IsTrim(op); }

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_BINARY_POINT_H_
