#include "app/prometheus_config.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "app/redacted_yaml.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/yaml.h"

namespace slowburn::app {
namespace {

using base::YamlNode;
using base::YamlReader;

const YamlNode& NodeOf(YamlReader& reader, std::string_view key) {
  const YamlNode* node = reader.node().Find(key);
  return node == nullptr ? reader.node() : *node;
}

// A list of mappings; `each` gets one. Null and empty are no entries.
template <typename Each>
void ForEachItem(YamlReader& reader, std::string_view key, std::string_view what, Each each) {
  const YamlNode* list = reader.Find(key);
  if (list == nullptr) return;
  if (list->kind != YamlNode::Kind::kSequence) {
    reader.Fail(list->Error(absl::StrCat("expected a list of ", std::string(what), "s")));
    return;
  }
  for (const YamlNode& item : list->items) {
    if (item.IsNull()) {
      reader.Fail(item.Error(absl::StrCat("empty or null ", std::string(what), " section")));
      return;
    }
    each(item);
  }
}

void ReadRelabel(YamlReader& reader, std::string_view key, std::string_view what,
                 ingest::RelabelRules& out) {
  const YamlNode* node = reader.Find(key);
  if (node == nullptr) return;
  auto rules = ingest::ParseRelabelRules(*node, what);
  reader.Fail(rules.status());
  if (rules.ok()) out = *std::move(rules);
}

bool IsNameByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class ConfigParser {
 public:
  ConfigParser(std::string file_name, PrometheusConfig& out)
      : file_(std::move(file_name)), out_(out) {}

  absl::Status Parse(const YamlNode& root) {
    YamlReader reader(root);
    if (const YamlNode* node = reader.Find("global")) reader.Fail(Global(*node));
    if (const YamlNode* node = reader.Find("runtime")) reader.Fail(Runtime(*node));
    ReadFileGlobs(reader, "rule_files", "rule", out_.rule_files);
    ReadFileGlobs(reader, "scrape_config_files", "scrape config", out_.scrape_config_files);
    ReadScrapeConfigs(reader, file_);
    if (const YamlNode* node = reader.Find("alerting")) reader.Fail(Alerting(*node));
    if (const YamlNode* node = reader.Find("storage")) reader.Fail(Storage(*node));
    ReadRemotes(reader, "remote_write");
    ReadRemotes(reader, "remote_read");
    if (const YamlNode* node = reader.Unbuilt("tracing", out_.warnings))
      reader.Fail(CheckTracing(*node));
    if (const YamlNode* node = reader.Unbuilt("otlp", out_.warnings)) reader.Fail(CheckOtlp(*node));
    RETURN_IF_ERROR(reader.Finish("prometheus.yml"));
    return ReadScrapeConfigFiles();
  }

 private:
  absl::Status Global(const YamlNode& node) {
    YamlReader reader(node);
    ingest::ReadScrapeGlobals(reader, out_.warnings, out_.global.scrape);
    base::DurationMs evaluation = 0;
    reader.Duration("evaluation_interval", evaluation);
    if (evaluation > 0) out_.global.evaluation_interval_ms = evaluation;
    reader.Duration("rule_query_offset", out_.global.rule_query_offset_ms);
    reader.String("query_log_file", out_.global.query_log_file);
    if (!out_.global.query_log_file.empty()) {
      out_.global.query_log_file = base::ResolvePath(file_, out_.global.query_log_file);
    }
    if (const YamlNode* labels = reader.Find("external_labels"))
      reader.Fail(ExternalLabels(*labels));
    return reader.Finish("global");
  }

  absl::Status ExternalLabels(const YamlNode& node) {
    ASSIGN_OR_RETURN(const auto pairs, node.AsStringMap());
    std::vector<std::pair<std::string, std::string>> labels;
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto& [name, value] = pairs[i];
      if (name.empty() || !tsdb::IsValidUtf8(name)) {
        return node.entries[i].first.Error(
            absl::StrCat("\"", name, "\" is not a valid label name"));
      }
      if (!tsdb::IsValidUtf8(value)) {
        return node.entries[i].second.Error(
            absl::StrCat("\"", value, "\" is not a valid label value"));
      }
      std::vector<std::string> problems;
      labels.emplace_back(name, ExpandEnvironment(value, problems));
      for (const std::string& problem : problems) {
        out_.warnings.push_back(absl::StrCat(node.entries[i].second.Where(), ": ", problem));
      }
    }
    out_.global.external_labels = tsdb::Labels::FromPairs(std::move(labels));
    return absl::OkStatus();
  }

