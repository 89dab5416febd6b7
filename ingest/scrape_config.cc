#include "ingest/scrape_config.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/number.h"
#include "base/status_macros.h"

namespace slowburn::ingest {
namespace {

using base::YamlNode;
using base::YamlReader;

struct ProtocolName {
  std::string_view name;
  ScrapeProtocol protocol;
  std::string_view media_type;
};
constexpr std::array<ProtocolName, 5> kProtocols = {{
    {"OpenMetricsText0.0.1", ScrapeProtocol::kOpenMetricsText0_0_1, "application/openmetrics-text"},
    {"OpenMetricsText1.0.0", ScrapeProtocol::kOpenMetricsText1_0_0, "application/openmetrics-text"},
    {"PrometheusProto", ScrapeProtocol::kPrometheusProto, "application/vnd.google.protobuf"},
    {"PrometheusText0.0.4", ScrapeProtocol::kPrometheusText0_0_4, "text/plain"},
    {"PrometheusText1.0.0", ScrapeProtocol::kPrometheusText1_0_0, "text/plain"},
}};

constexpr std::array<std::string_view, 35> kUnbuiltDiscoveries = {
    "aws",   "azure",      "consul",      "digitalocean", "dns",      "docker",   "dockerswarm",
    "ec2",   "ecs",        "elasticache", "eureka",       "gce",      "hetzner",  "http",
    "ionos", "kubernetes", "kuma",        "lightsail",    "linode",   "marathon", "msk",
    "nerve", "nomad",      "oci",         "openstack",    "outscale", "ovhcloud", "puppetdb",
    "rds",   "scaleway",   "serverset",   "stackit",      "triton",   "uyuni",    "vultr"};

constexpr std::array<std::string_view, 4> kEscapingSchemes = {"allow-utf-8", "underscores", "dots",
                                                              "values"};

// How a target is found, not how it is scraped.
constexpr std::array<std::string_view, 3> kDiscoveryKeys = {"static_configs", "file_sd_configs",
                                                            "relabel_configs"};
// What does not change the labels of a series.
constexpr std::array<std::string_view, 10> kNotSeriesKeys = {
    "scrape_interval", "scrape_timeout", "sample_limit", "body_size_limit", "basic_auth",
    "authorization",   "tls_config",     "bearer_token", "http_headers",    "proxy_url"};

const ProtocolName* FindProtocol(std::string_view name) {
  const auto it = std::find_if(kProtocols.begin(), kProtocols.end(),
                               [&](const ProtocolName& p) { return p.name == name; });
  return it == kProtocols.end() ? nullptr : &*it;
}

std::string ProtocolNames() {
  std::string out;
  for (const ProtocolName& p : kProtocols)
    absl::StrAppend(&out, out.empty() ? "" : " ", std::string(p.name));
  return out;
}

const YamlNode& NodeOf(YamlReader& reader, std::string_view key) {
  const YamlNode* node = reader.node().Find(key);
  return node == nullptr ? reader.node() : *node;
}

void ReadProtocols(YamlReader& reader, std::vector<std::string>& warnings,
                   std::vector<ScrapeProtocol>& out) {
  const YamlNode* node = reader.Find("scrape_protocols");
  if (node == nullptr) return;
  std::vector<std::string> names;
  if (!reader.Strings("scrape_protocols", names)) return;
  if (names.empty()) {
    reader.Fail(node->Error("scrape_protocols cannot be empty"));
    return;
  }
  out.clear();
  for (size_t i = 0; i < names.size(); ++i) {
    const YamlNode& item = node->items[i];
    const ProtocolName* protocol = FindProtocol(names[i]);
    if (protocol == nullptr) {
      reader.Fail(item.Error(absl::StrCat("scrape_protocols: unknown scrape protocol ", names[i],
                                          ", supported: [", ProtocolNames(), "]")));
      return;
    }
    if (std::find(out.begin(), out.end(), protocol->protocol) != out.end()) {
      reader.Fail(item.Error(
          absl::StrCat("duplicated protocol in scrape_protocols, got ", names[i], " twice")));
      return;
    }
    if (protocol->protocol == ScrapeProtocol::kPrometheusProto) {
      warnings.push_back(
          absl::StrCat(item.Where(), ": PrometheusProto is not supported yet and not asked for"));
    }
    out.push_back(protocol->protocol);
  }
}

void ReadCount(YamlReader& reader, std::string_view key, uint64_t& out) {
  int64_t value = 0;
  if (!reader.Int(key, value)) return;
  if (value < 0) {
    reader.Fail(
        NodeOf(reader, key).Error(absl::StrCat(std::string(key), " ", value, " is negative")));
    return;
  }
  if (value > 0) out = static_cast<uint64_t>(value);  // 0: the global one holds
}

void ReadLimits(YamlReader& reader, ScrapeLimits& out) {
  uint64_t bytes = 0;
  if (reader.Bytes("body_size_limit", bytes) && bytes > 0) {
    out.body_bytes = bytes;
    const YamlNode& node = NodeOf(reader, "body_size_limit");
    if (node.scalar.find_first_not_of("0123456789.") == std::string::npos) {
      reader.Fail(node.Error(
          absl::StrCat("units: unknown unit in ", node.scalar, " (want 512MB or 1KiB)")));
    }
  }
  ReadCount(reader, "sample_limit", out.samples);
  ReadCount(reader, "target_limit", out.targets);
  ReadCount(reader, "label_limit", out.labels);
  ReadCount(reader, "label_name_length_limit", out.label_name_bytes);
  ReadCount(reader, "label_value_length_limit", out.label_value_bytes);
  ReadCount(reader, "keep_dropped_targets", out.keep_dropped_targets);
}

// A switch that matters only when it is on.
void UnbuiltSwitch(YamlReader& reader, std::string_view key, std::vector<std::string>& warnings) {
  bool on = false;
  if (reader.Bool(key, on) && on) reader.Unbuilt(key, warnings);
}

// Keys that hold for native histograms by scrape, which needs the protobuf format.
void ReadHistogramKeys(YamlReader& reader, std::vector<std::string>& warnings) {
  bool ignored = false;
  double factor = 0;
  uint64_t limit = 0;
  UnbuiltSwitch(reader, "scrape_native_histograms", warnings);
  UnbuiltSwitch(reader, "convert_classic_histograms_to_nhcb", warnings);
  reader.Bool("always_scrape_classic_histograms", ignored);  // always so, without native ones
  ReadCount(reader, "native_histogram_bucket_limit", limit);
  reader.Float("native_histogram_min_bucket_factor", factor);
}

void ReadNames(YamlReader& reader, NameValidation& validation, std::string& escaping) {
  std::string scheme;
  if (reader.String("metric_name_validation_scheme", scheme) && !scheme.empty()) {
    if (scheme != "utf8" && scheme != "legacy") {
      reader.Fail(NodeOf(reader, "metric_name_validation_scheme")
                      .Error(absl::StrCat(
                          "unknown name validation method specified, must be either 'legacy' "
                          "or 'utf8', got ",
                          scheme)));
    }
    validation = scheme == "legacy" ? NameValidation::kLegacy : NameValidation::kUtf8;
  }
  if (!reader.String("metric_name_escaping_scheme", escaping) || escaping.empty()) return;
  if (std::find(kEscapingSchemes.begin(), kEscapingSchemes.end(), escaping) !=
      kEscapingSchemes.end())
    return;
  reader.Fail(NodeOf(reader, "metric_name_escaping_scheme")
                  .Error(absl::StrCat(
                      "unknown name escaping method specified, must be one of 'allow-utf-8', "
                      "'underscores', 'dots', or 'values', got ",
                      escaping)));
}

bool IsFileSdName(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view extension = name.substr(dot + 1);
  if (extension != "json" && extension != "yml" && extension != "yaml" && extension != "JSON" &&
      extension != "YML" && extension != "YAML") {
    return false;
  }
  const std::string_view stem = name.substr(0, dot);
  const size_t star = stem.find('*');
  if (star == std::string_view::npos) return true;
  const std::string_view tail = stem.substr(star + 1);  // one star, in the last part of the path
  return tail.find('/') == std::string_view::npos;
}

void ReadFileSd(const YamlNode& list, YamlReader& parent, std::vector<FileSdConfig>& out) {
  if (list.kind != YamlNode::Kind::kSequence) {
    parent.Fail(list.Error("expected a list of file_sd_configs"));
    return;
  }
  for (const YamlNode& item : list.items) {
    FileSdConfig& config = out.emplace_back();
    YamlReader reader(item);
    reader.Strings("files", config.files);
    reader.Duration("refresh_interval", config.refresh_interval_ms);
    parent.Fail(reader.Finish("file_sd_config"));
    if (config.files.empty()) {
      parent.Fail(item.Error("file service discovery config must contain at least one path name"));
    }
    if (config.refresh_interval_ms <= 0) {
      parent.Fail(
          NodeOf(reader, "refresh_interval").Error("refresh_interval must be greater than 0"));
    }
    for (std::string& file : config.files) {
      if (!IsFileSdName(file)) {
        parent.Fail(
            NodeOf(reader, "files")
                .Error(absl::StrCat("path name \"", file, "\" is not valid for file discovery")));
      }
      file = base::ResolvePath(item.file == nullptr ? "" : *item.file, file);
    }
  }
}

void ReadParams(YamlReader& reader, ScrapeConfig& out) {
  const YamlNode* node = reader.Find("params");
  if (node == nullptr) return;
  if (node->kind != YamlNode::Kind::kMapping) {
    reader.Fail(node->Error("params: expected a mapping of lists of strings"));
    return;
  }
  for (const auto& [key, value] : node->entries) {
    auto values = value.AsStrings();
    if (!values.ok()) {
      reader.Fail(values.status());
      return;
    }
    out.params.emplace_back(key.scalar, *std::move(values));
  }
  std::sort(out.params.begin(), out.params.end());
}

void ReadRelabel(YamlReader& reader, std::string_view key, std::string_view what,
                 RelabelRules& out) {
  const YamlNode* node = reader.Find(key);
  if (node == nullptr) return;
  auto rules = ParseRelabelRules(*node, what);
  if (!rules.ok()) {
    reader.Fail(rules.status());
    return;
  }
  out = *std::move(rules);
}

// The timeout defaults to the global one, cut to the interval.
void ReadTimes(YamlReader& reader, const ScrapeGlobals& globals, ScrapeConfig& out) {
  DurationMs interval = 0, timeout = 0;
  reader.Duration("scrape_interval", interval);
  reader.Duration("scrape_timeout", timeout);
  out.interval_ms = interval > 0 ? interval : globals.scrape_interval_ms;
  if (timeout > out.interval_ms) {
    reader.Fail(NodeOf(reader, "scrape_timeout")
                    .Error(absl::StrCat(
                        "scrape timeout greater than scrape interval for scrape config with "
                        "job name \"",
                        out.job_name, "\"")));
  }
  out.timeout_ms = timeout > 0 ? timeout : std::min(globals.scrape_timeout_ms, out.interval_ms);
}

template <size_t N>
bool Contains(const std::array<std::string_view, N>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// One text for one meaning, whatever the layout of the file.
void AppendCanonical(const YamlNode& node, std::string& out) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      out += "~";
      return;
    case YamlNode::Kind::kScalar:
      absl::StrAppend(&out, node.scalar.size(), ":", node.scalar);
      return;
    case YamlNode::Kind::kSequence:
      out += "[";
      for (const YamlNode& item : node.items) AppendCanonical(item, out), out += ",";
      out += "]";
      return;
    case YamlNode::Kind::kMapping:
      out += "{";
      for (const auto& [key, value] : node.entries) {
        AppendCanonical(key, out), out += "=", AppendCanonical(value, out), out += ",";
      }
      out += "}";
  }
}

void MakeFingerprints(const YamlNode& node, ScrapeConfig& config) {
  for (const auto& [key, value] : node.entries) {
    if (Contains(kDiscoveryKeys, key.scalar)) continue;
    std::string text = absl::StrCat(key.scalar, "=");
    AppendCanonical(value, text);
    absl::StrAppend(&config.fingerprint, text, "\n");
    if (!Contains(kNotSeriesKeys, key.scalar))
      absl::StrAppend(&config.series_fingerprint, text, "\n");
  }
  const ScrapeLimits& l = config.limits;  // what `global:` gave
  absl::StrAppend(&config.fingerprint, config.interval_ms, " ", config.timeout_ms, " ",
                  l.body_bytes, " ", l.samples, " ", l.targets, " ", l.keep_dropped_targets, " ",
                  config.extra_metrics);
  std::string series =
      absl::StrCat(l.labels, " ", l.label_name_bytes, " ", l.label_value_bytes, " ",
                   static_cast<int>(config.name_validation), " ", config.escaping_scheme);
  for (const ScrapeProtocol protocol : config.protocols) {
    absl::StrAppend(&series, " ", static_cast<int>(protocol));
  }
  absl::StrAppend(&config.fingerprint, "\n", series);
  absl::StrAppend(&config.series_fingerprint, series);
}

void ResolveEscaping(YamlReader& reader, ScrapeConfig& config) {
  const bool legacy = config.name_validation == NameValidation::kLegacy;
  if (config.escaping_scheme.empty())
    config.escaping_scheme = legacy ? "underscores" : "allow-utf-8";
  if (legacy && config.escaping_scheme == "allow-utf-8") {
    reader.Fail(NodeOf(reader, "metric_name_escaping_scheme")
                    .Error("utf8 metric names requested but validation scheme is not set to UTF8"));
  }
}

}  // namespace

