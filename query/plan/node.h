// The plan: what a query means, with all times absolute. Built from the syntax tree, rewritten by
// passes, read by the builder of operators. Nodes are immutable and may be shared.
//
// @, offset, lookback, duration expressions, start() and end() are resolved here and nowhere else.
// A part that does not change from step to step stands below a StepInvariantNode and is evaluated
// once.
#ifndef SLOWBURN_QUERY_PLAN_NODE_H_
#define SLOWBURN_QUERY_PLAN_NODE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/functions/function_table.h"
#include "query/parser/ast.h"
#include "query/plan/timeline.h"
#include "tsdb/matcher.h"

namespace slowburn::query {

enum class PlanKind : uint8_t {
  kNumber,
  kString,
  kSelector,
  kSubquery,
  kCall,
  kInfo,
  kAggregate,
  kBinary,
  kNegate,
  kStepInvariant,
};

struct PlanNode {
  PlanNode(PlanKind k, ValueType t, Position p, const Timeline& tl)
      : kind(k), type(t), position(p), timeline(tl) {}
  virtual ~PlanNode() = default;
  const PlanKind kind;
  const ValueType type;
  const Position position;  // in the query, for annotations
  const Timeline timeline;
};
using PlanPtr = std::shared_ptr<const PlanNode>;

struct NumberNode final : PlanNode {
  NumberNode(Position p, const Timeline& tl, double v)
      : PlanNode(PlanKind::kNumber, ValueType::kScalar, p, tl), value(v) {}
  double value;
};

struct StringNode final : PlanNode {
  StringNode(Position p, const Timeline& tl, std::string v)
      : PlanNode(PlanKind::kString, ValueType::kString, p, tl), value(std::move(v)) {}
  std::string value;
};

// An instant vector (range == 0: the newest sample within lookback) or a range vector.
struct SelectorNode final : PlanNode {
  SelectorNode(ValueType t, Position p, const Timeline& tl)
      : PlanNode(PlanKind::kSelector, t, p, tl) {}
  tsdb::Matchers matchers;
  Reference reference;
  DurationMs range = 0;
  DurationMs lookback = 0;
  RangeMode mode = RangeMode::kPlain;
  // Of histograms only count and sum will be looked at, so the buckets need not be carried along.
  bool histogram_totals_only = false;

  // The samples that the step at `step_time` may look at. Prometheus' (t - d, t] is [t - d + 1, t +
  // 1).
  tsdb::TimeRange Window(TimestampMs step_time) const;
  // Those of all steps.
  tsdb::TimeRange Extent() const;
};

// A range vector whose samples are the values of an expression on a grid of its own
// (inner->timeline).
struct SubqueryNode final : PlanNode {
  SubqueryNode(Position p, const Timeline& tl)
      : PlanNode(PlanKind::kSubquery, ValueType::kMatrix, p, tl) {}
  PlanPtr inner;
  Reference reference;
  DurationMs range = 0;
};

struct CallNode final : PlanNode {
  CallNode(const Function& f, Position p, const Timeline& tl)
      : PlanNode(PlanKind::kCall, f.return_type, p, tl), function(&f) {}
  const Function* function;
  std::vector<PlanPtr> args;
};

// info(inner, {…}): labels of info series joined to the series of `inner`.
struct InfoNode final : PlanNode {
  InfoNode(Position p, const Timeline& tl) : PlanNode(PlanKind::kInfo, ValueType::kVector, p, tl) {}
  PlanPtr inner;
  tsdb::Matchers matchers;  // of the second argument
  bool has_selector = false;
  Reference reference;  // of the first selector in `inner`: info series are looked up as of then
  DurationMs lookback = 0;
};

struct AggregateNode final : PlanNode {
  AggregateNode(Position p, const Timeline& tl)
      : PlanNode(PlanKind::kAggregate, ValueType::kVector, p, tl) {}
  AggregateOp op = AggregateOp::kSum;
  PlanPtr inner;
  PlanPtr parameter;  // null if the operator has none
  std::vector<std::string> grouping;
  bool without = false;
};

struct BinaryNode final : PlanNode {
  BinaryNode(ValueType t, Position p, const Timeline& tl) : PlanNode(PlanKind::kBinary, t, p, tl) {}
  BinaryOp op = BinaryOp::kAdd;
  PlanPtr left, right;
  bool return_bool = false;
  std::optional<VectorMatching> matching;  // of two vectors
};

struct NegateNode final : PlanNode {
  NegateNode(ValueType t, Position p, const Timeline& tl) : PlanNode(PlanKind::kNegate, t, p, tl) {}
  PlanPtr inner;
};

// The value that `inner` has at the first step, at every step.
struct StepInvariantNode final : PlanNode {
  StepInvariantNode(PlanPtr node, const Timeline& tl)
      : PlanNode(PlanKind::kStepInvariant, node->type, node->position, tl),
        inner(std::move(node)) {}
  PlanPtr inner;
};

// REQUIRES: node.kind is that of T.
template <typename T>
const T& As(const PlanNode& node) {
  return static_cast<const T&>(node);
}

// What it does, in a few words, and what it works on, in the order of evaluation.
std::string DescribeNode(const PlanNode& node);
std::vector<const PlanNode*> ChildrenOf(const PlanNode& node);

// One node a line, children indented: for golden tests.
std::string PrintPlan(const PlanNode& node);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PLAN_NODE_H_
