// MemoryStorage: the storage contract at its plainest, sorted vectors under one lock. It is the
// model that Db is tested against, the store of `slowburn test rules` and promqltest, and of every
// test that needs a store.
//
//   MemoryStorage storage;              // no bounds on time, no limits but Limits' defaults
//   auto appender = storage.NewAppender(); …
//
// Threads: thread-safe. A Querier sees exactly the commits that returned before NewQuerier().
// Lifetimes: as in storage.h; a tap outlives its registration. Errors: as in storage.h; Commit
// never fails.
#ifndef SLOWBURN_TSDB_MEMORY_STORAGE_H_
#define SLOWBURN_TSDB_MEMORY_STORAGE_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "tsdb/commit_tap.h"
#include "tsdb/limits.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

struct MemoryStorageOptions {
  // Null: neither retention nor max_future bounds what is accepted.
  const base::Clock* clock = nullptr;
  DurationMs retention_ms = 0;  // 0: unlimited
  DurationMs max_future_ms = 10 * base::kMinute;
  DurationMs out_of_order_window_ms = 0;
  size_t max_exemplars = 100000;
  Limits limits;
};

class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(MemoryStorageOptions options = {});
  ~MemoryStorage() override;

  std::unique_ptr<Appender> NewAppender() override;
  std::unique_ptr<Querier> NewQuerier(TimeRange range) override;
  std::vector<MetricMetadata> AllMetadata() const override;

  // As Db's.
  void AddTap(CommitTap* tap);
  void RemoveTap(CommitTap* tap);
  void ApplyRetention();
  void SetOutOfOrderWindow(DurationMs window);
  void Delete(const std::vector<Matchers>& any_of, TimeRange range);

 private:
  struct Series;
  struct State;
  class AppenderImpl;
  class QuerierImpl;
  class SeriesSetImpl;
  class SampleIteratorImpl;
  // Shared with queriers and iterators, which may be destroyed last in a test's teardown.
  const std::shared_ptr<State> state_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_MEMORY_STORAGE_H_
