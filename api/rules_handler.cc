#include "api/rules_handler.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/envelope.h"
#include "api/query_parameters.h"
#include "base/json.h"
#include "base/number.h"
#include "query/parser/parser.h"
#include "rules/rule_manager.h"

namespace slowburn::api {
namespace {

using base::JsonWriter;
using rules::ActiveAlert;
using rules::GroupStatus;
using rules::RuleStatus;

bool IsAlerting(const RuleStatus& rule) { return rule.spec->kind == rules::RuleKind::kAlerting; }

// RFC 3339 as Go writes it: no trailing zeros in the fraction; never is the year 1.
std::string GoTime(std::optional<base::TimestampMs> t) {
  if (!t) return "0001-01-01T00:00:00Z";
  std::string text = base::FormatRfc3339(*t, 3);
  const size_t dot = text.find('.');
  if (dot == std::string::npos) return text;
  size_t end = text.size() - 1;  // the Z
  while (text[end - 1] == '0') --end;
  if (text[end - 1] == '.') --end;
  return text.erase(end, text.size() - 1 - end);
}

void WriteLabels(JsonWriter& w, const tsdb::Labels& labels) {
  w.BeginObject();
  for (const tsdb::LabelView label : labels) w.Field(label.name, label.value);
  w.EndObject();
}

void WriteAlert(JsonWriter& w, const ActiveAlert& alert) {
  w.BeginObject();
  w.Key("labels");
  WriteLabels(w, alert.labels);
  w.Key("annotations");
  w.StringMap(alert.annotations);
  w.Field("state", rules::Name(alert.state));
  w.Field("activeAt", GoTime(alert.active_at));
  if (alert.keep_firing_since) w.Field("keepFiringSince", GoTime(alert.keep_firing_since));
  w.Field("value", base::FormatFloat(alert.value, base::FloatStyle::kExponent));
  w.EndObject();
}

rules::AlertState StateOf(const RuleStatus& rule) {
  rules::AlertState most = rules::AlertState::kInactive;
  for (const ActiveAlert& alert : rule.alerts) most = std::max(most, alert.state);
  return most;
}

std::string_view HealthName(rules::RuleHealth health) {
  switch (health) {
    case rules::RuleHealth::kUnknown:
      return "unknown";
    case rules::RuleHealth::kOk:
      return "ok";
    case rules::RuleHealth::kError:
      return "err";
  }
  return "unknown";
}

void WriteSeconds(JsonWriter& w, std::string_view key, base::DurationMs ms) {
  w.Field(key, static_cast<double>(ms) / 1000);
}

void WriteRule(JsonWriter& w, const RuleStatus& rule, bool exclude_alerts) {
  const rules::RuleSpec& spec = *rule.spec;
  const bool alerting = IsAlerting(rule);
  w.BeginObject();
  if (alerting) w.Field("state", rules::Name(StateOf(rule)));
  w.Field("name", spec.name);
  w.Field("query", spec.expr);
  if (alerting) {
    WriteSeconds(w, "duration", spec.hold);
    WriteSeconds(w, "keepFiringFor", spec.keep_firing);
  }
  if (alerting || !spec.label_templates.empty()) {
    w.Key("labels");  // as written: empty ones, which take a label away, are among them
    w.BeginObject();
    for (const rules::TemplatedPair& label : spec.label_templates) w.Field(label.name, label.text);
    w.EndObject();
  }
  if (alerting) {
    w.Key("annotations");
    w.StringMap(spec.annotations);
    w.Key("alerts");
    if (exclude_alerts) {
      w.Null();
    } else {
      w.BeginArray();
      for (const ActiveAlert& alert : rule.alerts) WriteAlert(w, alert);
      w.EndArray();
    }
  }
  w.Field("health", HealthName(rule.health));
  if (!rule.last_error.empty()) w.Field("lastError", rule.last_error);
  w.Field("evaluationTime", rule.evaluation_seconds);
  w.Field("lastEvaluation", GoTime(rule.last_evaluation));
  w.Field("type", alerting ? "alerting" : "recording");
  w.EndObject();
}

// Names a group in group_next_token. Opaque to clients; the same as long as file and name are.
std::string TokenOf(const GroupStatus& group) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : absl::StrCat(group.file, ";", group.name)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return hex;
}

struct RuleFilter {
  bool alerts = true, records = true;
  bool exclude_alerts = false;
  std::vector<std::string_view> names, groups, files;
  std::vector<tsdb::Matchers> matchers;  // any of
  std::optional<int64_t> group_limit;
  std::string next_token;

  static bool In(const std::vector<std::string_view>& wanted, std::string_view value) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
  }
  bool Wants(const GroupStatus& group) const {
    return In(groups, group.name) && In(files, group.file);
  }
  bool Wants(const RuleStatus& rule) const {
    if (!(IsAlerting(rule) ? alerts : records) || !In(names, rule.spec->name)) return false;
    return matchers.empty() ||
           std::any_of(matchers.begin(), matchers.end(), [&](const tsdb::Matchers& m) {
             return tsdb::MatchesAll(m, rule.spec->labels);
           });
  }
};

std::string Quoted(std::string_view text) { return absl::StrCat("\"", std::string(text), "\""); }

// An answer when a parameter is bad.
std::optional<Response> ReadPaging(const Params& url, RuleFilter& filter) {
  const std::string_view limit = url.Get("group_limit");
  if (!limit.empty()) {
    int64_t n = 0;
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), n);
    if (error != std::errc() || end != limit.data() + limit.size()) {
      const bool range = error == std::errc::result_out_of_range;
      return InvalidParameter(
          "group_limit",
          absl::StrCat("group_limit needs to be a valid number: strconv.ParseInt: parsing ",
                       Quoted(limit), ": ", range ? "value out of range" : "invalid syntax"));
    }
    if (n <= 0) return InvalidParameter("group_limit", "group_limit needs to be greater than 0");
    filter.group_limit = n;
  }
  filter.next_token = std::string(url.Get("group_next_token"));
  if (!filter.next_token.empty() && !filter.group_limit) {
    return InvalidParameter("group_next_token",
                            "group_limit needs to be present in order to paginate over the groups");
  }
  return std::nullopt;
}

