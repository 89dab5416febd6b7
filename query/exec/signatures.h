// Signatures: the labels by which two vectors match, as small numbers.
#ifndef SLOWBURN_QUERY_EXEC_SIGNATURES_H_
#define SLOWBURN_QUERY_EXEC_SIGNATURES_H_

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "query/parser/ast.h"
#include "tsdb/labels.h"

namespace slowburn::query {

// The part of `labels` that takes part in the matching.
inline tsdb::Labels MatchedLabels(const tsdb::Labels& labels, const VectorMatching& matching) {
  if (matching.on) return labels.Keep(matching.labels);
  std::vector<std::string> names = matching.labels;
  names.emplace_back(tsdb::kMetricName);
  return labels.Without(names);
}

// Numbers equal signatures equally, over all series that are asked for.
class SignatureIndex {
 public:
  explicit SignatureIndex(const VectorMatching& matching) : matching_(matching) {}

  std::vector<uint32_t> Of(std::span<const tsdb::Labels> series) {
    std::vector<uint32_t> out;
    out.reserve(series.size());
    for (const tsdb::Labels& labels : series) {
      out.push_back(index_.try_emplace(MatchedLabels(labels, matching_), uint32_t(index_.size()))
                        .first->second);
    }
    return out;
  }
  size_t size() const { return index_.size(); }

 private:
  const VectorMatching& matching_;
  std::unordered_map<tsdb::Labels, uint32_t> index_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_SIGNATURES_H_
