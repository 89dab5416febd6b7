// FanoutSink: several sinks behind one. Threads: as safe as the sinks. Lifetimes: they outlive it.
#ifndef SLOWBURN_RULES_FANOUT_SINK_H_
#define SLOWBURN_RULES_FANOUT_SINK_H_

#include <utility>
#include <vector>

#include "rules/alert_sink.h"

namespace slowburn::rules {

class FanoutSink final : public AlertSink {
 public:
  explicit FanoutSink(std::vector<AlertSink*> sinks) : sinks_(std::move(sinks)) {}

  // Each sink gets all alerts, whatever the others answer. The first error is returned: the caller
  // sends again, and sinks that took the alerts already get them twice, which receivers
  // deduplicate.
  absl::Status Send(std::vector<Alert> alerts) override;

 private:
  const std::vector<AlertSink*> sinks_;
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_FANOUT_SINK_H_
