#include "notify/config.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/yaml.h"
#include "notify/config_parse.h"
#include "notify/http_config.h"
#include "notify/limits.h"

namespace slowburn::notify {
namespace {

using base::YamlNode;
using base::YamlReader;

// Defaults for receivers that we do not build: without such a receiver they have no effect.
constexpr const char* kUnbuiltGlobals[] = {"jira_api_url",
                                           "smtp_from",
                                           "smtp_hello",
                                           "smtp_smarthost",
                                           "smtp_auth_username",
                                           "smtp_auth_password",
                                           "smtp_auth_password_file",
                                           "smtp_auth_secret",
                                           "smtp_auth_secret_file",
                                           "smtp_auth_identity",
                                           "smtp_require_tls",
                                           "smtp_tls_config",
                                           "smtp_force_implicit_tls",
                                           "slack_api_url",
                                           "slack_api_url_file",
                                           "slack_app_token",
                                           "slack_app_token_file",
                                           "slack_app_url",
                                           "pagerduty_url",
                                           "opsgenie_api_url",
                                           "opsgenie_api_key",
                                           "opsgenie_api_key_file",
                                           "wechat_api_url",
                                           "wechat_api_secret",
                                           "wechat_api_secret_file",
                                           "wechat_api_corp_id",
                                           "victorops_api_url",
                                           "victorops_api_key",
                                           "victorops_api_key_file",
                                           "telegram_api_url",
                                           "telegram_bot_token",
                                           "telegram_bot_token_file",
                                           "webex_api_url",
                                           "rocketchat_api_url",
                                           "rocketchat_token",
                                           "rocketchat_token_file",
                                           "rocketchat_token_id",
                                           "rocketchat_token_id_file",
                                           "mattermost_webhook_url",
                                           "mattermost_webhook_url_file"};

uint64_t HashText(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

class ConfigParser {
 public:
  ConfigParser(const YamlNode& root, ReceiverSupport support) : root_(root), support_(support) {}

  absl::StatusOr<AlertmanagerConfig> Parse() {
    YamlReader reader(root_);
    RETURN_IF_ERROR(Globals(reader.Find("global")));
    RETURN_IF_ERROR(Receivers(reader));
    RETURN_IF_ERROR(Intervals(reader, "mute_time_intervals"));
    RETURN_IF_ERROR(Intervals(reader, "time_intervals"));
    RETURN_IF_ERROR(InhibitRules(reader));
    const YamlNode* route = reader.Find("route");
    if (const YamlNode* templates = reader.Find("templates");
        templates != nullptr && !templates->items.empty()) {
      reader.Unbuilt("templates", config_.warnings);
    }
    for (const char* key : {"tracing", "event_recorder"}) reader.Unbuilt(key, config_.warnings);
    RETURN_IF_ERROR(reader.Finish("config"));
    if (route == nullptr) return root_.Error("no route provided in config");
    ASSIGN_OR_RETURN(config_.route, ParseRoute(*route, 0));
    RETURN_IF_ERROR(CheckRoot(*route));
    RETURN_IF_ERROR(CheckNames(*route, config_.route));
    config_.original = PrintWithoutSecrets(root_);
    return std::move(config_);
  }

 private:
  absl::Status Globals(const YamlNode* node) {
    if (node == nullptr) return absl::OkStatus();
    YamlReader reader(*node);
    reader.Duration("resolve_timeout", config_.resolve_timeout);
    if (const YamlNode* http = reader.Find("http_config")) {
      ASSIGN_OR_RETURN(http_, ParseHttpConfig(*http));
    }
    for (const char* key : kUnbuiltGlobals) reader.Unbuilt(key, config_.warnings);
    return reader.Finish("global");
  }

  absl::Status Receivers(YamlReader& reader) {
    ASSIGN_OR_RETURN(const std::vector<const YamlNode*> items, ReadItems(reader, "receivers"));
    for (const YamlNode* item : items) {
      ASSIGN_OR_RETURN(ReceiverConfig receiver, ParseReceiver(*item, http_, support_));
      if (config_.FindReceiver(receiver.name) != nullptr) {
        return item->Error(
            absl::StrCat("notification config name \"", receiver.name, "\" is not unique"));
      }
      config_.receivers.push_back(std::move(receiver));
    }
    return absl::OkStatus();
  }

  absl::Status Intervals(YamlReader& reader, std::string_view key) {
    ASSIGN_OR_RETURN(const std::vector<const YamlNode*> items, ReadItems(reader, key));
    for (const YamlNode* item : items) {
      ASSIGN_OR_RETURN(TimeInterval interval, ParseTimeInterval(*item));
      if (config_.FindTimeInterval(interval.name) != nullptr) {
        return item->Error(absl::StrCat("time interval \"", interval.name, "\" is not unique"));
      }
      config_.time_intervals.push_back(std::move(interval));
    }
    return absl::OkStatus();
  }

  absl::Status InhibitRules(YamlReader& reader) {
    ASSIGN_OR_RETURN(const std::vector<const YamlNode*> items, ReadItems(reader, "inhibit_rules"));
    for (const YamlNode* item : items) {
      ASSIGN_OR_RETURN(InhibitRuleConfig rule, ParseInhibitRule(*item));
      config_.inhibit_rules.push_back(std::move(rule));
    }
    return absl::OkStatus();
  }

  absl::Status CheckRoot(const YamlNode& node) const {
    const RouteConfig& root = config_.route;
    if (root.continue_matching) return node.Error("cannot have continue in root route");
    if (root.receiver.empty()) return node.Error("root route must specify a default receiver");
    if (!root.matchers.empty()) return node.Error("root route must not have any matchers");
    if (!root.mute_time_intervals.empty())
      return node.Error("root route must not have any mute time intervals");
    if (!root.active_time_intervals.empty())
      return node.Error("root route must not have any active time intervals");
    return absl::OkStatus();
  }

  // Receivers and time intervals that routes name must exist.
  absl::Status CheckNames(const YamlNode& node, const RouteConfig& route) {
    if (!route.receiver.empty() && config_.FindReceiver(route.receiver) == nullptr) {
      return Position(node, "receiver")
          .Error(absl::StrCat("undefined receiver \"", route.receiver, "\" used in route"));
    }
    RETURN_IF_ERROR(CheckIntervals(node, "mute_time_intervals", route.mute_time_intervals));
    RETURN_IF_ERROR(CheckIntervals(node, "active_time_intervals", route.active_time_intervals));
    WarnTimers(node, route);
    const YamlNode* routes = node.Find("routes");
    for (size_t i = 0; i < route.routes.size(); ++i) {
      RETURN_IF_ERROR(CheckNames(routes->items[i], route.routes[i]));
    }
    return absl::OkStatus();
  }

  absl::Status CheckIntervals(const YamlNode& node, std::string_view key,
                              const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      if (config_.FindTimeInterval(name) != nullptr) continue;
      return Position(node, key).Error(
          absl::StrCat("undefined time interval \"", name, "\" used in route"));
    }
    return absl::OkStatus();
  }

  void WarnTimers(const YamlNode& node, const RouteConfig& route) {
    if (route.repeat_interval && route.group_interval &&
        *route.repeat_interval < *route.group_interval) {
      config_.warnings.push_back(absl::StrCat(node.Where(),
                                              ": repeat_interval is less than group_interval: "
                                              "notifications repeat every group_interval"));
    }
  }

  static const YamlNode& Position(const YamlNode& node, std::string_view key) {
    const YamlNode* found = node.Find(key);
    return found == nullptr ? node : *found;
  }

  const YamlNode& root_;
  const ReceiverSupport support_;
  std::shared_ptr<const base::HttpClientConfig> http_ = std::make_shared<base::HttpClientConfig>();
  AlertmanagerConfig config_;
};

}  // namespace

const ReceiverConfig* AlertmanagerConfig::FindReceiver(std::string_view name) const {
  const auto it = std::find_if(receivers.begin(), receivers.end(),
                               [&](const auto& r) { return r.name == name; });
  return it == receivers.end() ? nullptr : &*it;
}

const TimeInterval* AlertmanagerConfig::FindTimeInterval(std::string_view name) const {
  const auto it = std::find_if(time_intervals.begin(), time_intervals.end(),
                               [&](const auto& t) { return t.name == name; });
  return it == time_intervals.end() ? nullptr : &*it;
}

absl::StatusOr<ConfigPtr> ParseAlertmanagerConfig(std::string_view text,
                                                  const std::string& file_name,
                                                  ReceiverSupport support) {
  if (text.size() > kMaxConfigBytes) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, ": the file has ", text.size(),
                                                   " bytes, the limit is ", kMaxConfigBytes));
  }
  ASSIGN_OR_RETURN(const YamlNode root, base::ParseYaml(text, file_name));
  ASSIGN_OR_RETURN(AlertmanagerConfig config, ConfigParser(root, support).Parse());
  config.hash = HashText(text);
  return std::make_shared<const AlertmanagerConfig>(std::move(config));
}

absl::StatusOr<ConfigPtr> LoadAlertmanagerConfig(const std::string& path, ReceiverSupport support) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  return ParseAlertmanagerConfig(text, path, support);
}

ConfigPtr DefaultAlertmanagerConfig() {
  AlertmanagerConfig config;
  config.route.receiver = "default";
  config.receivers.push_back({.name = "default", .labels = {{"name", "default"}}, .webhooks = {}});
  config.original = "route:\n  receiver: \"default\"\nreceivers:\n- name: \"default\"\n";
  config.hash = HashText(config.original);
  return std::make_shared<const AlertmanagerConfig>(std::move(config));
}

}  // namespace slowburn::notify
