// Engine: PromQL over a Storage. Parse, plan, passes, operators, result.
//
//   Engine engine(storage, clock, options, registry);
//   ASSIGN_OR_RETURN(QueryResult r, engine.Instant("up", t, {}));
//
// Threads: thread-safe. A query runs on its caller's thread, which shares the series of selectors
// and of functions of range vectors with a pool of the engine's where that is worth it
// (query/exec/column_morsels.h). At most options.max_concurrency run, the others wait and their
// waiting counts into the timeout. Deadline and cancellation are looked at by work done, inside
// long kernels too.
// Lifetimes: answers may outlive the engine.
// Errors (message texts are Prometheus'; the code says which errorType):
//   kInvalidArgument        bad_data: does not parse or type-check
//   kFailedPrecondition     execution: many-to-many match, duplicate label set, bad parameter
//                           value, …
//   kResourceExhausted      execution: too many samples, too much memory
//   kDeadlineExceeded       timeout
//   kCancelled              canceled
//   kUnavailable/kInternal  internal: the storage failed
#ifndef SLOWBURN_QUERY_ENGINE_H_
#define SLOWBURN_QUERY_ENGINE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "query/limits.h"
#include "query/parser/parser.h"
#include "query/query_registry.h"
#include "query/value.h"
#include "tsdb/change_epochs.h"
#include "tsdb/storage.h"

namespace slowburn::query {

struct EngineOptions {
  tsdb::DurationMs lookback_ms = 5 * base::kMinute;
  tsdb::DurationMs timeout_ms = 2 * base::kMinute;
  tsdb::DurationMs default_subquery_step_ms = base::kMinute;  // global.evaluation_interval
  int64_t max_samples = 50'000'000;
  int max_concurrency = 20;
  // Memory that one query may hold, and all together with the answers that are being sent.
  size_t query_memory_bytes = kDefaultQueryMemoryBytes;  // limits.query_memory_bytes
  // limits.query_memory_total_bytes
  size_t query_memory_total_bytes = kDefaultQueryMemoryTotalBytes;
  tsdb::DurationMs slow_query_ms = 0;  // --query.slow-log-threshold; 0: no query is slow
  // Answers of range queries are kept if the storage tells of changes and there is room
  // (result_cache.h).
  tsdb::ChangeEpochs* changes = nullptr;  // outlives the engine
  size_t result_cache_bytes = 0;          // --query.result-cache-size
  ParserOptions parser;
  bool per_step_stats = false;        // promql-per-step-stats
  bool delayed_name_removal = false;  // promql-delayed-name-removal
  bool use_start_timestamps = false;  // use-start-timestamps
  bool type_and_unit_labels = false;  // type-and-unit-labels
};

struct QueryOptions {
  std::optional<tsdb::DurationMs> lookback_ms;
  std::optional<tsdb::DurationMs> timeout_ms;    // never longer than the engine's
  const std::atomic<bool>* cancelled = nullptr;  // set by another thread when the client went away
  bool per_step_stats = false;                   // has an effect if the engine's option allows it
  bool explain = false;                          // QueryResult::explained is wanted
  bool use_kept = true;                          // answers that were kept may be used
  QueryOrigin origin;
};

class Engine {
 public:
  Engine(tsdb::Storage& storage, const base::Clock& clock, EngineOptions options,
         prometheus::Registry& registry);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  absl::StatusOr<QueryResult> Instant(std::string_view query, tsdb::TimestampMs t,
                                      const QueryOptions& options = {});
  // start <= end, step > 0 (else kInvalidArgument). Both ends are evaluated, as in Prometheus.
  absl::StatusOr<QueryResult> Range(std::string_view query, tsdb::TimestampMs start,
                                    tsdb::TimestampMs end, tsdb::DurationMs step,
                                    const QueryOptions& options = {});

  const EngineOptions& options() const;
  // For work beside the queries that shall count with them.
  std::shared_ptr<QueryMemory> NewMemory();
  // The queries that wait or run now.
  QueryRegistry& running();
  // Logs every query there from now on; "": nowhere. On error the former file stays.
  absl::Status SetQueryLogFile(const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_ENGINE_H_
