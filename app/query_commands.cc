#include "app/query_commands.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "base/url.h"
#include "tsdb/labels.h"

namespace slowburn::app {
namespace {

using base::JsonValue;

// As a segment of a path, where a plus is a plus.
std::string Escaped(std::string_view text) {
  std::string out;
  base::AppendEscaped(out, text);
  return out;
}

class UrlBuilder {
 public:
  explicit UrlBuilder(std::string path) : url_(std::move(path)) {}
  void Add(std::string_view name, std::string_view value) {
    url_ += url_.find('?') == std::string::npos ? '?' : '&';
    url_ += base::EscapeQuery(name);
    url_ += '=';
    url_ += base::EscapeQuery(value);
  }
  const std::string& url() const { return url_; }

 private:
  std::string url_;
};

std::string BuildUrl(const QueryCommand& command) {
  std::string server = command.url;
  while (server.ends_with('/')) server.pop_back();
  const auto add_if = [](UrlBuilder& url, std::string_view name, const std::string& value) {
    if (!value.empty()) url.Add(name, value);
  };
  switch (command.kind) {
    case QueryCommand::Kind::kInstant: {
      UrlBuilder url(server + "/api/v1/query");
      url.Add("query", command.expr);
      add_if(url, "time", command.time);
      return url.url();
    }
    case QueryCommand::Kind::kRange: {
      UrlBuilder url(server + "/api/v1/query_range");
      const double now = double(base::RealClock().Now()) / 1000;
      url.Add("query", command.expr);
      url.Add("start", command.start.empty()
                           ? base::FormatFloat(now - 3600, base::FloatStyle::kFixed)
                           : command.start);
      url.Add("end",
              command.end.empty() ? base::FormatFloat(now, base::FloatStyle::kFixed) : command.end);
      url.Add("step", command.step.empty() ? "15" : command.step);
      return url.url();
    }
    case QueryCommand::Kind::kLabels:
    case QueryCommand::Kind::kSeries: {
      const bool labels = command.kind == QueryCommand::Kind::kLabels;
      UrlBuilder url(server + (labels ? "/api/v1/label/" + Escaped(command.expr) + "/values"
                                      : "/api/v1/series"));
      for (const std::string& matcher : command.matchers) url.Add("match[]", matcher);
      add_if(url, "start", command.start);
      add_if(url, "end", command.end);
      return url.url();
    }
  }
  return server;
}

std::string SeriesText(const JsonValue& metric) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : metric.members) pairs.emplace_back(name, value.string);
  return tsdb::Labels::FromPairs(std::move(pairs)).ToString();
}

// "VALUE @[TIME]" of a [time, "value"] pair.
std::string PointText(const JsonValue& point) {
  if (point.items.size() != 2) return "";
  const JsonValue& value = point.items[1];
  const std::string text = value.kind == JsonValue::Kind::kString
                               ? value.string
                               : absl::StrCat("{count:", std::string(value.StringAt("count")),
                                              ", sum:", std::string(value.StringAt("sum")), "}");
  return absl::StrCat(text, " @[",
                      base::FormatFloat(point.items[0].number, base::FloatStyle::kFixed), "]");
}

void PrintSeries(const JsonValue& series, std::FILE* out) {
  const JsonValue* metric = series.Find("metric");
  const std::string name = metric != nullptr ? SeriesText(*metric) : "";
  for (const char* key : {"value", "histogram"}) {
    if (const JsonValue* point = series.Find(key))
      std::fprintf(out, "%s => %s\n", name.c_str(), PointText(*point).c_str());
  }
  bool first = true;
  for (const char* key : {"values", "histograms"}) {
    const JsonValue* points = series.Find(key);
    if (points == nullptr) continue;
    if (std::exchange(first, false)) std::fprintf(out, "%s =>\n", name.c_str());
    for (const JsonValue& point : points->items)
      std::fprintf(out, "%s\n", PointText(point).c_str());
  }
}

void Print(const QueryCommand& command, const JsonValue& data, std::FILE* out) {
  if (command.kind == QueryCommand::Kind::kLabels) {
    for (const JsonValue& value : data.items) std::fprintf(out, "%s\n", value.string.c_str());
    return;
  }
  if (command.kind == QueryCommand::Kind::kSeries) {
    for (const JsonValue& metric : data.items)
      std::fprintf(out, "%s\n", SeriesText(metric).c_str());
    return;
  }
  const JsonValue* result = data.Find("result");
  if (result == nullptr) return;
  const std::string_view type = data.StringAt("resultType");
  if (type == "scalar" || type == "string") {
    std::fprintf(out, "%s: %s\n", std::string(type).c_str(), PointText(*result).c_str());
    return;
  }
  for (const JsonValue& series : result->items) PrintSeries(series, out);
}

absl::StatusOr<JsonValue> Ask(const QueryCommand& command, base::HttpClient& client,
                              std::string& body) {
  base::HttpRequest request{.url = BuildUrl(command)};
  request.timeout_ms = 2 * base::kMinute;
  ASSIGN_OR_RETURN(base::HttpResponse response, base::Fetch(client, std::move(request)));
  body = std::move(response.body);
  absl::StatusOr<JsonValue> json = base::ParseJson(body);
  if (!json.ok()) {
    return absl::UnavailableError(absl::StrCat(command.url, " answered ", response.status,
                                               " and no JSON: ", body.substr(0, 200)));
  }
  if (json->StringAt("status") != "success") {
    return absl::InvalidArgumentError(absl::StrCat(std::string(json->StringAt("errorType")), ": ",
                                                   std::string(json->StringAt("error"))));
  }
  return json;
}

}  // namespace

int RunQueryCommand(const QueryCommand& command, base::HttpClient& client, std::FILE* out,
                    std::FILE* err) {
  std::string body;
  const absl::StatusOr<JsonValue> answer = Ask(command, client, body);
  if (!answer.ok()) {
    std::fprintf(err, "query failed: %s\n", std::string(answer.status().message()).c_str());
    return 1;
  }
  for (const char* key : {"warnings", "infos"}) {
    if (const JsonValue* list = answer->Find(key)) {
      for (const JsonValue& text : list->items) std::fprintf(err, "%s\n", text.string.c_str());
    }
  }
  if (command.json) {
    std::fprintf(out, "%s\n", body.c_str());
  } else if (const JsonValue* data = answer->Find("data")) {
    Print(command, *data, out);
  }
  return 0;
}

}  // namespace slowburn::app
