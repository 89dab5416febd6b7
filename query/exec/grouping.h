// Grouping: which group each series belongs to, computed once from labels.
#ifndef SLOWBURN_QUERY_EXEC_GROUPING_H_
#define SLOWBURN_QUERY_EXEC_GROUPING_H_

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/plan/node.h"
#include "tsdb/labels.h"

namespace slowburn::query {

class Grouper {
 public:
  Grouper(std::vector<std::string> names, bool without);
  // The labels by which a series is grouped, which are those of the group.
  tsdb::Labels LabelsOf(const tsdb::Labels& series) const;

 private:
  std::vector<std::string> names_;  // without: also the metric name
  const bool without_;
};

struct Grouping {
  std::vector<tsdb::Labels> groups;  // in the order in which their first series come
  std::vector<uint32_t> group_of;    // by series
};
Grouping GroupSeries(std::span<const tsdb::Labels> series, const AggregateNode& node);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_GROUPING_H_
