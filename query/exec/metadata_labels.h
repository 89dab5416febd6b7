// The labels that say what a metric is (__name__, __type__, __unit__). They go when an operation
// makes something else of it.
#ifndef SLOWBURN_QUERY_EXEC_METADATA_LABELS_H_
#define SLOWBURN_QUERY_EXEC_METADATA_LABELS_H_

#include <span>
#include <string>
#include <vector>

#include "tsdb/labels.h"

namespace slowburn::query {

inline constexpr std::string_view kTypeLabel = "__type__";
inline constexpr std::string_view kUnitLabel = "__unit__";

inline const std::vector<std::string>& MetadataLabels() {
  static const auto* names = new std::vector<std::string>{
      std::string(tsdb::kMetricName), std::string(kTypeLabel), std::string(kUnitLabel)};
  return *names;
}

inline tsdb::Labels DropMetadata(const tsdb::Labels& labels) {
  if (labels.Has(kTypeLabel) || labels.Has(kUnitLabel)) return labels.Without(MetadataLabels());
  return labels.WithoutName();
}

// {__name__="up", job="a"}: as Prometheus' errors show label sets.
std::string LabelsText(const tsdb::Labels& labels);

// All have the same metadata: then dropping it cannot make two of them equal.
inline bool SameMetadata(std::span<const tsdb::Labels> series) {
  for (size_t i = 1; i < series.size(); ++i) {
    for (const std::string& name : MetadataLabels()) {
      if (series[i].Get(name) != series[i - 1].Get(name)) return false;
    }
  }
  return true;
}

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_METADATA_LABELS_H_
