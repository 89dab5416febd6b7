// QueryContext: what all operators of one running query share. It says when to stop: deadline,
// cancellation, samples, memory.
//
// Not thread-safe, but for the flags of its stop signals, CheckStop and memory. Lives as long as
// the query.
#ifndef SLOWBURN_QUERY_EXEC_QUERY_CONTEXT_H_
#define SLOWBURN_QUERY_EXEC_QUERY_CONTEXT_H_

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/executor.h"
#include "query/annotation_set.h"
#include "query/exec/column.h"
#include "query/exec/sample_counter.h"
#include "query/query_memory.h"
#include "query/query_registry.h"
#include "query/stop_signals.h"
#include "query/work_meter.h"
#include "tsdb/storage.h"

namespace slowburn::query {

class QueryProfile;

// How names are dropped, and other switches of the engine that operators must know.
struct ExecOptions {
  bool delayed_name_removal = false;
  bool use_start_timestamps = false;
  bool type_and_unit_labels = false;
};

class QueryContext {
 public:
  // `root` counts the samples of the query's own steps.
  QueryContext(tsdb::Querier& storage, const base::Clock& clock, QueryMemory& query_memory,
               SampleCounter& root, ExecOptions exec_options);

  // kDeadlineExceeded, kCancelled or OK. Asks the clock: for every series, not for every sample.
  absl::Status CheckAlive();
  // The same, and nothing else: for any thread.
  absl::Status CheckStop() const;
  // The same for loops over samples and steps.
  WorkMeter meter;
  // Samples that are held in memory from now on. kResourceExhausted above the limit.
  absl::Status Charge(int64_t n);
  void Refund(int64_t n) { held_ -= n; }
  // Samples that are held only while a series is worked on.
  absl::Status ChargeBriefly(int64_t n);

  // The points of a selected column: each is one that its step looks at.
  void CountPoints(const Column& column, int64_t weight);
  void Count(size_t step, int64_t queryable, int64_t read) {
    touched_ += queryable;
    samples->Add(step, queryable, read);
  }
  void CountTotals(int64_t queryable, int64_t read) {
    touched_ += queryable;
    samples->AddTotals(queryable, read);
  }
  // Samples that any operator looked at so far, those of subqueries among them.
  int64_t samples_touched() const { return touched_; }
  int64_t peak_samples() const { return peak_; }

  void set_stop(const StopSignals& stop) { stop_ = stop; }
  void set_max_samples(int64_t n) { max_samples_ = n; }
  // Where the query's progress is shown; may be null.
  void set_entry(QueryRegistry::Entry* entry) { entry_ = entry; }

  // Where the query may have work done; null: only on its own thread, which is one of `threads`.
  void set_helpers(base::Executor* helpers, size_t threads) {
    helpers_ = helpers;
    threads_ = threads;
  }
  base::Executor* helpers() const { return helpers_; }
  size_t threads() const { return threads_; }

  const ExecOptions options;
  tsdb::Querier& querier;
  const base::Clock& clock;
  QueryMemory& memory;
  AnnotationSet notes;
  // The counter of the part that is evaluated: the query itself, a subquery, a part that is
  // evaluated once.
  SampleCounter* samples;
  QueryProfile* profile = nullptr;  // set if the query is to be explained

 private:
  StopSignals stop_;
  QueryRegistry::Entry* entry_ = nullptr;
  int64_t max_samples_ = std::numeric_limits<int64_t>::max();
  int64_t held_ = 0, peak_ = 0, touched_ = 0;
  base::Executor* helpers_ = nullptr;
  size_t threads_ = 1;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_QUERY_CONTEXT_H_
