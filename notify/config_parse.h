// The parts of the alertmanager.yml reader; only config*.cc include this.
#ifndef SLOWBURN_NOTIFY_CONFIG_PARSE_H_
#define SLOWBURN_NOTIFY_CONFIG_PARSE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/yaml.h"
#include "notify/config.h"

namespace slowburn::notify {

absl::StatusOr<RouteConfig> ParseRoute(const base::YamlNode& node, int depth);
absl::StatusOr<InhibitRuleConfig> ParseInhibitRule(const base::YamlNode& node);
absl::StatusOr<ReceiverConfig> ParseReceiver(
    const base::YamlNode& node, const std::shared_ptr<const base::HttpClientConfig>& global_http,
    ReceiverSupport support);
// `key: [matcher, …]` appended to `out`.
absl::Status ReadMatcherList(base::YamlReader& reader, std::string_view key, Matchers& out);
// `key: {label: value}` of the old forms match, source_match, target_match and their _re sisters.
absl::Status ReadMatchMap(base::YamlReader& reader, std::string_view key, Matcher::Op op,
                          Matchers& out);
// Every item of the sequence under `key` (absent: none); an error when it is no sequence.
absl::StatusOr<std::vector<const base::YamlNode*>> ReadItems(base::YamlReader& reader,
                                                             std::string_view key);
// Go's time.Duration: 1h30m, 1.5s, 100ms.
absl::StatusOr<base::DurationMs> ParseGoDuration(const base::YamlNode& node);
// The document again without comments, anchors and secrets.
std::string PrintWithoutSecrets(const base::YamlNode& root);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_CONFIG_PARSE_H_
