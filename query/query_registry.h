// QueryRegistry: the queries that wait or run now. They can be listed, and killed.
//
//   QueryRegistry::Entry entry(registry, description);   // in the list while it lives
//   … entry.killed() … entry.SetSamples(n) …
//
//   for (const RunningQuery& q : registry.List()) …
//   registry.Kill(id);                                   // the query ends as a cancelled one
//
// Threads: thread-safe; an Entry's setters are for its own query's thread. Lifetimes: the registry
// outlives its entries.
#ifndef SLOWBURN_QUERY_QUERY_REGISTRY_H_
#define SLOWBURN_QUERY_QUERY_REGISTRY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "tsdb/sample.h"

namespace slowburn::query {

enum class QueryKind : uint8_t { kInstant, kRange };

// Who asked. Of a request: client, method and path; of a rule: file and group.
struct QueryOrigin {
  std::string client;  // address, without the port
  std::string method, path;
  std::string rule_file, rule_group;
};

struct QueryDescription {
  std::string query;
  QueryKind kind = QueryKind::kInstant;
  tsdb::TimestampMs start = 0, end = 0;
  tsdb::DurationMs step = 0;  // of a range query
  QueryOrigin origin;
};

struct RunningQuery {
  uint64_t id = 0;
  QueryDescription description;
  tsdb::TimestampMs started_at = 0;
  double elapsed_seconds = 0;
  bool waiting = false;  // for its turn
  bool killed = false;   // and about to end
  int64_t samples = 0;   // looked at so far
  size_t memory_bytes = 0;
};

class QueryRegistry {
 public:
  class Entry {
   public:
    Entry(QueryRegistry& registry, QueryDescription description);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    const QueryDescription& description() const { return description_; }
    const std::atomic<bool>& killed() const { return killed_; }
    void SetRunning() { waiting_.store(false, std::memory_order_relaxed); }
    void SetSamples(int64_t n) { samples_.store(n, std::memory_order_relaxed); }
    void SetMemory(size_t bytes) { memory_.store(bytes, std::memory_order_relaxed); }

   private:
    friend class QueryRegistry;
    QueryRegistry& registry_;
    const QueryDescription description_;
    const tsdb::TimestampMs started_at_;
    const int64_t started_ns_;
    uint64_t id_ = 0;
    std::atomic<bool> killed_{false}, waiting_{true};
    std::atomic<int64_t> samples_{0};
    std::atomic<size_t> memory_{0};
  };

  explicit QueryRegistry(const base::Clock& clock) : clock_(clock) {}
  QueryRegistry(const QueryRegistry&) = delete;
  QueryRegistry& operator=(const QueryRegistry&) = delete;

  // The oldest first.
  std::vector<RunningQuery> List() const ABSL_LOCKS_EXCLUDED(mu_);
  // False: none of that number runs.
  bool Kill(uint64_t id) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const base::Clock& clock_;
  mutable base::Mutex mu_;
  uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<uint64_t, Entry*> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_QUERY_REGISTRY_H_