std::string_view MediaTypeOf(ScrapeProtocol protocol) {
  for (const ProtocolName& p : kProtocols) {
    if (p.protocol == protocol) return p.media_type;
  }
  return "";
}

absl::Status CheckTargetAddress(std::string_view address) {
  if (address.find('/') == std::string_view::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(address), "\" is not a valid hostname"));
}

absl::Status CheckStaticTargets(const YamlNode& config) {
  const YamlNode* groups = config.Find("static_configs");
  if (groups == nullptr) return absl::OkStatus();
  for (const YamlNode& group : groups->items) {
    const YamlNode* targets = group.Find("targets");
    if (targets == nullptr) continue;
    for (const YamlNode& target : targets->items) {
      const absl::Status valid = CheckTargetAddress(target.scalar);
      if (!valid.ok()) return target.Error(std::string(valid.message()));
    }
  }
  return absl::OkStatus();
}

void ReadServiceDiscovery(YamlReader& reader, std::vector<std::string>& warnings,
                          std::vector<TargetGroup>& static_groups,
                          std::vector<FileSdConfig>& file_sd) {
  if (const YamlNode* node = reader.Find("static_configs")) {
    auto groups = ParseTargetGroups(*node);
    if (!groups.ok()) {
      reader.Fail(groups.status());
    } else {
      static_groups = *std::move(groups);
    }
  }
  if (const YamlNode* node = reader.Find("file_sd_configs")) ReadFileSd(*node, reader, file_sd);
  for (const std::string_view name : kUnbuiltDiscoveries) {
    reader.Unbuilt(absl::StrCat(std::string(name), "_sd_configs"), warnings);
  }
}

