#include "api/rules_handler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "rules/spec_loader.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::api {
namespace {

constexpr char kRules[] = R"(
groups:
- name: g1
  rules:
  - alert: Never
    expr: up == 5
    for: 1h30m
- name: g2
  interval: 1s
  limit: 7
  labels: {team: x}
  rules:
  - record: a:b
    expr: sum  by(job) (up)
  - alert: Up
    expr: up{job="p"}  >   1
    for: 2s
    keep_firing_for: 1m
    labels: {severity: page, dyn: '{{ $labels.job }}', gone: ''}
    annotations: {summary: 'v {{ $value }} <b>'}
)";

rules::ActiveAlert Firing() {
  rules::ActiveAlert a;
  a.labels = tsdb::Labels{{"alertname", "Up"}, {"job", "p"}};
  a.annotations = {{"summary", "v 1 <b>"}};
  a.state = rules::AlertState::kFiring;
  a.value = 1;
  a.active_at = 1'700'000'000'120;
  a.fired_at = 1'700'000'002'120;
  return a;
}

std::vector<rules::GroupStatus> Groups() {
  const rules::RuleFile file = rules::ParseRuleFile(kRules, "r.yml", {});
  EXPECT_OK(file.status());
  std::vector<rules::GroupStatus> out;
  for (const auto& spec : file.groups) {
    rules::GroupStatus g;
    g.file = spec->file;
    g.name = spec->name;
    g.interval = spec->interval.value_or(15'000);
    g.limit = spec->limit;
    for (const auto& rule : spec->rules) {
      rules::RuleStatus r;
      r.spec = rule;
      g.rules.push_back(std::move(r));
    }
    out.push_back(std::move(g));
  }
  out[1].evaluation_seconds = 0.000248551;
  out[1].last_evaluation = 1'700'000'010'000;
  rules::RuleStatus& up = out[1].rules[1];
  up.health = rules::RuleHealth::kOk;
  up.evaluation_seconds = 0.5;
  up.last_evaluation = 1'700'000'010'100;
  up.alerts = {Firing()};
  out[1].rules[0].health = rules::RuleHealth::kError;
  out[1].rules[0].last_error = "it \"broke\"";
  return out;
}

class RulesHandlerTest : public ::testing::Test {
 protected:
  RulesHandlerTest() {
    RegisterRulesApi(router_, Groups,
                     [] { return std::vector<std::string>{"http://am:9093/api/v2/alerts"}; });
  }
  Response Get(const std::string& path, const std::string& query = "") {
    Request r;
    r.method = "GET";
    r.path = path;
    r.url_params = r.params = Params::Parse(query);
    return router_.Route(r);
  }
  std::string Body(const std::string& query = "") { return Get("/api/v1/rules", query).body; }
  // "group:rule,rule group:…"
  std::string Names(const std::string& query) {
    const absl::StatusOr<base::JsonValue> json = base::ParseJson(Body(query));
    EXPECT_OK(json);
    std::string out;
    for (const base::JsonValue& g : json->Find("data")->Find("groups")->items) {
      out += (out.empty() ? "" : " ") + std::string(g.StringAt("name")) + ":";
      for (const base::JsonValue& r : g.Find("rules")->items)
        out += std::string(r.StringAt("name")) + ",";
    }
    return out;
  }
  Router router_;
};

TEST_F(RulesHandlerTest, WritesWhatPrometheusWrites) {
  EXPECT_EQ(Body(),
            R"j({"status":"success","data":{"groups":[)j"
            R"j({"name":"g1","file":"r.yml","rules":[{"state":"inactive","name":"Never","query":"up == 5","duration":5400,)j"
            R"j("keepFiringFor":0,"labels":{},"annotations":{},"alerts":[],"health":"unknown","evaluationTime":0,)j"
            R"j("lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"}],"interval":15,"limit":0,"evaluationTime":0,)j"
            R"j("lastEvaluation":"0001-01-01T00:00:00Z"},)j"
            R"j({"name":"g2","file":"r.yml","rules":[{"name":"a:b","query":"sum by (job) (up)","labels":{"team":"x"},)j"
            R"j("health":"err","lastError":"it \"broke\"","evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z",)j"
            R"j("type":"recording"},{"state":"firing","name":"Up","query":"up{job=\"p\"} > 1","duration":2,)j"
            R"j("keepFiringFor":60,"labels":{"dyn":"{{ $labels.job }}","gone":"","severity":"page","team":"x"},)j"
            R"j("annotations":{"summary":"v {{ $value }} <b>"},"alerts":[{"labels":{"alertname":"Up","job":"p"},)j"
            R"j("annotations":{"summary":"v 1 <b>"},"state":"firing","activeAt":"2023-11-14T22:13:20.12Z","value":"1e+00"}],)j"
            R"j("health":"ok","evaluationTime":0.5,"lastEvaluation":"2023-11-14T22:13:30.1Z","type":"alerting"}],)j"
            R"j("interval":1,"limit":7,"evaluationTime":0.000248551,"lastEvaluation":"2023-11-14T22:13:30Z"}]}})j");
}

