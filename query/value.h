// What a query answers.
#ifndef SLOWBURN_QUERY_VALUE_H_
#define SLOWBURN_QUERY_VALUE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "query/parser/ast.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"
#include "tsdb/sample.h"

namespace slowburn::query {

struct HistogramPoint {
  tsdb::TimestampMs t = 0;
  tsdb::HistogramPtr h;
};

// One series of an answer. Of an instant vector: exactly one float or one histogram.
struct Series {
  tsdb::Labels labels;
  std::vector<tsdb::Sample> floats;
  std::vector<HistogramPoint> histograms;
};

struct Annotations {
  // Full texts with the position " (1:5)", unique, in order of first sight. Warnings begin with "PromQL warning: ", infos
  // with "PromQL info: ", except those of storage and limits.
  std::vector<std::string> warnings, infos;
};

struct QueryStats {
  int64_t samples_total = 0;   // totalQueryableSamples
  int64_t samples_peak = 0;
  double parse_seconds = 0, plan_seconds = 0, queue_seconds = 0, exec_seconds = 0, sort_seconds = 0, total_seconds = 0;
};

struct QueryResult {
  ValueType type = ValueType::kNone;
  std::vector<Series> series;          // kVector (in engine order) and kMatrix (sorted by labels)
  tsdb::Sample scalar;                 // kScalar
  std::string string;                  // kString, at scalar.t
  Annotations annotations;
  QueryStats stats;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_VALUE_H_
