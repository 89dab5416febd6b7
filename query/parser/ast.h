// The syntax tree of PromQL. Built by Parse (parser.h), printed by Print (printer.h), read by the
// planner.
//
// Nodes are plain values that own their children; nothing changes a tree after Parse. Positions are
// byte offsets into the query, half-open. Durations that are written as expressions ([5m + step()])
// keep their tree; the planner evaluates them when range and step are known.
// Threads: immutable after Parse.
#ifndef SLOWBURN_QUERY_PARSER_AST_H_
#define SLOWBURN_QUERY_PARSER_AST_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tsdb/matcher.h"
#include "tsdb/sample.h"

namespace slowburn::query {

enum class ValueType : uint8_t { kNone, kScalar, kVector, kMatrix, kString };
// "scalar", "instant vector", "range vector", "string": as in error texts.
std::string_view Describe(ValueType type);

struct Position {
  size_t begin = 0, end = 0;
};

enum class BinaryOp : uint8_t {
  kAdd, kSub, kMul, kDiv, kMod, kPow, kAtan2,
  kEq, kNe, kLt, kLe, kGt, kGe,
  kTrimUpper, kTrimLower,  // </ and >/
  kAnd, kOr, kUnless,
};
bool IsComparison(BinaryOp op);
bool IsSetOp(BinaryOp op);
std::string_view Symbol(BinaryOp op);

enum class AggregateOp : uint8_t {
  kSum, kAvg, kMin, kMax, kGroup, kCount, kStddev, kStdvar, kCountValues, kQuantile, kTopk, kBottomk, kLimitk,
  kLimitRatio,
};
std::string_view Name(AggregateOp op);

struct Function;  // functions/function_table.h: name, argument types, result type, kernel

enum class NodeKind : uint8_t {
  kNumber, kString, kVectorSelector, kMatrixSelector, kSubquery, kCall, kAggregate, kBinary, kUnary, kParen,
};

struct Expr {
  explicit Expr(NodeKind k) : kind(k) {}
  virtual ~Expr() = default;
  const NodeKind kind;
  ValueType type = ValueType::kNone;  // set by the parser
  // Of the tree below, in nodes; set by the parser, of the root and of binary operators.
  int height = 1;
  Position position;
};
using ExprPtr = std::unique_ptr<Expr>;

// A duration that needs arithmetic. kStep and kRange stand for step() and range() of the query.
struct DurationExpr {
  enum class Op : uint8_t { kNumber, kAdd, kSub, kMul, kDiv, kMod, kPow, kNegate, kPlus, kStep, kRange, kMinOf, kMaxOf, kParen };
  Op op = Op::kNumber;
  double seconds = 0;            // kNumber
  bool written_as_duration = true;  // 5m, rather than 300
  std::unique_ptr<DurationExpr> left, right;  // kNegate, kPlus, kParen: only left
  Position position;
};

// A fixed number of milliseconds, or an expression.
struct DurationValue {
  tsdb::DurationMs ms = 0;               // when expr is null
  std::unique_ptr<DurationExpr> expr;
};

struct AtModifier {
  enum class Kind : uint8_t { kTimestamp, kStart, kEnd } kind = Kind::kTimestamp;
  tsdb::TimestampMs t = 0;  // kTimestamp
};

enum class RangeMode : uint8_t { kPlain, kAnchored, kSmoothed };

struct NumberLiteral final : Expr {
  NumberLiteral() : Expr(NodeKind::kNumber) {}
  double value = 0;
  bool written_as_duration = false;  // 1h30m
};

struct StringLiteral final : Expr {
  StringLiteral() : Expr(NodeKind::kString) {}
  std::string value;
};

struct VectorSelector final : Expr {
  VectorSelector() : Expr(NodeKind::kVectorSelector) {}
  // As written before the braces, or "" ({__name__="x"} and {"x"} have it in matchers only).
  std::string name;
  tsdb::Matchers matchers;    // includes the one for __name__
  DurationValue offset;       // may be negative
  std::optional<AtModifier> at;
  RangeMode mode = RangeMode::kPlain;
};

struct MatrixSelector final : Expr {
  MatrixSelector() : Expr(NodeKind::kMatrixSelector) {}
  std::unique_ptr<VectorSelector> selector;  // carries offset, @ and mode
  DurationValue range;
};

struct Subquery final : Expr {
  Subquery() : Expr(NodeKind::kSubquery) {}
  ExprPtr inner;
  DurationValue range;
  std::optional<DurationValue> step;  // absent: the default
  DurationValue offset;
  std::optional<AtModifier> at;
};

struct Call final : Expr {
  Call() : Expr(NodeKind::kCall) {}
  const Function* function = nullptr;
  std::vector<ExprPtr> args;
};

struct Aggregate final : Expr {
  Aggregate() : Expr(NodeKind::kAggregate) {}
  AggregateOp op = AggregateOp::kSum;
  ExprPtr inner;
  ExprPtr parameter;  // of topk, quantile, count_values, …; else null
  std::vector<std::string> grouping;
  bool without = false;
};

struct VectorMatching {
  enum class Cardinality : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany } cardinality = Cardinality::kOneToOne;
  bool on = false;                     // else: ignoring
  std::vector<std::string> labels;
  std::vector<std::string> include;    // group_left/group_right(…)
  std::optional<double> fill_left, fill_right;
};

struct Binary final : Expr {
  Binary() : Expr(NodeKind::kBinary) {}
  ~Binary() override;  // without recursion into long chains
  BinaryOp op = BinaryOp::kAdd;
  ExprPtr left, right;
  bool return_bool = false;
  std::optional<VectorMatching> matching;  // set when both sides are vectors
  Position op_position;
};

struct Unary final : Expr {
  Unary() : Expr(NodeKind::kUnary) {}
  bool negate = false;  // else: +
  ExprPtr inner;
};

struct Paren final : Expr {
  Paren() : Expr(NodeKind::kParen) {}
  ExprPtr inner;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_AST_H_
