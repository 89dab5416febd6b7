// AlertSink: where alerts go. notify implements it; rules and slo know no more of delivery than
// this.
#ifndef SLOWBURN_RULES_ALERT_SINK_H_
#define SLOWBURN_RULES_ALERT_SINK_H_

#include <vector>

#include "absl/status/status.h"
#include "rules/alert.h"

namespace slowburn::rules {

class AlertSink {
 public:
  virtual ~AlertSink() = default;
  // Takes over alerts that fire or have resolved (ends_at <= now). OK means: they are durable and
  // will be routed. On any error the caller sends them again at its next evaluation. Thread-safe;
  // must not block on the network.
  virtual absl::Status Send(std::vector<Alert> alerts) = 0;
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_ALERT_SINK_H_
