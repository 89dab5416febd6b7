#include "api/features_handler.h"

#include <map>

#include "api/envelope.h"
#include "base/json.h"
#include "query/functions/function_table.h"

namespace slowburn::api {
namespace {

using Category = std::map<std::string, bool>;
using Features = std::map<std::string, Category>;

Category All(std::initializer_list<const char*> names) {
  Category out;
  for (const char* name : names) out[name] = true;
  return out;
}

Category Api(const FeaturesDeps& deps) {
  Category out = All({"exclude_alerts", "label_values_match", "query_stats", "query_warnings",
                      "remote_write_receiver", "search_fuzz_alg_jarowinkler",
                      "search_fuzz_alg_subsequence", "time_range_labels", "time_range_series"});
  out["admin"] = deps.admin;
  out["lifecycle"] = deps.lifecycle;
  out["search"] = deps.enabled("search-api");
  out["openapi_3.1"] = out["openapi_3.2"] = out["otlp_write_receiver"] = false;
  return out;
}

Category Language(const FeaturesDeps& deps) {
  Category out =
      All({"at_modifier", "bool", "by", "duration_expr", "group_left", "group_right", "ignoring",
           "negative_offset", "offset", "on", "per_query_lookback_delta", "subqueries", "without"});
  out["anchored"] = out["smoothed"] = deps.enabled("promql-extended-range-selectors");
  out["delayed_name_removal"] = deps.enabled("promql-delayed-name-removal");
  out["fill"] = out["fill_left"] = out["fill_right"] = deps.enabled("promql-binop-fill-modifiers");
  out["per_step_stats"] = deps.enabled("promql-per-step-stats");
  out["type_and_unit_labels"] = deps.enabled("type-and-unit-labels");
  return out;
}

Category Functions(bool experimental) {
  Category out;
  for (const query::Function& f : query::AllFunctions())
    out[std::string(f.name)] = experimental || !f.experimental;
  return out;
}

Category Operators(bool experimental) {
  Category out = All({"!=",
                      "!~",
                      "%",
                      "*",
                      "+",
                      "-",
                      "/",
                      "<",
                      "</",
                      "<=",
                      "==",
                      "=~",
                      ">",
                      ">/",
                      ">=",
                      "@",
                      "^",
                      "and",
                      "atan2",
                      "avg",
                      "bottomk",
                      "count",
                      "count_values",
                      "group",
                      "max",
                      "min",
                      "or",
                      "quantile",
                      "stddev",
                      "stdvar",
                      "sum",
                      "topk",
                      "unless"});
  out["limit_ratio"] = out["limitk"] = experimental;
  return out;
}

Features FeaturesOf(const FeaturesDeps& deps) {
  const bool experimental = deps.enabled("promql-experimental-functions");
  Features out;
  out["api"] = Api(deps);
  out["otlp_receiver"] = {{"delta_conversion", false}, {"native_delta_ingestion", false}};
  out["prometheus"] = {{"agent_mode", false},
                       {"auto_reload_config", deps.auto_reload},
                       {"server_mode", true},
                       {"stringlabels", false}};
  out["promql"] = Language(deps);
  out["promql_functions"] = Functions(experimental);
  out["promql_operators"] = Operators(experimental);
  out["rules"] = {
      {"concurrent_rule_eval", false}, {"keep_firing_for", true}, {"query_offset", true}};
  out["scrape"] = {{"extra_scrape_metrics", false},
                   {"start_timestamp_zero_ingestion", false},
                   {"type_and_unit_labels", false}};
  out["service_discovery_providers"] = All({"file", "static"});
  out["templating_functions"] = All({"args",
                                     "externalURL",
                                     "first",
                                     "graphLink",
                                     "humanize",
                                     "humanize1024",
                                     "humanizeDuration",
                                     "humanizePercentage",
                                     "humanizeTimestamp",
                                     "label",
                                     "match",
                                     "now",
                                     "parseDuration",
                                     "pathPrefix",
                                     "query",
                                     "reReplaceAll",
                                     "safeHtml",
                                     "sortByLabel",
                                     "stripDomain",
                                     "stripPort",
                                     "strvalue",
                                     "tableLink",
                                     "title",
                                     "toDuration",
                                     "toLower",
                                     "toTime",
                                     "toUpper",
                                     "urlQueryEscape",
                                     "value"});
  out["tsdb"] = {{"delayed_compaction", false},
                 {"exemplar_storage", true},
                 {"isolation", true},
                 {"native_histograms", true},
                 {"st_storage", true}};
  out["ui"] = {{"ui_v2", false}, {"ui_v3", false}};
  return out;
}

}  // namespace

void RegisterFeaturesApi(Router& router, const FeaturesDeps& deps) {
  std::string body;
  base::JsonWriter w(body, base::JsonEscapes::kGo);
  w.BeginObject();
  for (const auto& [name, category] : FeaturesOf(deps)) {
    w.Key(name);
    w.BeginObject();
    for (const auto& [feature, enabled] : category) w.Field(feature, enabled);
    w.EndObject();
  }
  w.EndObject();
  router.Add({"GET"}, "/api/v1/features", [body](const Request&) { return Success(body); });
}

}  // namespace slowburn::api
