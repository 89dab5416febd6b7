// ScrapePool: the targets of one job, kept in step with what discovery finds.
//
// Threads: thread-safe. Lifetimes: held by shared_ptr; its discovery timer keeps only a weak one.
#ifndef SLOWBURN_INGEST_SCRAPE_POOL_H_
#define SLOWBURN_INGEST_SCRAPE_POOL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "ingest/file_discovery.h"
#include "ingest/scrape_config.h"
#include "ingest/scrape_context.h"
#include "ingest/scrape_loop.h"

namespace slowburn::ingest {

struct ActiveTarget {
  std::string pool;
  tsdb::Labels discovered, labels;
  std::string url;
  std::string interval, timeout;
  ScrapeStatus status;
  std::shared_ptr<const ScrapeCache> metadata;  // ScrapeCache::AllMetadata and MetadataOf only
};

struct DroppedTarget {
  std::string pool;
  tsdb::Labels discovered;
};

class ScrapePool : public std::enable_shared_from_this<ScrapePool> {
 public:
  ScrapePool(std::shared_ptr<ScrapeContext> context, ScrapeConfig config, uint64_t offset_seed);

  void Start();
  // Loops go on untouched unless the way of scraping changed (ScrapeConfig::fingerprint).
  void Reload(ScrapeConfig config);
  // The job is gone: so are its targets.
  void Stop();

  void AppendActive(std::vector<ActiveTarget>& out) const;
  // Returns how many were dropped, listed or not.
  size_t AppendDropped(std::vector<DroppedTarget>& out) const;

 private:
  struct Wanted {
    Target target;
    tsdb::Labels discovered;
  };
  void MakeDiscovery() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool PollDiscovery() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SchedulePoll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnPoll(uint64_t generation);
  void Sync() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::map<std::string, Wanted> WantedTargets() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestartLoops(bool same_series) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::shared_ptr<ScrapeLoop> NewLoop(const Wanted& wanted,
                                      std::shared_ptr<ScrapeCache> cache) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<ScrapeContext> context_;
  const uint64_t offset_seed_;

  mutable base::Mutex mu_;
  std::shared_ptr<const ScrapeConfig> config_ ABSL_GUARDED_BY(mu_);
  std::vector<FileDiscovery> discoveries_ ABSL_GUARDED_BY(mu_);
  // Of the discovery timer; another one: the timer is outdated.
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  // By Target::Identity.
  std::map<std::string, std::shared_ptr<ScrapeLoop>> loops_ ABSL_GUARDED_BY(mu_);
  std::vector<tsdb::Labels> dropped_ ABSL_GUARDED_BY(mu_);
  size_t dropped_count_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_SCRAPE_POOL_H_
