#include <string>
#include <utility>
#include <vector>

#include "base/number.h"
#include "query/plan/node.h"

namespace slowburn::query {
namespace {

std::string Ms(int64_t ms) { return std::to_string(ms); }

std::string Describe(const Timeline& t) {
  if (!t.is_range()) return " @" + Ms(t.start);
  return " @" + Ms(t.start) + ".." + Ms(t.end) + "/" + Ms(t.step);
}

std::string Describe(const Reference& r) {
  std::string out;
  if (r.at) out += " at=" + Ms(*r.at);
  if (r.offset != 0) out += " offset=" + Ms(r.offset);
  return out;
}

std::string Join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string DescribeSelector(const SelectorNode& s) {
  std::string out = s.type == ValueType::kMatrix ? "range {" : "instant {";
  bool first = true;
  for (const tsdb::Matcher& m : s.matchers) {
    out += (first ? "" : ", ") + m.ToString();
    first = false;
  }
  out += "}";
  if (s.type == ValueType::kMatrix) out += " range=" + Ms(s.range);
  if (s.type != ValueType::kMatrix || s.mode != RangeMode::kPlain) {
    out += " lookback=" + Ms(s.lookback);
  }
  if (s.mode == RangeMode::kAnchored) out += " anchored";
  if (s.mode == RangeMode::kSmoothed) out += " smoothed";
  if (s.histogram_totals_only) out += " totals";
  return out + Describe(s.reference);
}

std::string DescribeMatching(const VectorMatching& m) {
  using Cardinality = VectorMatching::Cardinality;
  std::string out;
  if (m.on || !m.labels.empty()) out += (m.on ? " on (" : " ignoring (") + Join(m.labels) + ")";
  if (m.cardinality == Cardinality::kManyToOne) out += " group_left (" + Join(m.include) + ")";
  if (m.cardinality == Cardinality::kOneToMany) out += " group_right (" + Join(m.include) + ")";
  return out;
}

}  // namespace

std::string DescribeNode(const PlanNode& node) {
  switch (node.kind) {
    case PlanKind::kNumber:
      return "number " + base::FormatFloat(As<NumberNode>(node).value);
    case PlanKind::kString:
      return "string \"" + As<StringNode>(node).value + "\"";
    case PlanKind::kSelector:
      return DescribeSelector(As<SelectorNode>(node));
    case PlanKind::kSubquery: {
      const auto& s = As<SubqueryNode>(node);
      return "subquery range=" + Ms(s.range) + Describe(s.reference);
    }
    case PlanKind::kCall:
      return "call " + std::string(As<CallNode>(node).function->name);
    case PlanKind::kInfo:
      return "info" + Describe(As<InfoNode>(node).reference);
    case PlanKind::kAggregate: {
      const auto& a = As<AggregateNode>(node);
      return "aggregate " + std::string(Name(a.op)) + (a.without ? " without (" : " by (") +
             Join(a.grouping) + ")";
    }
    case PlanKind::kBinary: {
      const auto& b = As<BinaryNode>(node);
      return "binary " + std::string(Symbol(b.op)) + (b.return_bool ? " bool" : "") +
             (b.matching ? DescribeMatching(*b.matching) : "");
    }
    case PlanKind::kNegate:
      return "negate";
    case PlanKind::kStepInvariant:
      return "once";
  }
  return "";
}

std::vector<const PlanNode*> ChildrenOf(const PlanNode& node) {
  switch (node.kind) {
    case PlanKind::kNumber:
    case PlanKind::kString:
    case PlanKind::kSelector:
      return {};
    case PlanKind::kSubquery:
      return {As<SubqueryNode>(node).inner.get()};
    case PlanKind::kCall: {
      std::vector<const PlanNode*> args;
      for (const PlanPtr& arg : As<CallNode>(node).args) args.push_back(arg.get());
      return args;
    }
    case PlanKind::kInfo:
      return {As<InfoNode>(node).inner.get()};
    case PlanKind::kAggregate: {
      const auto& a = As<AggregateNode>(node);
      if (!a.parameter) return {a.inner.get()};
      return {a.parameter.get(), a.inner.get()};
    }
    case PlanKind::kBinary:
      return {As<BinaryNode>(node).left.get(), As<BinaryNode>(node).right.get()};
    case PlanKind::kNegate:
      return {As<NegateNode>(node).inner.get()};
    case PlanKind::kStepInvariant:
      return {As<StepInvariantNode>(node).inner.get()};
  }
  return {};
}

std::string PrintPlan(const PlanNode& root) {
  std::string out;
  std::vector<std::pair<const PlanNode*, size_t>> next = {{&root, 0}};
  while (!next.empty()) {
    const auto [node, depth] = next.back();
    next.pop_back();
    out.append(depth * 2, ' ');
    out += DescribeNode(*node) + Describe(node->timeline) + "\n";
    const std::vector<const PlanNode*> children = ChildrenOf(*node);
    for (size_t i = children.size(); i-- > 0;) next.emplace_back(children[i], depth + 1);
  }
  return out;
}

}  // namespace slowburn::query
