// Receivers of alertmanager.yml. Webhooks are built; the other kinds that Alertmanager knows are
// refused by name.
#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "notify/config_parse.h"
#include "notify/http_config.h"

namespace slowburn::notify {
namespace {

using base::YamlNode;
using base::YamlReader;

constexpr const char* kUnbuiltReceivers[] = {
    "discord_configs",   "email_configs",     "incidentio_configs", "pagerduty_configs",
    "slack_configs",     "opsgenie_configs",  "wechat_configs",     "pushover_configs",
    "victorops_configs", "sns_configs",       "telegram_configs",   "webex_configs",
    "msteams_configs",   "msteamsv2_configs", "jira_configs",       "rocketchat_configs",
    "mattermost_configs"};

absl::Status CheckUrl(YamlReader& reader, const WebhookConfig& webhook) {
  if (webhook.url.empty() && webhook.url_file.empty()) {
    return reader.node().Error("one of url or url_file must be configured");
  }
  if (!webhook.url.empty() && !webhook.url_file.empty()) {
    return reader.node().Error("at most one of url & url_file must be configured");
  }
  if (webhook.url.empty()) return absl::OkStatus();
  const YamlNode& node = *reader.Find("url");
  if (webhook.url.find("{{") != std::string::npos)
    return node.Error("templates in webhook URLs are not built");
  return CheckHttpUrl(node, webhook.url);
}

absl::StatusOr<WebhookConfig> ParseWebhook(
    const YamlNode& node, const std::shared_ptr<const base::HttpClientConfig>& global_http) {
  if (node.IsNull()) return node.Error("missing webhook config");
  WebhookConfig webhook;
  YamlReader reader(node);
  reader.Bool("send_resolved", webhook.send_resolved);
  reader.String("url", webhook.url);
  reader.String("url_file", webhook.url_file);
  webhook.http = global_http;
  if (const YamlNode* http = reader.Find("http_config")) {
    ASSIGN_OR_RETURN(webhook.http, ParseHttpConfig(*http));
  }
  int64_t max_alerts = 0;
  if (reader.Int("max_alerts", max_alerts) && max_alerts < 0) {
    return node.Error(absl::StrCat("max_alerts is ", max_alerts, ", want 0 or more"));
  }
  webhook.max_alerts = uint64_t(max_alerts);
  if (const YamlNode* timeout = reader.Find("timeout")) {
    ASSIGN_OR_RETURN(webhook.timeout, ParseGoDuration(*timeout));
  }
  if (const YamlNode* payload = reader.Find("payload")) {
    return payload->Error(
        "webhook payloads are not built; the receiver would get another body than it wants");
  }
  RETURN_IF_ERROR(reader.Finish("webhook_configs"));
  RETURN_IF_ERROR(CheckUrl(reader, webhook));
  return webhook;
}

absl::Status RefuseUnbuilt(YamlReader& reader, const std::string& name, ReceiverSupport support) {
  for (const char* kind : kUnbuiltReceivers) {
    const YamlNode* node = reader.Find(kind);
    if (node == nullptr || support == ReceiverSupport::kNamesOnly) continue;
    if (node->kind == YamlNode::Kind::kSequence && node->items.empty()) continue;
    return node->Error(absl::StrCat(
        "receiver \"", name, "\": ", kind,
        " are not built yet, only webhook_configs are; a page sent there would be lost"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<base::DurationMs> ParseGoDuration(const YamlNode& node) {
  ASSIGN_OR_RETURN(const std::string text, node.AsString());
  absl::Duration duration;
  int64_t nanoseconds = 0;
  if (absl::SimpleAtoi(text, &nanoseconds)) {
    duration = absl::Nanoseconds(nanoseconds);
  } else if (!absl::ParseDuration(text, &duration)) {
    return node.Error(absl::StrCat("\"", text, "\" is not a duration such as 10s, 1m30s or 500ms"));
  }
  if (duration < absl::ZeroDuration() || duration == absl::InfiniteDuration()) {
    return node.Error(absl::StrCat("the duration ", text, " must be finite and not negative"));
  }
  // A timeout below a millisecond must not turn into "none".
  return duration == absl::ZeroDuration()
             ? 0
             : std::max<int64_t>(1, absl::ToInt64Milliseconds(duration));
}

absl::StatusOr<ReceiverConfig> ParseReceiver(
    const YamlNode& node, const std::shared_ptr<const base::HttpClientConfig>& global_http,
    ReceiverSupport support) {
  ReceiverConfig receiver;
  YamlReader reader(node);
  reader.String("name", receiver.name);
  std::vector<std::pair<std::string, std::string>> labels;
  reader.StringMap("labels", labels);
  ASSIGN_OR_RETURN(const std::vector<const YamlNode*> webhooks,
                   ReadItems(reader, "webhook_configs"));
  for (const YamlNode* webhook : webhooks) {
    ASSIGN_OR_RETURN(WebhookConfig parsed, ParseWebhook(*webhook, global_http));
    receiver.webhooks.push_back(std::move(parsed));
  }
  RETURN_IF_ERROR(RefuseUnbuilt(reader, receiver.name, support));
  RETURN_IF_ERROR(reader.Finish("receiver"));
  if (receiver.name.empty()) return node.Error("missing name in receiver");
  for (const auto& [name, value] : labels) {
    if (name == "name" && value != receiver.name) {
      return node.Error(absl::StrCat("receiver label \"name\" must match receiver name \"",
                                     receiver.name, "\", got \"", value, "\""));
    }
  }
  labels.emplace_back("name", receiver.name);
  receiver.labels = MakeLabelSet(std::move(labels));
  return receiver;
}

}  // namespace slowburn::notify
