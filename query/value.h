// What a query answers.
#ifndef SLOWBURN_QUERY_VALUE_H_
#define SLOWBURN_QUERY_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "query/parser/ast.h"
#include "query/query_memory.h"
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
  // Full texts with the position " (1:5)", unique, in order of first sight. Warnings begin with
  // "PromQL warning: ", infos with "PromQL info: ", except those of storage and limits.
  std::vector<std::string> warnings, infos;
};

struct QueryStats {
  int64_t samples_total = 0;  // totalQueryableSamples
  int64_t samples_read = 0;
  int64_t samples_peak = 0;
  // The first two for each step; empty unless asked for.
  std::vector<int64_t> samples_total_at, samples_read_at;
  tsdb::TimestampMs first_step = 0;
  tsdb::DurationMs step = 0;
  size_t memory_peak = 0;  // bytes, by our own estimate
  double parse_seconds = 0, plan_seconds = 0, queue_seconds = 0, exec_seconds = 0, sort_seconds = 0,
         total_seconds = 0;
};

// A node of the plan and what it did. Samples and time include those of the nodes below.
struct ExplainedNode {
  std::string node;  // "aggregate sum by (job)"
  Position position;
  tsdb::TimestampMs start = 0, end = 0;
  tsdb::DurationMs step = 0;
  int64_t series = 0, points = 0, samples = 0;
  double seconds = 0;
  std::vector<ExplainedNode> children;
  size_t omitted = 0;  // nodes further down
};

struct QueryResult {
  ValueType type = ValueType::kNone;
  std::vector<Series> series;  // kVector (in engine order) and kMatrix (sorted by labels)
  tsdb::Sample scalar;         // kScalar
  std::string string;          // kString, at scalar.t
  Annotations annotations;
  QueryStats stats;
  std::shared_ptr<const ExplainedNode> explained;  // null unless asked for
  // Keeps what the answer takes counted until its last copy goes; null for answers made by hand.
  std::shared_ptr<QueryMemory> memory;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_VALUE_H_
