#include "notify/notify_metrics.h"

#include <string>

namespace slowburn::notify {
namespace {

using base::AddCounter;
using base::AddGauge;

}  // namespace

NotifyMetrics::NotifyMetrics(prometheus::Registry& r)
    : registry_(r),
      alerts_active(
          AddGauge(r, "alertmanager_alerts", "How many alerts by state.", {{"state", "active"}})),
      alerts_suppressed(AddGauge(r, "alertmanager_alerts", "How many alerts by state.",
                                 {{"state", "suppressed"}})),
      silences_active(AddGauge(r, "alertmanager_silences", "How many silences by state.",
                               {{"state", "active"}})),
      silences_pending(AddGauge(r, "alertmanager_silences", "How many silences by state.",
                                {{"state", "pending"}})),
      silences_expired(AddGauge(r, "alertmanager_silences", "How many silences by state.",
                                {{"state", "expired"}})),
      groups(AddGauge(r, "alertmanager_dispatcher_aggregation_groups",
                      "Number of active aggregation groups.")),
      receivers(AddGauge(r, "alertmanager_receivers", "Number of configured receivers.")),
      integrations(AddGauge(r, "alertmanager_integrations", "Number of configured integrations.")),
      inhibition_rules(
          AddGauge(r, "alertmanager_inhibition_rules", "Number of configured inhibition rules.")),
      config_hash(AddGauge(r, "alertmanager_config_hash",
                           "Hash of the loaded configuration of alert routing.")),
      config_ok(AddGauge(
          r, "alertmanager_config_last_reload_successful",
          "Whether the last reload of the configuration of alert routing was successful.")),
      config_time(
          AddGauge(r, "alertmanager_config_last_reload_success_timestamp_seconds",
                   "When the configuration of alert routing was last reloaded successfully.")),
      received_firing(AddCounter(r, "alertmanager_alerts_received_total", "Alerts received.",
                                 {{"status", "firing"}, {"version", "v2"}})),
      received_resolved(AddCounter(r, "alertmanager_alerts_received_total", "Alerts received.",
                                   {{"status", "resolved"}, {"version", "v2"}})),
      invalid(AddCounter(r, "alertmanager_alerts_invalid_total",
                         "Received alerts that were invalid.", {{"version", "v2"}})),
      limited(AddCounter(r, "alertmanager_alerts_limited_total",
                         "Received alerts refused because of a limit.")),
      notifications(AddCounter(r, "alertmanager_notifications_total", "Attempted notifications.",
                               {{"integration", "webhook"}})),
      requests(AddCounter(r, "alertmanager_notification_requests_total",
                          "Requests made to deliver notifications.", {{"integration", "webhook"}})),
      requests_failed(AddCounter(r, "alertmanager_notification_requests_failed_total",
                                 "Requests to deliver notifications that failed.",
                                 {{"integration", "webhook"}})),
      latency(base::AddHistogram(r, "alertmanager_notification_latency_seconds",
                                 "How long requests to deliver notifications took.",
                                 {1, 5, 10, 15, 20}, {{"integration", "webhook"}})),
      pending(AddGauge(r, "slowburn_notify_pending_deliveries",
                       "Notifications decided and not yet accepted.")),
      oldest_pending_seconds(AddGauge(r, "slowburn_notify_oldest_pending_seconds",
                                      "Age of the oldest notification that is not yet accepted.")),
      superseded(AddCounter(r, "slowburn_notify_superseded_total",
                            "Notifications replaced by a newer state before they were accepted.")),
      store_failures(
          AddCounter(r, "slowburn_notify_store_failures_total",
                     "Changes of the notification state that could not be made durable.")),
      expired_alerts(
          AddCounter(r, "slowburn_notify_undelivered_resolved_total",
                     "Resolved alerts forgotten because no receiver took them for a day.")) {
  // Present from the start, so that rates over them work.
  for (const char* reason : {"silence", "inhibition", "mute_time_interval", "active_time_interval"})
    Suppressed(reason);
  for (const char* reason : {"other", "clientError", "serverError", "contextDeadlineExceeded",
                             "authError", "rateLimited"}) {
    Failed(reason);
  }
}

prometheus::Counter& NotifyMetrics::Suppressed(std::string_view reason) {
  return AddCounter(registry_, "alertmanager_notifications_suppressed_total",
                    "Alerts left out of notifications because they were muted.",
                    {{"reason", std::string(reason)}});
}

prometheus::Counter& NotifyMetrics::Failed(std::string_view reason) {
  return AddCounter(registry_, "alertmanager_notifications_failed_total",
                    "Notifications that failed.",
                    {{"integration", "webhook"}, {"reason", std::string(reason)}});
}

}  // namespace slowburn::notify
