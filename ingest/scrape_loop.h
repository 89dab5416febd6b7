// ScrapeLoop: scrapes one target at its interval until it is stopped.
//
// A scrape begins at offset + n * interval, where the offset comes from the target's hash, so that
// targets are spread and stay where they are over restarts. Samples carry the planned time when the
// scrape began at most 2 ms late, else the real one. A scrape that is under way when the next is
// due makes that one follow at once.
//
// Threads: thread-safe. Lifetimes: held by shared_ptr; tasks and requests under way keep it alive.
#ifndef SLOWBURN_INGEST_SCRAPE_LOOP_H_
#define SLOWBURN_INGEST_SCRAPE_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "ingest/scrape_cache.h"
#include "ingest/scrape_config.h"
#include "ingest/scrape_context.h"
#include "ingest/scrape_writer.h"
#include "ingest/target.h"

namespace slowburn::ingest {

enum class TargetHealth : uint8_t { kUnknown, kUp, kDown };

struct ScrapeStatus {
  TargetHealth health = TargetHealth::kUnknown;
  std::string last_error;
  tsdb::TimestampMs last_scrape = 0;  // 0: never
  double last_duration_seconds = 0;
};

class ScrapeLoop : public std::enable_shared_from_this<ScrapeLoop> {
 public:
  ScrapeLoop(std::shared_ptr<ScrapeContext> context, std::shared_ptr<const ScrapeConfig> config,
             Target target, tsdb::Labels discovered, std::shared_ptr<ScrapeCache> cache,
             uint64_t offset_seed);

  void Start();

  // kMarkStale: the target is gone; its series are marked stale two intervals later, unless it is
  // back by then. kHandOver: another loop goes on with the same cache.
  enum class AfterStop : uint8_t { kMarkStale, kHandOver };
  // A scrape under way is finished and stored. `when_idle` runs once nothing is: at once, or on the
  // executor.
  void Stop(AfterStop after, std::function<void()> when_idle = {});

  // Not empty: every scrape fails with it, without asking the target.
  void SetForcedError(std::string error);
  void SetDiscovered(tsdb::Labels discovered);
  // What its predecessor last saw: shown until the first scrape.
  void InheritStatus(ScrapeStatus status);

  const Target& target() const { return target_; }
  const std::shared_ptr<ScrapeCache>& cache() const { return cache_; }
  tsdb::Labels discovered() const;
  ScrapeStatus status() const;

 private:
  void Schedule(tsdb::TimestampMs when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnTick(tsdb::TimestampMs planned);
  void Begin(tsdb::TimestampMs planned);
  void Finish(tsdb::TimestampMs t, int64_t started_ns, absl::StatusOr<base::HttpResponse> response);
  void AfterFinish();
  void ScheduleEndOfRun() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<base::HttpRequest> MakeRequest() const;
  absl::StatusOr<ScrapedBody> BodyOf(const absl::StatusOr<base::HttpResponse>& response) const;

  const std::shared_ptr<ScrapeContext> context_;
  const std::shared_ptr<const ScrapeConfig> config_;
  const Target target_;
  const std::shared_ptr<ScrapeCache> cache_;
  const uint64_t offset_seed_;
  ScrapeWriter writer_;  // used by the one scrape that is under way, or by the end of the run

  mutable base::Mutex mu_;
  base::TimerId timer_ ABSL_GUARDED_BY(mu_) = base::TimerId::kNone;
  tsdb::TimestampMs next_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  bool under_way_ ABSL_GUARDED_BY(mu_) = false;
  bool missed_ ABSL_GUARDED_BY(mu_) = false;  // a tick came while a scrape was under way
  AfterStop after_stop_ ABSL_GUARDED_BY(mu_) = AfterStop::kHandOver;
  std::function<void()> when_idle_ ABSL_GUARDED_BY(mu_);
  std::string forced_error_ ABSL_GUARDED_BY(mu_);
  tsdb::Labels discovered_ ABSL_GUARDED_BY(mu_);
  ScrapeStatus status_ ABSL_GUARDED_BY(mu_);
};

// The Accept header that asks for `protocols` in their order.
std::string AcceptHeader(const std::vector<ScrapeProtocol>& protocols,
                         const std::string& escaping_scheme);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_SCRAPE_LOOP_H_
