// PrometheusConfig: the whole of a prometheus.yml, as it is written for Prometheus.
//
//   ASSIGN_OR_RETURN(PrometheusConfig config, LoadPrometheusConfig("prometheus.yml"));
//   for (const std::string& warning : config.warnings) base::Warn(warning);
//
// Keys that Prometheus knows and this program does not build yet are warnings with
// file:line:column; keys that nobody knows are errors. Threads: values. Errors: kInvalidArgument
// with file:line:column, kNotFound and others of base::ReadFile.
#ifndef SLOWBURN_APP_PROMETHEUS_CONFIG_H_
#define SLOWBURN_APP_PROMETHEUS_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "ingest/http_client_config.h"
#include "ingest/relabel.h"
#include "ingest/scrape_config.h"
#include "ingest/target_group.h"
#include "tsdb/labels.h"

namespace slowburn::app {

// alerting.alertmanagers: an Alertmanager beside our own routing that is notified too.
struct AlertmanagerConfig {
  std::string scheme = "http";
  std::string path_prefix;
  base::DurationMs timeout_ms = 10 * base::kSecond;
  std::vector<ingest::TargetGroup> static_groups;
  std::vector<ingest::FileSdConfig> file_sd;
  ingest::HttpClientSettings http;
  ingest::RelabelRules relabel_rules;        // of the Alertmanager's own address labels
  ingest::RelabelRules alert_relabel_rules;  // of what is sent to this one, after AlertingConfig's
};

struct AlertingConfig {
  ingest::RelabelRules alert_relabel_rules;
  std::vector<AlertmanagerConfig> alertmanagers;
};

struct GlobalConfig {
  ingest::ScrapeGlobals scrape;
  base::DurationMs evaluation_interval_ms = base::kMinute;
  base::DurationMs rule_query_offset_ms = 0;
  tsdb::Labels external_labels;  // $VAR and ${VAR} replaced from the environment
  std::string query_log_file;
};

struct PrometheusConfig {
  std::string path;  // empty: no file
  GlobalConfig global;
  std::vector<std::string> rule_files;               // globs, absolute or from the working folder
  std::vector<std::string> scrape_config_files;      // globs, already read into scrape_configs
  std::vector<ingest::ScrapeConfig> scrape_configs;  // unique job names
  AlertingConfig alerting;
  base::DurationMs out_of_order_time_window_ms = 0;
  base::DurationMs retention_ms = 0;  // storage.tsdb.retention.time; 0: as the flag says
  uint64_t retention_bytes = 0;       // storage.tsdb.retention.size; 0: as the flag says
  int64_t max_exemplars = 100000;
  std::vector<std::string> warnings;  // "file:line:column: …"
  // For /api/v1/status/config: the file's keys and values, secrets as <secret>, without comments.
  std::string redacted_yaml;
};

absl::StatusOr<PrometheusConfig> LoadPrometheusConfig(const std::string& path);
// The same from a text; relative paths are taken from the folder of `file_name`.
absl::StatusOr<PrometheusConfig> ParsePrometheusConfig(std::string_view text,
                                                       const std::string& file_name);
// Without a file: this server scrapes itself, as job "slowburn".
PrometheusConfig DefaultPrometheusConfig(const std::string& own_address,
                                         const std::string& metrics_path);

// $name and ${name} as Go's os.Expand: $$ is a dollar, what is not set is empty (and told in
// `warnings`).
std::string ExpandEnvironment(std::string_view text, std::vector<std::string>& warnings);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_PROMETHEUS_CONFIG_H_
