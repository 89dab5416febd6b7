// AnnotationSet gathers the warnings and infos of one evaluation, in Prometheus' words.
//
//   notes.Add(InvalidQuantile(1.5), position);
//   result.annotations = notes.Render(query);
//   // "PromQL warning: quantile value should be … (1:10)"
//
// A text that comes again does not add a line; the newer position replaces the older one, as in
// Prometheus. Not thread-safe: one evaluation, one thread.
#ifndef SLOWBURN_QUERY_ANNOTATION_SET_H_
#define SLOWBURN_QUERY_ANNOTATION_SET_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "query/parser/ast.h"
#include "query/value.h"
#include "tsdb/sample.h"

namespace slowburn::query {

enum class Severity : uint8_t { kWarning, kInfo };

struct Annotation {
  Severity severity = Severity::kWarning;
  std::string text;  // without the prefix and the position
};

enum class HistogramOperation : uint8_t { kAddition, kSubtraction, kAggregation };

Annotation InvalidQuantile(double q);
Annotation InvalidRatio(double ratio, double capped_to);
Annotation BadBucketLabel(std::string_view metric, std::string_view le);
Annotation MixedFloatsHistograms(std::string_view metric);
Annotation MixedFloatsHistogramsInAggregation();
Annotation MixedClassicNative(std::string_view metric);
Annotation NotACounter(std::string_view metric);
Annotation NotAGauge(std::string_view metric);
Annotation MixedExponentialCustom(std::string_view metric);
Annotation IncompatibleBucketLayout(std::string_view op);
Annotation SortInRangeQuery();
Annotation CounterResetCollision(HistogramOperation operation);
Annotation PossibleNonCounter(std::string_view metric);
Annotation PossibleNonCounterByType(std::string_view metric, std::string_view type);
Annotation IncompatibleTypes(std::string_view op, std::string_view left, std::string_view right);
Annotation HistogramIgnoredInAggregation(std::string_view aggregation);
Annotation HistogramIgnoredInMixedRange(std::string_view metric);
Annotation QuantileOfNanIsNan(std::string_view metric);
Annotation QuantileSkewedByNan(std::string_view metric);
Annotation FractionExcludesNan(std::string_view metric);
Annotation MismatchedCustomBuckets(HistogramOperation operation);

// How much histogram_quantile had to change to make buckets monotonic. Several of them become one
// line.
struct ForcedMonotonicity {
  tsdb::TimestampMs min_time = 0, max_time = 0;
  double min_bucket = 0, max_bucket = 0, max_diff = 0;
  int64_t count = 1;
};

class AnnotationSet {
 public:
  void Add(Annotation annotation, Position position);
  void AddForcedMonotonicity(std::string_view metric, Position position,
                             const ForcedMonotonicity& how);
  void AddStartTimeOverlap(std::string_view metric, Position position);
  // Adds all that `later` has, as if it had been added here.
  void Merge(const AnnotationSet& later);
  bool empty() const { return entries_.empty(); }
  // The full texts, with positions as line:column in `query`.
  Annotations Render(std::string_view query) const;

 private:
  struct Entry {
    Annotation annotation;
    Position position;
    ForcedMonotonicity monotonicity;  // if detail is kMonotonicity
    int64_t occurrences = 1;          // if detail is kOccurrences
    enum class Detail : uint8_t { kNone, kMonotonicity, kOccurrences } detail = Detail::kNone;
  };
  Entry& Find(Annotation annotation, Position position, bool& fresh);
  std::vector<Entry> entries_;  // in order of first sight
  std::unordered_map<std::string, size_t> by_text_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_ANNOTATION_SET_H_
