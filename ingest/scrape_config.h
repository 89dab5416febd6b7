// ScrapeConfig: one entry of scrape_configs, checked, with the global defaults filled in.
//
//   ScrapeGlobals globals;              // from `global:`, see ReadScrapeGlobals
//   ASSIGN_OR_RETURN(ScrapeConfig config, ParseScrapeConfig(node, globals, warnings));
//
// A key that Prometheus knows and this program does not build yet becomes a warning with
// file:line:column; a key that nobody knows is an error.
// Threads: values. Errors: kInvalidArgument with file:line:column.
#ifndef SLOWBURN_INGEST_SCRAPE_CONFIG_H_
#define SLOWBURN_INGEST_SCRAPE_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/yaml.h"
#include "ingest/http_client_config.h"
#include "ingest/relabel.h"
#include "ingest/target_group.h"

namespace slowburn::ingest {

using base::DurationMs;

enum class ScrapeProtocol : uint8_t {
  kPrometheusProto,
  kPrometheusText0_0_4,
  kPrometheusText1_0_0,
  kOpenMetricsText0_0_1,
  kOpenMetricsText1_0_0
};
// "text/plain" and so on: which parser reads it.
std::string_view MediaTypeOf(ScrapeProtocol protocol);

enum class NameValidation : uint8_t { kUtf8, kLegacy };

// 0: no limit.
struct ScrapeLimits {
  uint64_t body_bytes = 0;
  uint64_t samples = 0;
  uint64_t targets = 0;
  uint64_t labels = 0;
  uint64_t label_name_bytes = 0;
  uint64_t label_value_bytes = 0;
  uint64_t keep_dropped_targets = 0;
};

// What `global:` says about scraping.
struct ScrapeGlobals {
  DurationMs scrape_interval_ms = base::kMinute;
  DurationMs scrape_timeout_ms = 10 * base::kSecond;
  std::vector<ScrapeProtocol> protocols = {
      ScrapeProtocol::kOpenMetricsText1_0_0, ScrapeProtocol::kOpenMetricsText0_0_1,
      ScrapeProtocol::kPrometheusText1_0_0, ScrapeProtocol::kPrometheusText0_0_4};
  ScrapeLimits limits;
  NameValidation name_validation = NameValidation::kUtf8;
  std::string escaping_scheme;  // empty: by name_validation
  bool extra_metrics = false;
};

struct FileSdConfig {
  std::vector<std::string> files;  // globs
  DurationMs refresh_interval_ms = 5 * base::kMinute;
};

struct ScrapeConfig {
  std::string job_name;
  DurationMs interval_ms = base::kMinute;
  DurationMs timeout_ms = 10 * base::kSecond;
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  std::vector<std::pair<std::string, std::vector<std::string>>> params;  // sorted by name
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  bool enable_compression = true;
  bool extra_metrics = false;
  std::vector<ScrapeProtocol> protocols;
  std::string fallback_media_type;  // empty: none
  ScrapeLimits limits;
  NameValidation name_validation = NameValidation::kUtf8;
  std::string escaping_scheme = "allow-utf-8";
  HttpClientSettings http;
  std::vector<TargetGroup> static_groups;
  std::vector<FileSdConfig> file_sd;
  RelabelRules relabel_rules;
  RelabelRules metric_relabel_rules;

  // Everything that decides how a target is scraped, as text: equal texts, equal behaviour. Which
  // targets there are (static_configs, file_sd_configs, relabel_configs) is not in it.
  std::string fingerprint;
  // The part of it that decides what labels a series gets: while it is equal, what is known of a
  // target's series holds.
  std::string series_fingerprint;
};

// Asks `reader` (of `global:`) for the keys about scraping.
void ReadScrapeGlobals(base::YamlReader& reader, std::vector<std::string>& warnings,
                       ScrapeGlobals& out);

absl::StatusOr<ScrapeConfig> ParseScrapeConfig(const base::YamlNode& node,
                                               const ScrapeGlobals& globals,
                                               std::vector<std::string>& warnings);

// Asks `reader` for static_configs, file_sd_configs and every other *_sd_configs (warnings). Shared
// with alertmanagers.
void ReadServiceDiscovery(base::YamlReader& reader, std::vector<std::string>& warnings,
                          std::vector<TargetGroup>& static_groups,
                          std::vector<FileSdConfig>& file_sd);
// kInvalidArgument at the first static target that is a URL, which is refused where no relabelling
// could mend it.
absl::Status CheckStaticTargets(const base::YamlNode& config);
// kInvalidArgument when it holds a slash.
absl::Status CheckTargetAddress(std::string_view address);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_SCRAPE_CONFIG_H_
