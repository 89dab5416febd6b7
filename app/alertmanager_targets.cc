#include "app/alertmanager_targets.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "ingest/file_discovery.h"
#include "ingest/relabel.h"

namespace slowburn::app {
namespace {

std::vector<ingest::TargetGroup> GroupsOf(const AlertmanagerConfig& config, base::TimestampMs now) {
  std::vector<ingest::TargetGroup> groups = config.static_groups;
  for (const ingest::FileSdConfig& file_sd : config.file_sd) {
    ingest::FileDiscovery discovery(file_sd, [](const absl::Status& status) {
      base::Warn("cannot read a file of Alertmanagers", {{"err", status}});
    });
    discovery.Poll(now);
    for (ingest::TargetGroup& group : discovery.groups()) groups.push_back(std::move(group));
  }
  return groups;
}

// Nullopt when relabelling drops it.
std::optional<std::string> UrlOf(const AlertmanagerConfig& config, const ingest::TargetGroup& group,
                                 const std::string& address) {
  std::string prefix = config.path_prefix;
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.empty() && prefix.front() != '/') prefix.insert(0, "/");
  tsdb::LabelsBuilder labels(tsdb::Labels::FromPairs(group.labels));
  labels.Set("__address__", address);
  labels.Set("__scheme__", config.scheme);
  labels.Set("__alerts_path__", prefix + "/api/v2/alerts");
  if (!ingest::Relabel(config.relabel_rules, labels)) return std::nullopt;
  return absl::StrCat(std::string(labels.Get("__scheme__")), "://",
                      std::string(labels.Get("__address__")),
                      std::string(labels.Get("__alerts_path__")));
}

}  // namespace

rules::AlertRelabel AlertRelabelOf(const ingest::RelabelRules& rules) {
  if (rules.empty()) return nullptr;
  return [rules](rules::LabelPairs& pairs) {
    const std::optional<tsdb::Labels> labels =
        ingest::Relabel(rules, tsdb::Labels::FromPairs(pairs));
    if (!labels) return false;
    pairs.clear();
    for (const tsdb::LabelView label : *labels) pairs.emplace_back(label.name, label.value);
    return true;
  };
}

std::vector<rules::AlertmanagerTarget> AlertmanagerTargets(const AlertingConfig& alerting,
                                                           base::TimestampMs now) {
  std::vector<rules::AlertmanagerTarget> targets;
  for (const AlertmanagerConfig& config : alerting.alertmanagers) {
    for (const ingest::TargetGroup& group : GroupsOf(config, now)) {
      for (const std::string& address : group.targets) {
        const std::optional<std::string> url = UrlOf(config, group, address);
        if (!url) continue;
        targets.push_back({.url = *url,
                           .http = config.http.config,
                           .timeout_ms = config.timeout_ms,
                           .relabel = AlertRelabelOf(config.alert_relabel_rules)});
      }
    }
  }
  return targets;
}

}  // namespace slowburn::app
