// Alert: one problem that somebody should know of, as rules, SLOs and outside senders (POST
// /api/v2/alerts) state it.
#ifndef SLOWBURN_RULES_ALERT_H_
#define SLOWBURN_RULES_ALERT_H_

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace slowburn::rules {

using base::TimestampMs;
// Sorted by name, names unique, no empty values.
using LabelPairs = std::vector<std::pair<std::string, std::string>>;

struct Alert {
  LabelPairs labels;  // the identity; has alertname
  LabelPairs annotations;
  TimestampMs starts_at = 0;
  // Resolved at and after this time. While firing it lies in the future and is renewed by each
  // resend, so that an alert whose sender died resolves by itself. 0: the receiver's
  // resolve_timeout decides.
  TimestampMs ends_at = 0;
  std::string generator_url;
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_ALERT_H_