  // Settings of Go's runtime: they mean nothing here, so nothing is lost.
  absl::Status Runtime(const YamlNode& node) {
    YamlReader reader(node);
    int64_t ignored = 0;
    reader.Int("gogc", ignored);
    return reader.Finish("runtime");
  }

  // One star, in the last part of the path.
  void ReadFileGlobs(YamlReader& reader, std::string_view key, const std::string& what,
                     std::vector<std::string>& out) {
    if (!reader.Strings(key, out)) return;
    const YamlNode& list = NodeOf(reader, key);
    for (size_t i = 0; i < out.size(); ++i) {
      const size_t star = out[i].find('*');
      if (star != std::string::npos && out[i].find('/', star) != std::string::npos) {
        reader.Fail(
            list.items[i].Error(absl::StrCat("invalid ", what, " file path \"", out[i], "\"")));
      }
      out[i] = base::ResolvePath(file_, out[i]);
    }
  }

  void ReadScrapeConfigs(YamlReader& reader, const std::string& where) {
    ForEachItem(reader, "scrape_configs", "scrape config", [&](const YamlNode& item) {
      absl::StatusOr<ingest::ScrapeConfig> config =
          ingest::ParseScrapeConfig(item, out_.global.scrape, out_.warnings);
      if (!config.ok()) {
        reader.Fail(config.status());
        return;
      }
      const auto [first, is_new] = jobs_.emplace(config->job_name, where);
      if (!is_new) {
        const YamlNode* name = item.Find("job_name");
        reader.Fail(
            (name == nullptr ? item : *name)
                .Error(absl::StrCat("found multiple scrape configs with job name \"",
                                    config->job_name, "\", first found in ", first->second)));
      }
      out_.scrape_configs.push_back(*std::move(config));
    });
  }

