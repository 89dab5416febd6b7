// SloMetrics: what the SLO engine says about itself. Threads: thread-safe, as prometheus-cpp's
// objects are.
#ifndef SLOWBURN_SLO_SLO_METRICS_H_
#define SLOWBURN_SLO_SLO_METRICS_H_

#include "base/metrics.h"

namespace slowburn::slo {

struct SloMetrics {
  explicit SloMetrics(prometheus::Registry& registry);

  prometheus::Gauge& objectives;
  prometheus::Gauge& ledgers;
  prometheus::Gauge& ledger_series;
  prometheus::Gauge& ledger_bytes;
  prometheus::Gauge& ledgers_filling;
  prometheus::Gauge& alerts_firing;
  prometheus::Counter& samples;
  prometheus::Counter& resets;
  prometheus::Counter& late_samples;
  prometheus::Counter& passed_over;
  prometheus::Counter& filled_samples;
  prometheus::Counter& rebuilds;
  prometheus::Counter& fill_failures;
  prometheus::Counter& evaluations;
  prometheus::Counter& evaluations_missed;
  prometheus::Gauge& evaluation_seconds;
  prometheus::Counter& alert_send_failures;
  prometheus::Counter& persist_failures;
  prometheus::Counter& corrupt_records;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLO_METRICS_H_
