// QueryContext: what all operators of one running query share. It says when to stop: deadline,
// cancellation, samples.
//
// Not thread-safe, but for `cancelled`. Lives as long as the query.
#ifndef SLOWBURN_QUERY_EXEC_QUERY_CONTEXT_H_
#define SLOWBURN_QUERY_EXEC_QUERY_CONTEXT_H_

#include <atomic>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "base/clock.h"
#include "query/annotation_set.h"
#include "tsdb/storage.h"

namespace slowburn::query {

// How names are dropped, and other switches of the engine that operators must know.
struct ExecOptions {
  bool delayed_name_removal = false;
  bool use_start_timestamps = false;
  bool type_and_unit_labels = false;
};

class QueryContext {
 public:
  QueryContext(tsdb::Querier& storage, const base::Clock& clock, ExecOptions exec_options)
      : options(exec_options), querier(storage), clock_(clock) {}

  // kDeadlineExceeded, kCancelled or OK. Cheap; called for every series.
  absl::Status CheckAlive();
  // Samples that are held in memory from now on. kResourceExhausted above the limit.
  absl::Status Charge(int64_t samples);
  void Refund(int64_t samples) { held_ -= samples; }
  // Samples that are held only while a series is worked on.
  absl::Status ChargeBriefly(int64_t samples);

  int64_t peak_samples() const { return peak_; }

  void set_deadline_ns(int64_t monotonic_ns) { deadline_ns_ = monotonic_ns; }
  void set_cancelled(const std::atomic<bool>* cancelled) { cancelled_ = cancelled; }
  void set_max_samples(int64_t n) { max_samples_ = n; }

  const ExecOptions options;
  tsdb::Querier& querier;
  AnnotationSet notes;
  // Samples looked at by selectors: Prometheus' totalQueryableSamples. Subqueries count only what
  // their outer windows see, so they evaluate with another counter in its place.
  int64_t samples_read = 0;

 private:
  const base::Clock& clock_;
  int64_t deadline_ns_ = std::numeric_limits<int64_t>::max();
  const std::atomic<bool>* cancelled_ = nullptr;
  int64_t max_samples_ = std::numeric_limits<int64_t>::max();
  int64_t held_ = 0, peak_ = 0;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_QUERY_CONTEXT_H_