void ReadScrapeGlobals(YamlReader& reader, std::vector<std::string>& warnings, ScrapeGlobals& out) {
  DurationMs interval = 0, timeout = 0;
  reader.Duration("scrape_interval", interval);
  reader.Duration("scrape_timeout", timeout);
  if (interval > 0) out.scrape_interval_ms = interval;
  if (timeout > out.scrape_interval_ms) {
    reader.Fail(NodeOf(reader, "scrape_timeout")
                    .Error("global scrape timeout greater than scrape interval"));
  }
  out.scrape_timeout_ms =
      timeout > 0 ? timeout : std::min(out.scrape_timeout_ms, out.scrape_interval_ms);
  ReadProtocols(reader, warnings, out.protocols);
  ReadLimits(reader, out.limits);
  ReadNames(reader, out.name_validation, out.escaping_scheme);
  ReadHistogramKeys(reader, warnings);
  reader.Bool("extra_scrape_metrics", out.extra_metrics);
  reader.Unbuilt("scrape_failure_log_file", warnings);
}

absl::StatusOr<ScrapeConfig> ParseScrapeConfig(const YamlNode& node, const ScrapeGlobals& globals,
                                               std::vector<std::string>& warnings) {
  if (node.IsNull()) return node.Error("empty or null scrape config section");
  ScrapeConfig config;
  config.protocols = globals.protocols;
  config.limits = globals.limits;
  config.name_validation = globals.name_validation;
  config.escaping_scheme = globals.escaping_scheme;
  config.extra_metrics = globals.extra_metrics;
  YamlReader reader(node);
  reader.String("job_name", config.job_name);
  if (config.job_name.empty()) reader.Fail(NodeOf(reader, "job_name").Error("job_name is empty"));
  ReadTimes(reader, globals, config);
  reader.String("metrics_path", config.metrics_path);
  if (reader.String("scheme", config.scheme) && config.scheme != "http" &&
      config.scheme != "https") {
    reader.Fail(
        NodeOf(reader, "scheme")
            .Error(absl::StrCat("scheme must be http or https, got \"", config.scheme, "\"")));
  }
  ReadParams(reader, config);
  reader.Bool("honor_labels", config.honor_labels);
  reader.Bool("honor_timestamps", config.honor_timestamps);
  reader.Bool("track_timestamps_staleness", config.track_timestamps_staleness);
  reader.Bool("enable_compression", config.enable_compression);
  reader.Bool("extra_scrape_metrics", config.extra_metrics);
  ReadProtocols(reader, warnings, config.protocols);
  std::string fallback;
  if (reader.String("fallback_scrape_protocol", fallback) && !fallback.empty()) {
    const ProtocolName* protocol = FindProtocol(fallback);
    if (protocol == nullptr) {
      reader.Fail(NodeOf(reader, "fallback_scrape_protocol")
                      .Error(absl::StrCat(
                          "invalid fallback_scrape_protocol for scrape config with job name \"",
                          config.job_name, "\": unknown scrape protocol ", fallback,
                          ", supported: [", ProtocolNames(), "]")));
    } else {
      config.fallback_media_type = protocol->media_type;
    }
  }
  ReadLimits(reader, config.limits);
  ReadNames(reader, config.name_validation, config.escaping_scheme);
  ReadHistogramKeys(reader, warnings);
  reader.Unbuilt("scrape_failure_log_file", warnings);
  ReadHttpClientSettings(reader, warnings, config.http);
  ReadServiceDiscovery(reader, warnings, config.static_groups, config.file_sd);
  ReadRelabel(reader, "relabel_configs", "target relabeling rule", config.relabel_rules);
  ReadRelabel(reader, "metric_relabel_configs", "metric relabeling rule",
              config.metric_relabel_rules);
  ResolveEscaping(reader, config);
  if (config.relabel_rules.empty()) reader.Fail(CheckStaticTargets(node));
  RETURN_IF_ERROR(reader.Finish("scrape_config"));
  MakeFingerprints(node, config);
  return config;
}

}  // namespace slowburn::ingest
