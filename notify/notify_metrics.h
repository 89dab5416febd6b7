// The counters of notify. Alertmanager's names where it has the metric, so that its dashboards and
// alerts go on working.
#ifndef SLOWBURN_NOTIFY_NOTIFY_METRICS_H_
#define SLOWBURN_NOTIFY_NOTIFY_METRICS_H_

#include <string_view>

#include "base/metrics.h"

namespace slowburn::notify {

class NotifyMetrics {
 public:
  explicit NotifyMetrics(prometheus::Registry& registry);

  // By a label's value; unknown values make a new series.
  prometheus::Counter& Suppressed(std::string_view reason);
  prometheus::Counter& Failed(std::string_view reason);

 private:
  prometheus::Registry& registry_;

 public:
  prometheus::Gauge &alerts_active, &alerts_suppressed;
  prometheus::Gauge &silences_active, &silences_pending, &silences_expired;
  prometheus::Gauge &groups, &receivers, &integrations, &inhibition_rules;
  prometheus::Gauge &config_hash, &config_ok, &config_time;
  prometheus::Counter &received_firing, &received_resolved, &invalid, &limited;
  prometheus::Counter &notifications, &requests, &requests_failed;
  prometheus::Histogram& latency;
  prometheus::Gauge& pending;
  prometheus::Gauge& oldest_pending_seconds;
  prometheus::Counter &superseded, &store_failures, &expired_alerts;
};

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_NOTIFY_METRICS_H_
