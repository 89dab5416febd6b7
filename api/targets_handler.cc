#include "api/targets_handler.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "api/envelope.h"
#include "base/json.h"
#include "base/number.h"
#include "query/parser/parser.h"

namespace slowburn::api {
namespace {

using base::JsonWriter;

std::string_view HealthName(ingest::TargetHealth health) {
  switch (health) {
    case ingest::TargetHealth::kUnknown:
      return "unknown";
    case ingest::TargetHealth::kUp:
      return "up";
    case ingest::TargetHealth::kDown:
      return "down";
  }
  return "unknown";
}

void WriteLabels(JsonWriter& w, const tsdb::Labels& labels) {
  w.BeginObject();
  for (const tsdb::LabelView label : labels) w.Field(label.name, label.value);
  w.EndObject();
}

struct HostPort {
  std::string host, port;
};

// [::1]:90, a:90, a, ::1; brackets taken off.
HostPort SplitHostPort(std::string_view text) {
  const size_t bracket = text.rfind(']');
  const size_t colon = text.rfind(':');
  const bool bare_v6 = bracket == std::string_view::npos && text.find(':') != colon;
  const bool has_port = colon != std::string_view::npos && !bare_v6 &&
                        (bracket == std::string_view::npos || colon > bracket);
  std::string_view host = has_port ? text.substr(0, colon) : text;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return {std::string(host), has_port ? std::string(text.substr(colon + 1)) : ""};
}

std::string JoinHostPort(const HostPort& at) {
  const std::string host =
      at.host.find(':') == std::string::npos ? at.host : absl::StrCat("[", at.host, "]");
  return at.port.empty() ? host : absl::StrCat(host, ":", at.port);
}

struct UrlParts {
  std::string scheme, authority, rest;
};

UrlParts SplitUrl(const std::string& url) {
  UrlParts parts;
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string::npos) return {"", "", url};
  parts.scheme = url.substr(0, scheme_end);
  const size_t begin = scheme_end + 3;
  const size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  parts.authority = url.substr(begin, end - begin);
  parts.rest = url.substr(end);
  return parts;
}

bool IsLocalhost(const std::string& host) {
  return host == "127.0.0.1" || host == "localhost" || host == "::1";
}

void WriteActive(JsonWriter& w, const ingest::ActiveTarget& target, const TargetsDeps& deps) {
  w.BeginObject();
  w.Key("discoveredLabels"), WriteLabels(w, target.discovered);
  w.Key("labels"), WriteLabels(w, target.labels);
  w.Field("scrapePool", target.pool);
  w.Field("scrapeUrl", target.url);
  w.Field("globalUrl", GlobalUrl(target.url, deps.listen_address, deps.external_url));
  w.Field("lastError", target.status.last_error);
  w.Field("lastScrape", target.status.last_scrape == 0
                            ? std::string("0001-01-01T00:00:00Z")
                            : base::FormatRfc3339(target.status.last_scrape));
  w.Field("lastScrapeDuration", target.status.last_duration_seconds);
  w.Field("health", HealthName(target.status.health));
  w.Field("scrapeInterval", target.interval);
  w.Field("scrapeTimeout", target.timeout);
  w.EndObject();
}

void WriteDropped(JsonWriter& w, const ingest::TargetsSnapshot& snapshot, std::string_view pool) {
  w.Key("droppedTargets"), w.BeginArray();
  for (const ingest::DroppedTarget& target : snapshot.dropped) {
    if (!pool.empty() && target.pool != pool) continue;
    w.BeginObject();
    w.Key("discoveredLabels"), WriteLabels(w, target.discovered);
    w.Field("scrapePool", target.pool);
    w.EndObject();
  }
  w.EndArray();
  w.Key("droppedTargetCounts"), w.BeginObject();
  for (const auto& [name, count] : snapshot.dropped_counts)
    w.Field(name, static_cast<int64_t>(count));
  w.EndObject();
}

Response Targets(const TargetsDeps& deps, const Request& request) {
  const std::string_view pool = request.url_params.Get("scrapePool");
  std::string state(request.url_params.Get("state"));
  absl::AsciiStrToLower(&state);
  const bool any = state.empty() || state == "any";
  const ingest::TargetsSnapshot snapshot = deps.scraping.Targets();
  std::string out;
  JsonWriter w(out, base::JsonEscapes::kGo);
  w.BeginObject();
  w.Key("activeTargets"), w.BeginArray();
  for (const ingest::ActiveTarget& target : snapshot.active) {
    if (!any && state != "active") break;
    if (pool.empty() || target.pool == pool) WriteActive(w, target, deps);
  }
  w.EndArray();
  if (any || state == "dropped") {
    WriteDropped(w, snapshot, pool);
  } else {
    w.Key("droppedTargets"), w.BeginArray(), w.EndArray();
    w.Key("droppedTargetCounts"), w.Null();
  }
  w.EndObject();
  return Success(out);
}

// nullopt: not a number. Absent: -1, no limit.
std::optional<int64_t> LimitParam(const Request& request, std::string_view name) {
  const std::string_view text = request.params.Get(name);
  if (text.empty()) return -1;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Response BadLimit(const std::string& name) {
  return ErrorResponse(absl::InvalidArgumentError(absl::StrCat(name, " must be a number")));
}

std::vector<tsdb::MetricMetadata> MetadataOf(const ingest::ActiveTarget& target,
                                             std::string_view metric) {
  if (metric.empty()) return target.metadata->AllMetadata();
  const std::optional<tsdb::Metadata> one = target.metadata->MetadataOf(metric);
  if (!one.has_value()) return {};
  return {{std::string(metric), *one}};
}

Response TargetsMetadata(const TargetsDeps& deps, const Request& request) {
  const std::optional<int64_t> limit = LimitParam(request, "limit");
  if (!limit.has_value()) return BadLimit("limit");
  tsdb::Matchers matchers;
  if (const std::string_view match = request.params.Get("match_target"); !match.empty()) {
    absl::StatusOr<tsdb::Matchers> parsed = query::ParseSelector(match);
    if (!parsed.ok()) {
      return InvalidParameter("match_target", std::string(parsed.status().message()));
    }
    matchers = *std::move(parsed);
  }
  const std::string_view metric = request.params.Get("metric");
  std::string out;
  JsonWriter w(out, base::JsonEscapes::kGo);
  int64_t written = 0;
  w.BeginArray();
  for (const ingest::ActiveTarget& target : deps.scraping.Targets().active) {
    if (*limit >= 0 && written >= *limit) break;
    if (!tsdb::MatchesAll(matchers, target.labels)) continue;
    for (const tsdb::MetricMetadata& m : MetadataOf(target, metric)) {
      ++written;
      w.BeginObject();
      w.Key("target"), WriteLabels(w, target.labels);
      if (metric.empty()) w.Field("metric", m.metric);
      w.Field("type", MetricTypeName(m.metadata.type));
      w.Field("help", m.metadata.help);
      w.Field("unit", m.metadata.unit);
      w.EndObject();
    }
  }
  w.EndArray();
  return Success(out);
}

struct ByContent {
  bool operator()(const tsdb::Metadata& a, const tsdb::Metadata& b) const {
    return std::tie(a.type, a.unit, a.help) < std::tie(b.type, b.unit, b.help);
  }
};
using MetadataByMetric = std::map<std::string, std::set<tsdb::Metadata, ByContent>>;

MetadataByMetric CollectMetadata(const TargetsDeps& deps, std::string_view metric,
                                 int64_t per_metric) {
  MetadataByMetric metrics;
  const auto add = [&](const tsdb::MetricMetadata& m) {
    auto& set = metrics[m.metric];
    if (per_metric <= 0 || static_cast<int64_t>(set.size()) < per_metric) set.insert(m.metadata);
  };
  for (const ingest::ActiveTarget& target : deps.scraping.Targets().active) {
    for (const tsdb::MetricMetadata& m : MetadataOf(target, metric)) add(m);
  }
  for (const tsdb::MetricMetadata& m : deps.storage.AllMetadata()) {
    if ((metric.empty() || m.metric == metric) && !metrics.contains(m.metric)) add(m);
  }
  return metrics;
}

Response Metadata(const TargetsDeps& deps, const Request& request) {
  const std::optional<int64_t> limit = LimitParam(request, "limit");
  if (!limit.has_value()) return BadLimit("limit");
  const std::optional<int64_t> per_metric = LimitParam(request, "limit_per_metric");
  if (!per_metric.has_value()) return BadLimit("limit_per_metric");
  std::string out;
  JsonWriter w(out, base::JsonEscapes::kGo);
  int64_t written = 0;
  w.BeginObject();
  for (const auto& [name, set] : CollectMetadata(deps, request.params.Get("metric"), *per_metric)) {
    if (*limit >= 0 && written >= *limit) break;
    ++written;
    w.Key(name), w.BeginArray();
    for (const tsdb::Metadata& m : set) {
      w.BeginObject();
      w.Field("type", MetricTypeName(m.type));
      w.Field("unit", m.unit);
      w.Field("help", m.help);
      w.EndObject();
    }
    w.EndArray();
  }
  w.EndObject();
  return Success(out);
}

Response ScrapePools(const TargetsDeps& deps) {
  std::string out;
  JsonWriter w(out, base::JsonEscapes::kGo);
  w.BeginObject();
  w.Key("scrapePools"), w.BeginArray();
  for (const std::string& name : deps.scraping.PoolNames()) w.String(name);
  w.EndArray();
  w.EndObject();
  return Success(out);
}

}  // namespace

std::string GlobalUrl(const std::string& url, const std::string& listen_address,
                      const std::string& external_url) {
  UrlParts parts = SplitUrl(url);
  const HostPort at = SplitHostPort(parts.authority);
  if (!IsLocalhost(at.host)) return url;
  const UrlParts external = SplitUrl(external_url);
  if (external.authority.empty()) return url;
  if (at.port == SplitHostPort(listen_address).port) {
    parts.scheme = external.scheme;
    parts.authority = external.authority;
  } else {
    parts.authority = JoinHostPort({SplitHostPort(external.authority).host, at.port});
  }
  return absl::StrCat(parts.scheme, "://", parts.authority, parts.rest);
}

std::string_view MetricTypeName(tsdb::MetricType type) {
  switch (type) {
    case tsdb::MetricType::kUnknown:
      return "unknown";
    case tsdb::MetricType::kCounter:
      return "counter";
    case tsdb::MetricType::kGauge:
      return "gauge";
    case tsdb::MetricType::kHistogram:
      return "histogram";
    case tsdb::MetricType::kGaugeHistogram:
      return "gaugehistogram";
    case tsdb::MetricType::kSummary:
      return "summary";
    case tsdb::MetricType::kInfo:
      return "info";
    case tsdb::MetricType::kStateset:
      return "stateset";
  }
  return "unknown";
}

std::map<std::string, tsdb::Metadata> MetadataOfMetrics(const ingest::ScrapeManager& scraping,
                                                        const tsdb::Storage& storage) {
  std::map<std::string, tsdb::Metadata> out;
  for (const ingest::ActiveTarget& target : scraping.Targets().active) {
    for (tsdb::MetricMetadata& m : target.metadata->AllMetadata())
      out.try_emplace(m.metric, std::move(m.metadata));
  }
  for (tsdb::MetricMetadata& m : storage.AllMetadata())
    out.try_emplace(m.metric, std::move(m.metadata));
  return out;
}

void RegisterTargetsApi(Router& router, TargetsDeps deps) {
  const auto shared = std::make_shared<const TargetsDeps>(std::move(deps));
  router.Add({"GET"}, "/api/v1/targets",
             [shared](const Request& r) { return Targets(*shared, r); });
  router.Add({"GET"}, "/api/v1/targets/metadata",
             [shared](const Request& r) { return TargetsMetadata(*shared, r); });
  router.Add({"GET"}, "/api/v1/metadata",
             [shared](const Request& r) { return Metadata(*shared, r); });
  router.Add({"GET"}, "/api/v1/scrape_pools",
             [shared](const Request&) { return ScrapePools(*shared); });
}

}  // namespace slowburn::api
