#include "tsdb/db_stats.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace slowburn::tsdb {
namespace {

using Counts = std::vector<DbStats::Count>;

// The greatest first, equal ones by name.
void KeepTop(Counts& counts, size_t limit) {
  const auto before = [](const DbStats::Count& a, const DbStats::Count& b) {
    return a.value != b.value ? a.value > b.value : a.name < b.name;
  };
  const size_t kept = std::min(limit, counts.size());
  std::partial_sort(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(kept),
                    counts.end(), before);
  counts.resize(kept);
}

Counts ToCounts(const std::map<std::string, uint64_t>& map) {
  Counts counts;
  for (const auto& [name, value] : map) counts.push_back({name, value});
  return counts;
}

}  // namespace

DbStats HeadStats(const Head& head, size_t limit) {
  DbStats stats;
  stats.series = head.series_count();
  stats.samples = head.sample_count();
  stats.label_pairs = head.pair_count();
  stats.chunks = head.chunk_count();
  stats.head_bytes = head.bytes();
  if (stats.samples > 0) {
    stats.head_min_time = std::max(head.min_time(), head.retained_from());
    stats.head_max_time = head.max_time();
  }
  std::map<std::string, uint64_t> values, bytes;
  head.VisitPairs([&](std::string_view name, std::string_view value, size_t series) {
    const std::string key(name);
    ++values[key];
    bytes[key] += value.size();
    if (name == kMetricName) stats.series_by_metric.push_back({std::string(value), series});
    stats.series_by_pair.push_back({absl::StrCat(key, "=", std::string(value)), series});
    // Keeps the list short while it is made.
    if (stats.series_by_pair.size() > 1000 + 10 * limit) KeepTop(stats.series_by_pair, limit);
  });
  stats.values_by_label = ToCounts(values);
  stats.bytes_by_label = ToCounts(bytes);
  for (Counts* counts : {&stats.series_by_metric, &stats.values_by_label, &stats.bytes_by_label,
                         &stats.series_by_pair}) {
    KeepTop(*counts, limit);
  }
  return stats;
}

}  // namespace slowburn::tsdb