  absl::Status ReadScrapeConfigFiles() {
    for (const std::string& pattern : out_.scrape_config_files) {
      for (const std::string& path : base::Glob(pattern)) {
        ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
        ASSIGN_OR_RETURN(const YamlNode root, base::ParseYaml(text, path));
        YamlReader reader(root);
        ReadScrapeConfigs(reader, path);
        RETURN_IF_ERROR(reader.Finish("scrape_config_files"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Alerting(const YamlNode& node) {
    YamlReader reader(node);
    ReadRelabel(reader, "alert_relabel_configs", "alert relabeling rule",
                out_.alerting.alert_relabel_rules);
    ForEachItem(reader, "alertmanagers", "alertmanager", [&](const YamlNode& item) {
      reader.Fail(Alertmanager(item, out_.alerting.alertmanagers.emplace_back()));
    });
    return reader.Finish("alerting");
  }

  absl::Status Alertmanager(const YamlNode& node, AlertmanagerConfig& out) {
    YamlReader reader(node);
    if (reader.String("scheme", out.scheme) && out.scheme != "http" && out.scheme != "https") {
      reader.Fail(
          NodeOf(reader, "scheme")
              .Error(absl::StrCat("scheme must be http or https, got \"", out.scheme, "\"")));
    }
    reader.String("path_prefix", out.path_prefix);
    reader.Duration("timeout", out.timeout_ms);
    std::string version = "v2";
    if (reader.String("api_version", version) && version != "v2") {
      reader.Fail(
          NodeOf(reader, "api_version")
              .Error(absl::StrCat("expected Alertmanager api version to be one of [v2] but got ",
                                  version)));
    }
    ingest::ReadHttpClientSettings(reader, out_.warnings, out.http);
    ingest::ReadServiceDiscovery(reader, out_.warnings, out.static_groups, out.file_sd);
    ReadRelabel(reader, "relabel_configs", "Alertmanager target relabeling rule",
                out.relabel_rules);
    ReadRelabel(reader, "alert_relabel_configs", "Alertmanager alert relabeling rule",
                out.alert_relabel_rules);
    const YamlNode* sigv4 = reader.Unbuilt("sigv4", out_.warnings);
    if (sigv4 != nullptr &&
        (out.http.config->basic_auth != nullptr || out.http.config->authorization != nullptr)) {
      reader.Fail(sigv4->Error(
          "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured"));
    }
    if (out.relabel_rules.empty()) reader.Fail(ingest::CheckStaticTargets(node));
    return reader.Finish("alertmanager");
  }

  absl::Status Storage(const YamlNode& node) {
    YamlReader reader(node);
    if (const YamlNode* tsdb = reader.Find("tsdb")) {
      YamlReader inner(*tsdb);
      inner.Duration("out_of_order_time_window", out_.out_of_order_time_window_ms);
      if (const YamlNode* retention = inner.Find("retention")) reader.Fail(Retention(*retention));
      inner.Unbuilt("stale_series_compaction_threshold", out_.warnings);
      inner.Unbuilt("chunk_encoding", out_.warnings);
      reader.Fail(inner.Finish("storage.tsdb"));
    }
    if (const YamlNode* exemplars = reader.Find("exemplars")) {
      YamlReader inner(*exemplars);
      inner.Int("max_exemplars", out_.max_exemplars);
      reader.Fail(inner.Finish("storage.exemplars"));
    }
    return reader.Finish("storage");
  }

  absl::Status Retention(const YamlNode& node) {
    YamlReader reader(node);
    reader.Duration("time", out_.retention_ms);
    reader.Bytes("size", out_.retention_bytes);
    reader.Unbuilt("percentage", out_.warnings);
    return reader.Finish("storage.tsdb.retention");
  }

  // Known, not built: one warning each, and the faults that Prometheus would refuse.
  void ReadRemotes(YamlReader& reader, std::string_view key) {
    std::map<std::string, int> names;
    ForEachItem(reader, key, absl::StrCat(std::string(key), " config"), [&](const YamlNode& item) {
      out_.warnings.push_back(absl::StrCat(item.Where(), ": ", std::string(key),
                                           " is not supported yet and has no effect"));
      reader.Fail(key == "remote_write" ? CheckRemoteWrite(item) : CheckRemoteRead(item));
      const YamlNode* name = item.Find("name");
      if (name != nullptr && !name->scalar.empty() && ++names[name->scalar] > 1) {
        reader.Fail(name->Error(absl::StrCat("found multiple ", std::string(key),
                                             " configs with job name \"", name->scalar, "\"")));
      }
    });
  }

  static void CheckHeaders(YamlReader& reader, std::string_view authorization_error) {
    static constexpr std::array<std::string_view, 12> kReserved = {
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "x-prometheus-remote-write-version",
        "x-prometheus-remote-read-version",
        "x-amz-date"};
    std::vector<std::pair<std::string, std::string>> headers;
    if (!reader.StringMap("headers", headers)) return;
    const YamlNode& node = *reader.node().Find("headers");
    for (const auto& [name, value] : node.entries) {
      const std::string lower = absl::AsciiStrToLower(name.scalar);
      if (lower == "authorization") reader.Fail(name.Error(authorization_error));
      if (std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end()) {
        reader.Fail(
            name.Error(absl::StrCat(name.scalar, " is a reserved header. It must not be changed")));
      }
    }
  }

  static void KnownKeys(YamlReader& reader, std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) reader.Find(key);
  }

  static absl::Status CheckSubsection(YamlReader& parent, std::string_view key,
                                      std::initializer_list<std::string_view> keys) {
    const YamlNode* node = parent.Find(key);
    if (node == nullptr) return absl::OkStatus();
    YamlReader reader(*node);
    KnownKeys(reader, keys);
    return reader.Finish(key);
  }

  void CheckRemoteCommon(YamlReader& reader, const std::string& what) {
    std::string url;
    reader.String("url", url);
    if (url.empty())
      reader.Fail(NodeOf(reader, "url").Error(absl::StrCat("url for ", what, " is empty")));
    base::DurationMs timeout = 0;
    reader.Duration("remote_timeout", timeout);
    std::vector<std::string> ignored;  // the whole section was warned about
    ingest::HttpClientSettings settings;
    ingest::ReadHttpClientSettings(reader, ignored, settings);
    CheckHeaders(
        reader,
        "authorization header must be changed via the basic_auth, authorization, oauth2, or sigv4 "
        "parameter");
  }

  absl::Status CheckRemoteWrite(const YamlNode& node) {
    YamlReader reader(node);
    CheckRemoteCommon(reader, "remote_write");
    ingest::RelabelRules rules;
    ReadRelabel(reader, "write_relabel_configs", "relabeling rule in remote write config", rules);
    std::string message = "prometheus.WriteRequest";
    if (reader.String("protobuf_message", message) && message != "prometheus.WriteRequest" &&
        message != "io.prometheus.write.v2.Request") {
      reader.Fail(NodeOf(reader, "protobuf_message")
                      .Error(absl::StrCat(
                          "invalid protobuf_message value: unknown remote write protobuf message ",
                          message)));
    }
    KnownKeys(reader, {"name", "send_exemplars", "send_native_histograms", "round_robin_dns",
                       "sigv4", "azuread", "google_iam"});
    reader.Fail(CheckSubsection(
        reader, "queue_config",
        {"capacity", "max_shards", "min_shards", "max_samples_per_send", "batch_send_deadline",
         "min_backoff", "max_backoff", "retry_on_http_429", "sample_age_limit"}));
    reader.Fail(CheckSubsection(reader, "metadata_config",
                                {"send", "send_interval", "max_samples_per_send"}));
    return reader.Finish("remote_write");
  }

  absl::Status CheckRemoteRead(const YamlNode& node) {
    YamlReader reader(node);
    CheckRemoteCommon(reader, "remote_read");
    KnownKeys(reader, {"name", "read_recent", "chunked_read_limit", "required_matchers",
                       "filter_external_labels"});
    return reader.Finish("remote_read");
  }

  static absl::Status CheckTracing(const YamlNode& node) {
    YamlReader reader(node);
    std::string endpoint, type = "grpc", compression;
    reader.String("endpoint", endpoint);
    if (endpoint.empty())
      reader.Fail(NodeOf(reader, "endpoint").Error("tracing endpoint must be set"));
    if (reader.String("client_type", type) && type != "grpc" && type != "http") {
      reader.Fail(NodeOf(reader, "client_type")
                      .Error(absl::StrCat(
                          "expected tracing client type to be http or grpc, but got ", type)));
    }
    if (reader.String("compression", compression) && !compression.empty() &&
        compression != "gzip") {
      reader.Fail(NodeOf(reader, "compression")
                      .Error(absl::StrCat("invalid compression type ", compression,
                                          " provided, valid options: gzip")));
    }
    CheckHeaders(reader, "custom authorization header configuration is not yet supported");
    KnownKeys(reader, {"sampling_fraction", "insecure", "tls_config", "timeout"});
    return reader.Finish("tracing");
  }

  absl::Status CheckOtlp(const YamlNode& node) {
    static constexpr std::array<std::string_view, 4> kStrategies = {
        "UnderscoreEscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes",
        "NoUTF8EscapingWithSuffixes", "NoTranslation"};
    YamlReader reader(node);
    bool promote_all = false;
    std::vector<std::string> promoted, ignored_attributes;
    reader.Bool("promote_all_resource_attributes", promote_all);
    reader.Strings("promote_resource_attributes", promoted);
    reader.Strings("ignore_resource_attributes", ignored_attributes);
    std::string strategy;
    if (reader.String("translation_strategy", strategy) && !strategy.empty()) {
      const YamlNode& at = NodeOf(reader, "translation_strategy");
      if (std::find(kStrategies.begin(), kStrategies.end(), strategy) == kStrategies.end()) {
        reader.Fail(
            at.Error(absl::StrCat("unsupported OTLP translation strategy \"", strategy, "\"")));
      }
      const bool utf8 = strategy == "NoUTF8EscapingWithSuffixes" || strategy == "NoTranslation";
      if (utf8 && out_.global.scrape.name_validation == ingest::NameValidation::kLegacy) {
        reader.Fail(at.Error(absl::StrCat("OTLP translation strategy \"", strategy,
                                          "\" is not allowed when UTF8 is disabled")));
      }
    }
    if (promote_all && !promoted.empty()) {
      reader.Fail(
          NodeOf(reader, "promote_resource_attributes")
              .Error(
                  "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be "
                  "configured simultaneously"));
    }
    if (!promote_all && !ignored_attributes.empty()) {
      reader.Fail(NodeOf(reader, "ignore_resource_attributes")
                      .Error("'ignore_resource_attributes' can only be configured when "
                             "'promote_all_resource_attributes' is true"));
    }
    CheckAttributes(reader, "promote_resource_attributes", promoted);
    CheckAttributes(reader, "ignore_resource_attributes", ignored_attributes);
    KnownKeys(reader, {"keep_identifying_resource_attributes", "convert_histograms_to_nhcb",
                       "promote_scope_metadata", "label_name_underscore_sanitization",
                       "label_name_preserve_multiple_underscores"});
    return reader.Finish("otlp");
  }

  static void CheckAttributes(YamlReader& reader, std::string_view key,
                              const std::vector<std::string>& names) {
    std::map<std::string, int> seen;
    for (size_t i = 0; i < names.size(); ++i) {
      std::string name = names[i];
      absl::StripAsciiWhitespace(&name);
      const YamlNode& at = reader.node().Find(key)->items[i];
      if (name.empty())
        reader.Fail(at.Error(absl::StrCat("empty attribute in ", std::string(key))));
      if (++seen[name] > 1) {
        reader.Fail(
            at.Error(absl::StrCat("duplicated attribute \"", name, "\" in ", std::string(key))));
      }
    }
  }

  const std::string file_;
  PrometheusConfig& out_;
  std::map<std::string, std::string> jobs_;  // name, where it was found first
};

}  // namespace

std::string ExpandEnvironment(std::string_view text, std::vector<std::string>& warnings) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    std::string name;
    if (text[i + 1] == '{') {
      const size_t end = text.find('}', i + 2);
      if (end == std::string_view::npos || end == i + 2) {  // Go eats what it cannot read
        i += end == std::string_view::npos ? 1 : 2;
        continue;
      }
      name = text.substr(i + 2, end - i - 2);
      i = end;
    } else if (text[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    } else {
      size_t end = i + 1;
      while (end < text.size() && IsNameByte(text[end])) ++end;
      if (end == i + 1) {  // no name: the dollar stays
        out += '$';
        continue;
      }
      name = text.substr(i + 1, end - i - 1);
      i = end - 1;
    }
    if (name == "$") {
      out += '$';
      continue;
    }
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') {
      warnings.push_back(absl::StrCat("environment variable ", name, " is empty"));
    } else {
      out += value;
    }
  }
  return out;
}

absl::StatusOr<PrometheusConfig> ParsePrometheusConfig(std::string_view text,
                                                       const std::string& file_name) {
  PrometheusConfig config;
  config.path = file_name;
  ASSIGN_OR_RETURN(const YamlNode root, base::ParseYaml(text, file_name));
  RETURN_IF_ERROR(ConfigParser(file_name, config).Parse(root));
  config.redacted_yaml = RedactedYaml(root);
  return config;
}

absl::StatusOr<PrometheusConfig> LoadPrometheusConfig(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  return ParsePrometheusConfig(text, path);
}

PrometheusConfig DefaultPrometheusConfig(const std::string& own_address,
                                         const std::string& metrics_path) {
  PrometheusConfig config;
  ingest::ScrapeConfig self;
  self.job_name = "slowburn";
  self.interval_ms = 15 * base::kSecond;
  self.metrics_path = metrics_path;
  self.protocols = config.global.scrape.protocols;
  self.static_groups.push_back({.source = "0", .targets = {own_address}, .labels = {}});
  self.fingerprint = self.series_fingerprint = absl::StrCat("self ", metrics_path);
  self.http.config = std::make_shared<const base::HttpClientConfig>();
  config.redacted_yaml = absl::StrCat(
      "scrape_configs:\n  - job_name: slowburn\n    scrape_interval: 15s\n    metrics_path: \"",
      metrics_path, "\"\n    static_configs:\n      - targets:\n          - \"", own_address,
      "\"\n");
  config.scrape_configs.push_back(std::move(self));
  return config;
}

}  // namespace slowburn::app