TEST_F(RulesHandlerTest, Filters) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "g1:Never, g2:a:b,Up,"},
      {"type=alert", "g1:Never, g2:Up,"},
      {"type=record", "g2:a:b,"},
      {"type=ALERT", "g1:Never, g2:Up,"},
      {"rule_name[]=Up", "g2:Up,"},
      {"rule_name[]=Up&rule_name[]=Never", "g1:Never, g2:Up,"},
      {"rule_group[]=g1", "g1:Never,"},
      {"file[]=r.yml", "g1:Never, g2:a:b,Up,"},
      {"file[]=other.yml", ""},
      {"match[]=%7Bseverity=%22page%22%7D", "g2:Up,"},
      {"match[]=%7Bseverity=%22page%22%7D&match[]=%7Bteam=%22x%22%7D", "g2:a:b,Up,"},
      {"type=record&rule_group[]=g1", ""},
      {"group_limit=1", "g1:Never,"},
      {"group_limit=5", "g1:Never, g2:a:b,Up,"},
  };
  for (const auto& [query, names] : cases) EXPECT_EQ(Names(query), names) << query;
}

TEST_F(RulesHandlerTest, PagesFollowEachOther) {
  const absl::StatusOr<base::JsonValue> first = base::ParseJson(Body("group_limit=1"));
  ASSERT_OK(first);
  const std::string token(first->Find("data")->StringAt("groupNextToken"));
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(Names("group_limit=1&group_next_token=" + token), "g2:a:b,Up,");
  EXPECT_EQ(Body("group_limit=1&group_next_token=" + token).find("groupNextToken"),
            std::string::npos);
}

TEST_F(RulesHandlerTest, AlertsMayBeLeftOut) {
  EXPECT_NE(Body("exclude_alerts=true").find("\"alerts\":null"), std::string::npos);
  EXPECT_EQ(Body("exclude_alerts=false"), Body());
}

TEST_F(RulesHandlerTest, BadParameters) {
  const std::pair<const char*, const char*> cases[] = {
      {"type=foo", R"(invalid parameter \"type\": not supported value \"foo\")"},
      {"exclude_alerts=x",
       R"(invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax)"},
      {"group_limit=0",
       R"(invalid parameter \"group_limit\": group_limit needs to be greater than 0)"},
      {"group_limit=x",
       R"(invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax)"},
      {"group_next_token=abc",
       R"(invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups)"},
      {"group_limit=1&group_next_token=abc",
       R"(invalid parameter \"group_next_token\": invalid group_next_token 'abc'. were rule groups changed?)"},
      {"match[]=%7Bseverity=", "1:11: parse error: unexpected end of input inside braces"},
  };
  for (const auto& [query, error] : cases) {
    const Response r = Get("/api/v1/rules", query);
    EXPECT_EQ(r.status, 400) << query;
    EXPECT_EQ(r.body,
              std::string(R"({"status":"error","errorType":"bad_data","error":")") + error + "\"}")
        << query;
  }
}

TEST_F(RulesHandlerTest, Alerts) {
  EXPECT_EQ(
      Get("/api/v1/alerts").body,
      R"({"status":"success","data":{"alerts":[{"labels":{"alertname":"Up","job":"p"},"annotations":)"
      R"({"summary":"v 1 <b>"},"state":"firing","activeAt":"2023-11-14T22:13:20.12Z","value":"1e+00"}]}})");
}

TEST_F(RulesHandlerTest, Alertmanagers) {
  EXPECT_EQ(
      Get("/api/v1/alertmanagers").body,
      R"({"status":"success","data":{"activeAlertmanagers":[{"url":"http://am:9093/api/v2/alerts"}],)"
      R"("droppedAlertmanagers":[]}})");
}

}  // namespace
}  // namespace slowburn::api
