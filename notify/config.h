// AlertmanagerConfig: an alertmanager.yml, read strictly. What Alertmanager refuses is refused
// here, with file:line:column; keys that it does not know are refused too.
//
// What Alertmanager knows and we do not build is refused where ignoring it could lose or misroute a
// page: receivers other than webhooks (even when no route leads to them), oauth2, templated URLs
// and payloads. Everything else of that kind is one entry of `warnings`.
//
//   ASSIGN_OR_RETURN(auto config, LoadAlertmanagerConfig("alertmanager.yml"));
//   notifier.ApplyConfig(config);
//
// Threads: immutable once parsed; share it by shared_ptr<const AlertmanagerConfig>.
#ifndef SLOWBURN_NOTIFY_CONFIG_H_
#define SLOWBURN_NOTIFY_CONFIG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/http_client.h"
#include "notify/matcher.h"
#include "notify/time_interval.h"

namespace slowburn::notify {

// One node of the route tree as written: what is absent is inherited from its parent
// (route_tree.h).
struct RouteConfig {
  std::string receiver;
  std::optional<std::vector<std::string>> group_by;  // empty list: one group for the whole route
  bool group_by_all = false;                         // group_by: ['...']
  Matchers matchers;  // matchers, match and match_re together, sorted
  bool continue_matching = false;
  std::vector<std::string> mute_time_intervals, active_time_intervals;
  std::optional<base::DurationMs> group_wait, group_interval, repeat_interval;
  LabelSet labels;
  std::vector<RouteConfig> routes;
};

struct WebhookConfig {
  bool send_resolved = true;
  std::string url, url_file;     // exactly one; the file is read at each notification
  uint64_t max_alerts = 0;       // 0: no limit of the user's
  base::DurationMs timeout = 0;  // 0: kSendTimeout
  std::shared_ptr<const base::HttpClientConfig> http;
};

struct ReceiverConfig {
  std::string name;
  LabelSet labels;  // always has name
  std::vector<WebhookConfig> webhooks;
};

struct InhibitRuleConfig {
  std::string name;
  Matchers source, target;
  std::vector<std::string> equal;
};

struct AlertmanagerConfig {
  base::DurationMs resolve_timeout = 5 * base::kMinute;
  RouteConfig route;
  std::vector<ReceiverConfig> receivers;
  std::vector<InhibitRuleConfig> inhibit_rules;
  std::vector<TimeInterval> time_intervals;
  std::string original;  // the file again, secrets replaced by <secret>; amtool reads it
  std::vector<std::string> warnings;  // file:line: …, one per key that has no effect here
  uint64_t hash = 0;                  // of the text

  const ReceiverConfig* FindReceiver(std::string_view name) const;
  const TimeInterval* FindTimeInterval(std::string_view name) const;
};

using ConfigPtr = std::shared_ptr<const AlertmanagerConfig>;

// kMustBeBuilt refuses receivers that we cannot serve; kNamesOnly takes them by name, enough to ask
// where alerts go.
enum class ReceiverSupport { kMustBeBuilt, kNamesOnly };

absl::StatusOr<ConfigPtr> ParseAlertmanagerConfig(
    std::string_view text, const std::string& file_name,
    ReceiverSupport support = ReceiverSupport::kMustBeBuilt);
absl::StatusOr<ConfigPtr> LoadAlertmanagerConfig(
    const std::string& path, ReceiverSupport support = ReceiverSupport::kMustBeBuilt);
// Without a file: one receiver "default" that tells nobody. Alerts are kept and shown.
ConfigPtr DefaultAlertmanagerConfig();

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_CONFIG_H_
