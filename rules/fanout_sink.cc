#include "rules/fanout_sink.h"

namespace slowburn::rules {

absl::Status FanoutSink::Send(std::vector<Alert> alerts) {
  absl::Status first;
  for (size_t i = 0; i < sinks_.size(); ++i) {
    const bool last = i + 1 == sinks_.size();
    first.Update(sinks_[i]->Send(last ? std::move(alerts) : alerts));
  }
  return first;
}

}  // namespace slowburn::rules
