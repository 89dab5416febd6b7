// QueryLog: what became of each query. All of them as JSON lines into a file, in the shape of
// Prometheus' query_log_file; the slow ones as a line of the process' own log.
//
// Threads: thread-safe. Errors of SetFile name the path and the reason; the former file stays. A
// line that cannot be written is counted (failures).
#ifndef SLOWBURN_QUERY_QUERY_LOG_H_
#define SLOWBURN_QUERY_QUERY_LOG_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "query/query_registry.h"
#include "query/value.h"

namespace slowburn::query {

struct FinishedQuery {
  const QueryDescription& description;
  const QueryStats& stats;
  const absl::Status& status;
};

class QueryLog {
 public:
  // slow_ms 0: none is slow.
  QueryLog(const base::Clock& clock, base::DurationMs slow_ms) : clock_(clock), slow_ms_(slow_ms) {}
  ~QueryLog();
  QueryLog(const QueryLog&) = delete;
  QueryLog& operator=(const QueryLog&) = delete;

  // Appends to it from now on, and opens it anew if it is the same as before. "": no file.
  absl::Status SetFile(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);
  bool has_file() const { return has_file_.load(std::memory_order_relaxed); }

  void Add(const FinishedQuery& query) ABSL_LOCKS_EXCLUDED(mu_);
  bool IsSlow(const QueryStats& stats) const;
  uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  void Write(const std::string& line) ABSL_LOCKS_EXCLUDED(mu_);

  const base::Clock& clock_;
  const base::DurationMs slow_ms_;
  base::Mutex mu_;
  int fd_ ABSL_GUARDED_BY(mu_) = -1;
  std::atomic<bool> has_file_{false};
  std::atomic<uint64_t> failures_{0};
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_QUERY_LOG_H_
