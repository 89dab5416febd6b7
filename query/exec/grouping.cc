#include "query/exec/grouping.h"

#include <utility>

#include "absl/container/flat_hash_map.h"

namespace slowburn::query {

Grouper::Grouper(std::vector<std::string> names, bool without)
    : names_(std::move(names)), without_(without) {
  if (without_) names_.emplace_back(tsdb::kMetricName);
}

tsdb::Labels Grouper::LabelsOf(const tsdb::Labels& series) const {
  if (without_) return series.Without(names_);
  return names_.empty() ? tsdb::Labels() : series.Keep(names_);
}

namespace {

// What a series is grouped by, in one text: the values, each behind its size.
void MakeKey(const tsdb::Labels& labels, const std::vector<std::string>& names, std::string& key) {
  key.clear();
  for (const std::string& name : names) {
    const std::string_view value = labels.Get(name);
    const auto size = uint32_t(value.size());
    key.append(reinterpret_cast<const char*>(&size), sizeof size);
    key += value;
  }
}

}  // namespace

Grouping GroupSeries(std::span<const tsdb::Labels> series, const AggregateNode& node) {
  const Grouper grouper(node.grouping, node.without);
  Grouping out;
  out.group_of.reserve(series.size());
  if (!node.without) {
    absl::flat_hash_map<std::string, uint32_t> index;
    std::string key;
    for (const tsdb::Labels& labels : series) {
      MakeKey(labels, node.grouping, key);
      const auto [it, fresh] = index.try_emplace(key, uint32_t(out.groups.size()));
      if (fresh) out.groups.push_back(grouper.LabelsOf(labels));
      out.group_of.push_back(it->second);
    }
    return out;
  }
  absl::flat_hash_map<tsdb::Labels, uint32_t> index;
  for (const tsdb::Labels& labels : series) {
    const auto [it, fresh] =
        index.try_emplace(grouper.LabelsOf(labels), uint32_t(out.groups.size()));
    if (fresh) out.groups.push_back(it->first);
    out.group_of.push_back(it->second);
  }
  return out;
}

}  // namespace slowburn::query
