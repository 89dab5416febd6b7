#include "query/exec/grouping.h"

#include <utility>

namespace slowburn::query {

Grouper::Grouper(std::vector<std::string> names, bool without)
    : names_(std::move(names)), without_(without) {
  if (without_) names_.emplace_back(tsdb::kMetricName);
}

tsdb::Labels Grouper::LabelsOf(const tsdb::Labels& series) const {
  if (without_) return series.Without(names_);
  return names_.empty() ? tsdb::Labels() : series.Keep(names_);
}

Grouping GroupSeries(std::span<const tsdb::Labels> series, const AggregateNode& node) {
  const Grouper grouper(node.grouping, node.without);
  Grouping out;
  out.group_of.reserve(series.size());
  std::unordered_map<tsdb::Labels, uint32_t> index;
  for (const tsdb::Labels& labels : series) {
    tsdb::Labels group = grouper.LabelsOf(labels);
    const auto [it, fresh] = index.try_emplace(std::move(group), uint32_t(out.groups.size()));
    if (fresh) out.groups.push_back(it->first);
    out.group_of.push_back(it->second);
  }
  return out;
}

}  // namespace slowburn::query