std::optional<Response> ReadFilter(const Request& request, RuleFilter& filter) {
  filter.names = request.params.All("rule_name[]");
  filter.groups = request.params.All("rule_group[]");
  filter.files = request.params.All("file[]");
  for (const std::string_view selector : request.params.All("match[]")) {
    absl::StatusOr<tsdb::Matchers> matchers = query::ParseSelector(selector);
    if (!matchers.ok()) return ErrorResponse(matchers.status());
    filter.matchers.push_back(*std::move(matchers));
  }
  std::string type(request.url_params.Get("type"));
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (!type.empty() && type != "alert" && type != "record") {
    return InvalidParameter("type", absl::StrCat("not supported value ", Quoted(type)));
  }
  filter.alerts = type != "record";
  filter.records = type != "alert";
  const std::string_view exclude = request.url_params.Get("exclude_alerts");
  if (!exclude.empty()) {
    const std::optional<bool> value = ParseBool(exclude);
    if (!value) {
      return InvalidParameter(
          "exclude_alerts",
          absl::StrCat("error converting exclude_alerts: strconv.ParseBool: parsing ",
                       Quoted(exclude), ": invalid syntax"));
    }
    filter.exclude_alerts = *value;
  }
  return ReadPaging(request.url_params, filter);
}

// A group without any wanted rule is left out, unless it has none at all and nothing was asked of
// rules.
bool WriteGroup(JsonWriter& w, const GroupStatus& group, const RuleFilter& filter) {
  const bool any = std::any_of(group.rules.begin(), group.rules.end(),
                               [&](const RuleStatus& rule) { return filter.Wants(rule); });
  if (!any) return false;
  w.BeginObject();
  w.Field("name", group.name);
  w.Field("file", group.file);
  w.Key("rules");
  w.BeginArray();
  for (const RuleStatus& rule : group.rules) {
    if (filter.Wants(rule)) WriteRule(w, rule, filter.exclude_alerts);
  }
  w.EndArray();
  WriteSeconds(w, "interval", group.interval);
  w.Field("limit", group.limit);
  w.Field("evaluationTime", group.evaluation_seconds);
  w.Field("lastEvaluation", GoTime(group.last_evaluation));
  w.EndObject();
  return true;
}

Response Rules(const Request& request, const RuleGroupsSource& source) {
  RuleFilter filter;
  if (std::optional<Response> bad = ReadFilter(request, filter)) return *std::move(bad);
  const std::vector<GroupStatus> groups = source();
  size_t first = 0;
  if (!filter.next_token.empty()) {
    while (first < groups.size() && TokenOf(groups[first]) != filter.next_token) ++first;
    if (first == groups.size()) {
      return InvalidParameter("group_next_token",
                              absl::StrCat("invalid group_next_token '", filter.next_token,
                                           "'. were rule groups changed?"));
    }
  }
  std::string data;
  JsonWriter w(data);
  w.BeginObject();
  w.Key("groups");
  w.BeginArray();
  int64_t written = 0;
  std::string next_token;
  for (size_t i = first; i < groups.size(); ++i) {
    if (!filter.Wants(groups[i])) continue;
    if (filter.group_limit && written == *filter.group_limit) {
      next_token = TokenOf(groups[i]);
      break;
    }
    if (WriteGroup(w, groups[i], filter)) ++written;
  }
  w.EndArray();
  if (!next_token.empty()) w.Field("groupNextToken", next_token);
  w.EndObject();
  return Success(data);
}

Response Alerts(const RuleGroupsSource& source) {
  std::string data;
  JsonWriter w(data);
  w.BeginObject();
  w.Key("alerts");
  w.BeginArray();
  for (const GroupStatus& group : source()) {
    for (const RuleStatus& rule : group.rules) {
      for (const ActiveAlert& alert : rule.alerts) WriteAlert(w, alert);
    }
  }
  w.EndArray();
  w.EndObject();
  return Success(data);
}

Response Alertmanagers(const AlertmanagerUrlsSource& urls) {
  std::string data;
  JsonWriter w(data);
  w.BeginObject();
  w.Key("activeAlertmanagers");
  w.BeginArray();
  for (const std::string& url : urls ? urls() : std::vector<std::string>()) {
    w.BeginObject();
    w.Field("url", url);
    w.EndObject();
  }
  w.EndArray();
  w.Key("droppedAlertmanagers");
  w.BeginArray();
  w.EndArray();
  w.EndObject();
  return Success(data);
}

}  // namespace

void RegisterRulesApi(Router& router, RuleGroupsSource groups,
                      AlertmanagerUrlsSource alertmanager_urls) {
  router.Add({"GET"}, "/api/v1/rules", [groups](const Request& r) { return Rules(r, groups); });
  router.Add({"GET"}, "/api/v1/alerts", [groups](const Request&) { return Alerts(groups); });
  router.Add({"GET"}, "/api/v1/alertmanagers",
             [urls = std::move(alertmanager_urls)](const Request&) { return Alertmanagers(urls); });
}

void RegisterRulesApi(Router& router, const rules::RuleManager& manager,
                      AlertmanagerUrlsSource alertmanager_urls) {
  RegisterRulesApi(
      router, [&manager] { return manager.Groups(); }, std::move(alertmanager_urls));
}

}  // namespace slowburn::api
