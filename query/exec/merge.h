// Series whose labels have become equal: because a name was dropped, or a label was replaced.
#ifndef SLOWBURN_QUERY_EXEC_MERGE_H_
#define SLOWBURN_QUERY_EXEC_MERGE_H_

#include <unordered_map>

#include "query/exec/operator.h"

namespace slowburn::query {

absl::Status SameLabelsetError();

// Gathers columns by labels. Two columns of equal labels become one if they have no step in common,
// else it is an error.
class SeriesMerger {
 public:
  absl::Status Add(tsdb::Labels labels, Column column);
  // In the order in which labels were first seen.
  Block Take() { return std::move(block_); }

 private:
  Block block_;
  std::unordered_map<tsdb::Labels, size_t> index_;
};

enum class OnEqualLabels {
  kMerge,  // an error only where both have a point at one step
  kError,  // if both have any point
};
// Passes `child` through; does something only if labels repeat.
OperatorPtr NewMerge(QueryContext& ctx, OperatorPtr child, OnEqualLabels policy);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_MERGE_H_
