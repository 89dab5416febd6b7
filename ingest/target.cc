#include "ingest/target.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "base/url.h"

namespace slowburn::ingest {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kMetricsPath = "__metrics_path__";
constexpr std::string_view kScrapeInterval = "__scrape_interval__";
constexpr std::string_view kScrapeTimeout = "__scrape_timeout__";
constexpr std::string_view kParamPrefix = "__param_";
constexpr std::string_view kMetaPrefix = "__meta_";
constexpr std::string_view kReservedPrefix = "__";

// Which bytes stand as they are, besides letters, digits and -_.~, in the parts of a URL (as Go's
// net/url decides).
constexpr std::string_view kPathSafe = "$&+,/:;=@";
constexpr std::string_view kHostSafe = "!$&'()*+,;=:[]<>\"";

std::string UrlOf(const ScrapeConfig& config, const tsdb::LabelsBuilder& labels,
                  const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::string>> params(config.params.begin(),
                                                         config.params.end());
  for (const std::string& name : names) {
    if (!name.starts_with(kParamPrefix)) continue;
    std::vector<std::string>& values = params[name.substr(kParamPrefix.size())];
    if (values.empty()) values.emplace_back();
    values[0] = labels.Get(name);
  }
  std::string url = absl::StrCat(std::string(labels.Get(kScheme)), "://");
  base::AppendEscaped(url, labels.Get(kAddress), kHostSafe);
  const std::string_view path = labels.Get(kMetricsPath);
  if (!path.empty() && path[0] != '/') url += '/';
  base::AppendEscaped(url, path, kPathSafe);
  char separator = '?';
  for (const auto& [name, values] : params) {
    for (const std::string& value : values) {
      url += std::exchange(separator, '&');
      url += base::EscapeQuery(name);
      url += '=';
      url += base::EscapeQuery(value);
    }
  }
  return url;
}

absl::StatusOr<DurationMs> DurationLabel(const tsdb::LabelsBuilder& labels, std::string_view name,
                                         const std::string& what) {
  const absl::StatusOr<DurationMs> parsed = base::ParseDuration(labels.Get(name));
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("error parsing ", what, ": ", std::string(parsed.status().message())));
  }
  if (*parsed == 0) return absl::InvalidArgumentError(absl::StrCat(what, " cannot be 0"));
  return *parsed;
}

absl::Status CheckValues(const tsdb::Labels& labels) {
  for (const tsdb::LabelView label : labels) {
    if (tsdb::IsValidUtf8(label.value)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("invalid label value for \"", std::string(label.name), "\": not valid UTF-8"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string Target::Identity() const {
  return absl::StrCat(labels.ToString(), "\n", hidden.ToString(), "\n", url);
}

uint64_t Target::Hash() const {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : Identity()) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

tsdb::Labels DiscoveredLabels(const ScrapeConfig& config, const TargetGroup& group,
                              const std::string& address) {
  tsdb::LabelsBuilder labels;
  for (const auto& [name, value] : group.labels) labels.Set(name, value);
  if (!address.empty()) labels.Set(kAddress, address);
  const auto set_default = [&](std::string_view name, std::string_view value) {
    if (labels.Get(name).empty()) labels.Set(name, value);
  };
  set_default("job", config.job_name);
  set_default(kScrapeInterval, base::FormatDuration(config.interval_ms));
  set_default(kScrapeTimeout, base::FormatDuration(config.timeout_ms));
  set_default(kMetricsPath, config.metrics_path);
  set_default(kScheme, config.scheme);
  for (const auto& [name, values] : config.params) {
    if (!values.empty()) set_default(absl::StrCat(std::string(kParamPrefix), name), values[0]);
  }
  return labels.Build();
}

absl::StatusOr<std::optional<Target>> MakeTarget(const ScrapeConfig& config,
                                                 const tsdb::Labels& discovered) {
  tsdb::LabelsBuilder builder(discovered);
  if (!Relabel(config.relabel_rules, builder)) return std::optional<Target>();
  const std::string address(builder.Get(kAddress));
  if (address.empty()) return absl::InvalidArgumentError("no address");
  RETURN_IF_ERROR(CheckTargetAddress(address));
  Target target;
  ASSIGN_OR_RETURN(target.interval_ms, DurationLabel(builder, kScrapeInterval, "scrape interval"));
  ASSIGN_OR_RETURN(target.timeout_ms, DurationLabel(builder, kScrapeTimeout, "scrape timeout"));
  target.interval_text = builder.Get(kScrapeInterval);
  target.timeout_text = builder.Get(kScrapeTimeout);
  if (target.timeout_ms > target.interval_ms) {
    return absl::InvalidArgumentError(
        absl::StrCat("scrape timeout cannot be greater than scrape interval (\"",
                     target.timeout_text, "\" > \"", target.interval_text, "\")"));
  }
  if (builder.Get("instance").empty()) builder.Set("instance", address);
  const std::vector<std::string> names = builder.Names();
  target.url = UrlOf(config, builder, names);
  tsdb::LabelsBuilder shown(builder.Build()), hidden(shown);
  for (const std::string& name : names) {
    const bool reserved = name.starts_with(kReservedPrefix);
    if (reserved) shown.Del(name);
    if (!reserved || name.starts_with(kMetaPrefix)) hidden.Del(name);
  }
  target.labels = shown.Build();
  target.hidden = hidden.Build();
  RETURN_IF_ERROR(CheckValues(target.labels));
  return std::optional<Target>(std::move(target));
}

}  // namespace slowburn::ingest
