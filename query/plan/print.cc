#include <string>

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

void Print(const PlanNode& node, size_t depth, std::string& out) {
  std::string line;
  std::vector<const PlanNode*> children;
  switch (node.kind) {
    case PlanKind::kNumber:
      line = "number " + base::FormatFloat(As<NumberNode>(node).value);
      break;
    case PlanKind::kString:
      line = "string \"" + As<StringNode>(node).value + "\"";
      break;
    case PlanKind::kSelector:
      line = DescribeSelector(As<SelectorNode>(node));
      break;
    case PlanKind::kSubquery: {
      const auto& s = As<SubqueryNode>(node);
      line = "subquery range=" + Ms(s.range) + Describe(s.reference);
      children = {s.inner.get()};
      break;
    }
    case PlanKind::kCall: {
      const auto& call = As<CallNode>(node);
      line = "call " + std::string(call.function->name);
      for (const PlanPtr& arg : call.args) children.push_back(arg.get());
      break;
    }
    case PlanKind::kInfo:
      line = "info" + Describe(As<InfoNode>(node).reference);
      children = {As<InfoNode>(node).inner.get()};
      break;
    case PlanKind::kAggregate: {
      const auto& a = As<AggregateNode>(node);
      line = "aggregate " + std::string(Name(a.op)) + (a.without ? " without (" : " by (") +
             Join(a.grouping) + ")";
      if (a.parameter) children.push_back(a.parameter.get());
      children.push_back(a.inner.get());
      break;
    }
    case PlanKind::kBinary: {
      const auto& b = As<BinaryNode>(node);
      line = "binary " + std::string(Symbol(b.op)) + (b.return_bool ? " bool" : "");
      children = {b.left.get(), b.right.get()};
      break;
    }
    case PlanKind::kNegate:
      line = "negate";
      children = {As<NegateNode>(node).inner.get()};
      break;
    case PlanKind::kStepInvariant:
      line = "once";
      children = {As<StepInvariantNode>(node).inner.get()};
      break;
  }
  out.append(depth * 2, ' ');
  out += line + Describe(node.timeline) + "\n";
  for (const PlanNode* child : children) Print(*child, depth + 1, out);
}

}  // namespace

std::string PrintPlan(const PlanNode& node) {
  std::string out;
  Print(node, 0, out);
  return out;
}

}  // namespace slowburn::query
