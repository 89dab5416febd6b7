// ScrapeManager: all scraping of one process.
//
//   ScrapeManager manager(storage, clock, executor, client, registry);
//   // Again at each reload:
//   manager.ApplyConfig(std::move(config.scrape_configs), config.external_labels);
//   TargetsSnapshot targets = manager.Targets();    // for /api/v1/targets
//   manager.Stop();
//
// A reload leaves jobs alone that did not change.
// Threads: thread-safe. Lifetimes: everything passed in outlives Stop(); after it nothing of them
// is touched, whatever requests are still under way. The destructor stops.
#ifndef SLOWBURN_INGEST_SCRAPE_MANAGER_H_
#define SLOWBURN_INGEST_SCRAPE_MANAGER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "ingest/scrape_config.h"
#include "ingest/scrape_pool.h"

namespace slowburn::ingest {

struct TargetsSnapshot {
  std::vector<ActiveTarget> active;    // by pool, then by labels
  std::vector<DroppedTarget> dropped;  // by pool
  std::map<std::string, size_t> dropped_counts;
};

class ScrapeManager {
 public:
  ScrapeManager(tsdb::Storage& storage, const base::Clock& clock, base::Executor& executor,
                base::HttpClient& client, prometheus::Registry& registry);
  ~ScrapeManager();
  ScrapeManager(const ScrapeManager&) = delete;
  ScrapeManager& operator=(const ScrapeManager&) = delete;

  // Jobs have unique names. external_labels only decide where in its interval a target is scraped,
  // so that two servers with the same jobs do not ask at the same moment.
  void ApplyConfig(std::vector<ScrapeConfig> configs, const tsdb::Labels& external_labels);

  // Ends scraping for good, without marking anything stale: the next process goes on. Waits for
  // commits under way.
  void Stop();

  TargetsSnapshot Targets() const;
  std::vector<std::string> PoolNames() const;  // sorted

 private:
  const std::shared_ptr<ScrapeContext> context_;
  mutable base::Mutex mu_;
  std::map<std::string, std::shared_ptr<ScrapePool>> pools_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_SCRAPE_MANAGER_H_
