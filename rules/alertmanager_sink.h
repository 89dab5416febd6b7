// AlertmanagerSink: tells external Alertmanagers (`alerting.alertmanagers`) of alerts, as
// Prometheus does: JSON to POST /api/v2/alerts in batches of at most 256, one queue of 10,000 for
// each of them that drops its oldest alerts when it is full. A batch that fails is dropped and
// counted; the rules send their alerts again a minute later.
//
// Threads: thread-safe; Send never waits for the network. Lifetimes: client and clock outlive the
// sink; what is under way when it is destroyed ends without it.
#ifndef SLOWBURN_RULES_ALERTMANAGER_SINK_H_
#define SLOWBURN_RULES_ALERTMANAGER_SINK_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "rules/alert_sink.h"

namespace slowburn::rules {

struct AlertmanagerTarget {
  std::string url;  // where to post: "http://host:9093/prefix/api/v2/alerts"; its identity, too
  std::shared_ptr<const base::HttpClientConfig> http;  // may be null
  base::DurationMs timeout_ms = 10 * base::kSecond;
  // Of this Alertmanager; null: none; false: not for this one.
  std::function<bool(LabelPairs&)> relabel;
};

class AlertmanagerSink final : public AlertSink {
 public:
  AlertmanagerSink(base::HttpClient& client, const base::Clock& clock,
                   prometheus::Registry& registry);
  ~AlertmanagerSink() override;

  // Replaces the list: those that stay keep their queues.
  void SetTargets(std::vector<AlertmanagerTarget> targets);
  // For /api/v1/alertmanagers, in order of configuration.
  std::vector<std::string> ActiveUrls() const;

  // Always OK: a full queue loses its oldest alerts, and says so in its counters.
  absl::Status Send(std::vector<Alert> alerts) override;

  // Waits until the queues are empty or `timeout` has passed; for the end of the process. True: all
  // is sent.
  bool Drain(base::DurationMs timeout);

 private:
  struct State;
  const std::shared_ptr<State> state_;  // shared with the requests under way
};

// The body of one POST.
std::string EncodeAlerts(const std::vector<Alert>& alerts);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_ALERTMANAGER_SINK_H_
