// What all scraping shares: the store, the clock, who runs work, who fetches, and the gate that
// ends it all.
#ifndef SLOWBURN_INGEST_SCRAPE_CONTEXT_H_
#define SLOWBURN_INGEST_SCRAPE_CONTEXT_H_

#include "base/clock.h"
#include "base/executor.h"
#include "base/http_client.h"
#include "base/mutex.h"
#include "ingest/scrape_metrics.h"
#include "tsdb/storage.h"

namespace slowburn::ingest {

// Every task of scraping enters before it touches anything of ScrapeContext. After Close no task is
// inside and none enters, so that what the context refers to may be destroyed.
// Threads: thread-safe; tasks may enter within one another.
class ScrapeGate {
 public:
  class Pass {
   public:
    explicit Pass(ScrapeGate& gate) : gate_(gate), open_(gate.Enter()) {}
    ~Pass() {
      if (open_) gate_.Leave();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    explicit operator bool() const { return open_; }

   private:
    ScrapeGate& gate_;
    const bool open_;
  };

  // Waits for who is inside. REQUIRES: the caller is not inside.
  void Close() {
    base::MutexLock lock(mu_);
    closed_ = true;
    while (inside_ > 0) empty_.Wait(mu_);
  }

 private:
  bool Enter() {
    base::MutexLock lock(mu_);
    if (closed_) return false;
    ++inside_;
    return true;
  }
  void Leave() {
    base::MutexLock lock(mu_);
    if (--inside_ == 0) empty_.NotifyAll();
  }

  base::Mutex mu_;
  base::CondVar empty_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  int inside_ ABSL_GUARDED_BY(mu_) = 0;
};

struct ScrapeContext {
  tsdb::Storage& storage;
  const base::Clock& clock;
  base::Executor& executor;
  base::HttpClient& client;
  ScrapeMetrics metrics;
  ScrapeGate gate;
};

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_SCRAPE_CONTEXT_H_
