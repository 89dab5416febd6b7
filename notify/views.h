// What the API shows of the dispatcher's state: copies, taken at one moment.
#ifndef SLOWBURN_NOTIFY_VIEWS_H_
#define SLOWBURN_NOTIFY_VIEWS_H_

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/regex.h"
#include "notify/label_set.h"
#include "notify/matcher.h"

namespace slowburn::notify {

struct AlertView {
  Fingerprint fingerprint{};
  LabelSet labels, annotations;
  std::string generator_url;
  base::TimestampMs starts_at = 0, ends_at = 0, updated_at = 0;
  std::vector<std::string> receivers;  // names
  // Silence ids, fingerprints, time intervals.
  std::vector<std::string> silenced_by, inhibited_by, muted_by;
  bool suppressed() const {
    return !silenced_by.empty() || !inhibited_by.empty() || !muted_by.empty();
  }
};

struct GroupView {
  std::string receiver;
  LabelSet labels, route_labels;
  std::vector<AlertView> alerts;  // in the order of a notification
};

// Which alerts to show. Resolved ones are never shown.
struct AlertFilter {
  Matchers matchers;                    // of the alert's labels
  std::optional<base::Regex> receiver;  // of a receiver's name
  Matchers receiver_matchers;           // of a receiver's labels
  bool active = true, silenced = true, inhibited = true;
  bool muted = true;  // groups: those that a time interval mutes
};

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_VIEWS_H_
