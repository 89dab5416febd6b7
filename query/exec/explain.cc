#include "query/exec/explain.h"

#include <vector>

namespace slowburn::query {
namespace {

size_t CountNodes(const PlanNode& root) {
  size_t n = 0;
  for (std::vector<const PlanNode*> next = {&root}; !next.empty(); ++n) {
    const PlanNode& node = *next.back();
    next.pop_back();
    for (const PlanNode* child : ChildrenOf(node)) next.push_back(child);
  }
  return n;
}

ExplainedNode ExplainAt(const PlanNode& node, const QueryProfile& profile, size_t depth) {
  ExplainedNode out;
  out.node = DescribeNode(node);
  out.position = node.position;
  out.start = node.timeline.start;
  out.end = node.timeline.end;
  out.step = node.timeline.step;
  if (const NodeProfile* did = profile.Find(node)) {
    out.series = did->series;
    out.points = did->points;
    out.samples = did->samples;
    out.seconds = double(did->nanoseconds) / 1e9;
  }
  for (const PlanNode* child : ChildrenOf(node)) {
    if (depth < kMaxExplainDepth) {
      out.children.push_back(ExplainAt(*child, profile, depth + 1));
    } else {
      out.omitted += CountNodes(*child);
    }
  }
  return out;
}

}  // namespace

ExplainedNode Explain(const PlanNode& plan, const QueryProfile& profile) {
  return ExplainAt(plan, profile, 1);
}

}  // namespace slowburn::query
