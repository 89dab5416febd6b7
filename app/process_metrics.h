// ProcessMetrics: process_* as every Prometheus client library exposes them, and
// slowburn_build_info. Threads: Update from any thread. Lifetimes: the registry outlives it.
#ifndef SLOWBURN_APP_PROCESS_METRICS_H_
#define SLOWBURN_APP_PROCESS_METRICS_H_

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace slowburn::app {

class ProcessMetrics {
 public:
  ProcessMetrics(prometheus::Registry& registry, base::TimestampMs started_at);
  void Update();  // before the registry is exposed

 private:
  base::Mutex mu_;
  prometheus::Counter& cpu_seconds_;
  prometheus::Gauge& resident_bytes_;
  prometheus::Gauge& virtual_bytes_;
  prometheus::Gauge& open_fds_;
  prometheus::Gauge& max_fds_;
  prometheus::Gauge& threads_;
};

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_PROCESS_METRICS_H_
