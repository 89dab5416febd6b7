// /api/v2 and /api/notify/v1, called without a socket. Codes and JSON are what Alertmanager 0.33.1
// answered.
#include "api/alertmanager_handler.h"

#include <gtest/gtest.h>

#include <memory>

#include "api/notify_handler.h"
#include "base/json.h"
#include "base/metrics.h"
#include "notify/notifier.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_executor.h"
#include "tests/testing/fake_http_client.h"
#include "tests/testing/memory_state_store.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::api {
namespace {

constexpr char kConfig[] = R"(
route: {receiver: web.hook, group_by: [alertname], group_wait: 30s, routes: [{matchers: [severity=page], receiver: page}]}
receivers:
- name: web.hook
  webhook_configs: [{url: 'http://receiver/hook'}]
- name: page
  labels: {team: x}
)";

class AlertmanagerApi : public ::testing::Test {
 protected:
  AlertmanagerApi() {
    auto config = notify::ParseAlertmanagerConfig(kConfig, "am.yml");
    EXPECT_OK(config);
    auto created = notify::Notifier::Create({.store = store_,
                                             .executor = executor_,
                                             .clock = clock_,
                                             .http = http_,
                                             .registry = registry_,
                                             .external_url = "http://here",
                                             .seed = 1},
                                            *config);
    EXPECT_OK(created);
    notifier_ = std::move(*created);
    RegisterAlertmanagerApi(router_, *notifier_);
    RegisterNotifyApi(router_, *notifier_);
  }

  Response Call(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& type = "application/json") {
    Request request;
    request.method = method;
    const size_t question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos)
      request.url_params = Params::Parse(target.substr(question + 1));
    request.params = request.url_params;
    if (!type.empty()) request.headers = {{"content-type", type}};
    request.body = body;
    return router_.Route(request);
  }
  // "STATUS BODY" without the line's end.
  std::string Line(const std::string& method, const std::string& target,
                   const std::string& body = "", const std::string& type = "application/json") {
    const Response response = Call(method, target, body, type);
    std::string text = std::to_string(response.status) + " " + response.body;
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }
  std::string AddSilence(const std::string& fields = "") {
    const std::string line = Line("POST", "/api/v2/silences", Silence(fields));
    EXPECT_TRUE(line.starts_with("200 {\"silenceID\":\"")) << line;
    return line.substr(18, 36);
  }
  static std::string Silence(const std::string& fields) {
    return "{\"matchers\":[{\"name\":\"alertname\",\"value\":\"Y\",\"isRegex\":false}],"
           "\"startsAt\":\"2023-11-14T00:00:00Z\","
           "\"endsAt\":\"2036-01-01T00:00:00Z\",\"createdBy\":\"me\",\"comment\":\"c\"" +
           fields + "}";
  }

  testing::FakeClock clock_;  // 2023-11-14T22:13:20Z
  testing::FakeExecutor executor_{clock_};
  testing::FakeHttpClient http_{
      [](const base::HttpRequest&) { return base::HttpResponse{.status = 200}; }};
  testing::MemoryStateStore store_;
  prometheus::Registry registry_;
  std::unique_ptr<notify::Notifier> notifier_;
  Router router_;
};

TEST_F(AlertmanagerApi, StatusIsWhatAmtoolReads) {
  const Response response = Call("GET", "/api/v2/status");
  EXPECT_EQ(response.status, 200);
  ASSERT_OK_AND_ASSIGN(const base::JsonValue json, base::ParseJson(response.body));
  EXPECT_EQ(json.Find("cluster")->StringAt("status"), "disabled");
  EXPECT_TRUE(json.Find("cluster")->Find("peers")->items.empty());
  EXPECT_TRUE(json.Find("versionInfo")->StringAt("version").starts_with("0.33."));
  EXPECT_EQ(json.StringAt("uptime"), "2023-11-14T22:13:20.000Z");
  const std::string original(json.Find("config")->StringAt("original"));
  EXPECT_NE(original.find("url: <secret>"), std::string::npos) << original;
  EXPECT_EQ(response.headers,
            (std::vector<std::pair<std::string, std::string>>{{"Cache-Control", "no-store"}}));
}

TEST_F(AlertmanagerApi, Receivers) {
  EXPECT_EQ(
      Line("GET", "/api/v2/receivers"),
      R"(200 [{"labels":{"name":"web.hook"},"name":"web.hook"},{"labels":{"name":"page","team":"x"},"name":"page"}])");
  EXPECT_EQ(Line("GET", "/api/v2/receivers?receiver_matchers=team%3Dx"),
            R"(200 [{"labels":{"name":"page","team":"x"},"name":"page"}])");
  EXPECT_TRUE(Line("GET", "/api/v2/receivers?receiver_matchers=x")
                  .starts_with("400 \"failed to parse receiver_matchers"));
}

TEST_F(AlertmanagerApi, PostedAlertsAreShown) {
  EXPECT_EQ(Line("GET", "/api/v2/alerts"), "200 []");
  EXPECT_EQ(Line("POST", "/api/v2/alerts", R"([
    {"labels":{"alertname":"X<a>&","severity":"page","é":"1"},"annotations":{"s":"line\nb\u2028"},
     "startsAt":"2023-01-01T02:00:00.120+02:00","endsAt":"0001-01-01T00:00:00.000Z","generatorURL":"http://x/a?b=c&d"},
    {"labels":{"alertname":"Y","a":"2","gone":""}}])"),
            "200 ");
  EXPECT_EQ(
      Line("GET", "/api/v2/alerts?receiver="),
      R"(200 [{"annotations":{"s":"line\nb\u2028"},"endsAt":"2023-11-14T22:18:20.000Z","fingerprint":"6c02b7c7e23c7bf8",)"
      R"("receivers":[{"name":"page"}],"startsAt":"2023-01-01T00:00:00.120Z","status":{"inhibitedBy":[],"mutedBy":[],)"
      R"("silencedBy":[],"state":"active"},"updatedAt":"2023-11-14T22:13:20.000Z","generatorURL":"http://x/a?b=c\u0026d",)"
      R"("labels":{"alertname":"X\u003ca\u003e\u0026","severity":"page","é":"1"}},{"annotations":{},)"
      R"("endsAt":"2023-11-14T22:18:20.000Z","fingerprint":"d6a990b9fd4567c0","receivers":[{"name":"web.hook"}],)"
      R"("startsAt":"2023-11-14T22:13:20.000Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},)"
      R"("updatedAt":"2023-11-14T22:13:20.000Z","labels":{"a":"2","alertname":"Y"}}])");
  const auto count = [&](const std::string& query) {
    return base::ParseJson(Call("GET", "/api/v2/alerts?" + query).body).value().items.size();
  };
  EXPECT_EQ(count("filter=alertname%3DY"), 1u);
  EXPECT_EQ(count("filter=alertname%3DY&filter=a%3D3"), 0u);
  EXPECT_EQ(count("receiver=web.*"), 1u);
  EXPECT_EQ(count("receiver=web"), 0u);
  EXPECT_EQ(count("receiver_matchers=team%3Dx"), 1u);
  EXPECT_EQ(count("active=false"), 0u);
  EXPECT_EQ(count("active=zz"), 0u);
  EXPECT_EQ(count("unprocessed=false"), 2u);
  EXPECT_EQ(
      Line("GET", "/api/v2/alerts/groups?receiver=web.*"),
      R"(200 [{"alerts":[{"annotations":{},"endsAt":"2023-11-14T22:18:20.000Z","fingerprint":"d6a990b9fd4567c0",)"
      R"("receivers":[{"name":"web.hook"}],"startsAt":"2023-11-14T22:13:20.000Z","status":{"inhibitedBy":[],"mutedBy":[],)"
      R"("silencedBy":[],"state":"active"},"updatedAt":"2023-11-14T22:13:20.000Z","labels":{"a":"2","alertname":"Y"}}],)"
      R"("labels":{"alertname":"Y"},"receiver":{"name":"web.hook"}}])");
}

TEST_F(AlertmanagerApi, RefusalsOfAlerts) {
  struct Case {
    std::string body, want;
  };
  const Case cases[] = {
      {"", R"(422 {"code":602,"message":"alerts in body is required"})"},
      {"[{}]", R"(422 {"code":602,"message":"0.labels in body is required"})"},
      {R"([{"labels":{"a":"1"}},{"labels":null}])",
       R"(422 {"code":602,"message":"1.labels in body is required"})"},
      {R"([{"labels":{"a":"1"},"generatorURL":":::"}])",
       R"(422 {"code":601,"message":"0.generatorURL in body must be of type uri: \":::\""})"},
      {R"([{"labels":{}}])", R"(400 "at least one label pair required")"},
      {R"([{"labels":{"a":""}},{"labels":{"b":"1"},"startsAt":"2023-01-02T00:00:00Z","endsAt":"2023-01-01T00:00:00Z"}])",
       R"(400 "at least one label pair required\nstart time must be before end time")"},
      {"{", R"(400 {"code":400,"message":"parsing alerts body from \"\" failed, because )"},
      {"{}", R"(400 {"code":400,"message":"parsing alerts body from \"\" failed, because )"},
      {"[1]", R"(400 {"code":400,"message":"parsing alerts body from \"\" failed, because )"},
      {R"([{"labels":{"a":1}}])",
       R"(400 {"code":400,"message":"parsing alerts body from \"\" failed, because )"},
      {R"([{"labels":{"a":"1"},"startsAt":"zzz"}])",
       R"(400 {"code":400,"message":"parsing alerts body from \"\" failed, because )"},
  };
  for (const Case& c : cases) {
    const std::string got = Line("POST", "/api/v2/alerts", c.body);
    EXPECT_EQ(got.substr(0, c.want.size()), c.want) << c.body << " gave " << got;
  }
  EXPECT_EQ(
      Line("POST", "/api/v2/alerts", "[]", "text/plain"),
      R"(415 {"code":415,"message":"unsupported media type \"text/plain\", only [application/json] are allowed"})");
  EXPECT_EQ(Line("POST", "/api/v2/alerts", "[]", "application/json; charset=utf-8"), "200 ");
  EXPECT_TRUE(Line("GET", "/api/v2/alerts?filter=a").starts_with("400 \"bad matcher format: a"));
  EXPECT_EQ(Line("GET", "/api/v2/alerts?filter=%7Ba%3D1%7D"),
            "400 \"unexpected open or close brace: {a=1}\"");
  EXPECT_TRUE(Line("GET", "/api/v2/alerts?receiver=(")
                  .starts_with("400 \"failed to parse receiver param: "));
  store_.FailAfter(0);
  EXPECT_TRUE(Line("POST", "/api/v2/alerts", R"([{"labels":{"a":"1"}}])").starts_with("500 \""));
}

TEST_F(AlertmanagerApi, SilencesComeAndGo) {
  const std::string id = AddSilence(",\"annotations\":{\"k\":\"v\"}");
  const std::string shown =
      R"({"id":")" + id +
      R"(","status":{"state":"active"},"updatedAt":"2023-11-14T22:13:20.000Z","annotations":{"k":"v"},)"
      R"("comment":"c","createdBy":"me","endsAt":"2036-01-01T00:00:00.000Z","matchers":[{"isEqual":true,)"
      R"("isRegex":false,"name":"alertname","value":"Y"}],"startsAt":"2023-11-14T22:13:20.000Z"})";
  EXPECT_EQ(Line("GET", "/api/v2/silences"), "200 [" + shown + "]");
  EXPECT_EQ(Line("GET", "/api/v2/silence/" + id), "200 " + shown);
  EXPECT_EQ(Line("GET", "/api/v2/silences?filter=alertname%3DY"), "200 [" + shown + "]");
  EXPECT_EQ(Line("GET", "/api/v2/silences?filter=alertname%3D~Y"),
            "200 []");  // equality of matchers
  EXPECT_EQ(Line("GET", "/api/v2/silences?active=false"), "200 []");
  ASSERT_EQ(Line("POST", "/api/v2/alerts", R"([{"labels":{"alertname":"Y"}}])"), "200 ");
  EXPECT_NE(
      Line("GET", "/api/v2/alerts").find(R"("silencedBy":[")" + id + R"("],"state":"suppressed")"),
      std::string::npos);
  EXPECT_EQ(Line("GET", "/api/v2/alerts?silenced=false"), "200 []");
  EXPECT_EQ(Line("DELETE", "/api/v2/silence/" + id), "200 ");
  EXPECT_EQ(Line("DELETE", "/api/v2/silence/" + id), "200 ");
  EXPECT_NE(Line("GET", "/api/v2/silence/" + id).find("\"expired\""), std::string::npos);
  EXPECT_EQ(Line("GET", "/api/v2/silences?expired=false"), "200 []");
  // A change in place keeps the id; of an expired one it makes another.
  const std::string other = AddSilence();
  EXPECT_EQ(AddSilence(",\"id\":\"" + other + "\"").size(), 36u);
}

TEST_F(AlertmanagerApi, RefusalsOfSilences) {
  const std::string no_such = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
  EXPECT_EQ(Line("GET", "/api/v2/silence/zz"),
            R"(422 {"code":601,"message":"silenceID in path must be of type uuid: \"zz\""})");
  EXPECT_EQ(Line("DELETE", "/api/v2/silence/zz").substr(0, 4), "422 ");
  EXPECT_EQ(Line("GET", "/api/v2/silence/" + no_such), "404 ");
  EXPECT_EQ(Line("DELETE", "/api/v2/silence/" + no_such), "404 ");
  EXPECT_EQ(Line("POST", "/api/v2/silences", Silence(",\"id\":\"" + no_such + "\"")),
            "404 \"silence not found\"");
  const auto with = [](std::string from, const std::string& to) {
    std::string body = Silence("");
    return body.replace(body.find(from), from.size(), to);
  };
  struct Case {
    std::string body, want;
  };
  const Case cases[] = {
      {"", R"(422 {"code":602,"message":"silence in body is required"})"},
      {"{}", R"(422 {"code":602,"message":"comment in body is required"})"},
      {"[]", R"(400 {"code":400,"message":"parsing silence body)"},
      {with(R"([{"name":"alertname","value":"Y","isRegex":false}])", "[]"),
       R"(422 {"code":612,"message":"matchers in body should have at least 1 items"})"},
      {with(R"(,"isRegex":false)", ""),
       R"(422 {"code":602,"message":"matchers.0.isRegex in body is required"})"},
      {with(R"("value":"Y")", R"("value":"")"), R"(400 "invalid silence: )"},
      {with(R"("name":"alertname")", R"("name":"")"), R"(400 "invalid silence: invalid label )"},
      {with(R"("value":"Y","isRegex":false)", R"("value":"(","isRegex":true)"),
       R"(400 "invalid silence: invalid label matcher 0: invalid regular expression)"},
      {with("2036", "2023"),
       R"(400 "Failed to create silence: start time must be before end time")"},
      {with("2036-01-01T00:00:00Z", "2023-11-14T01:00:00Z"),
       R"(400 "Failed to create silence: end time can't be in the past")"},
  };
  for (const Case& c : cases) {
    const std::string got = Line("POST", "/api/v2/silences", c.body);
    EXPECT_EQ(got.substr(0, c.want.size()), c.want) << c.body << " gave " << got;
  }
  store_.FailAfter(0);
  EXPECT_EQ(Line("POST", "/api/v2/silences", Silence("")).substr(0, 4), "500 ");
}

TEST_F(AlertmanagerApi, DeliveriesNewestFirst) {
  EXPECT_EQ(Line("GET", "/api/notify/v1/deliveries"),
            R"(200 {"status":"success","data":{"deliveries":[]}})");
  for (const char* name : {"A", "B"}) {
    ASSERT_EQ(Line("POST", "/api/v2/alerts",
                   std::string(R"([{"labels":{"alertname":")") + name + "\"}}]"),
              "200 ");
    executor_.AdvanceBy(base::kMinute);
  }
  ASSERT_OK_AND_ASSIGN(const base::JsonValue json,
                       base::ParseJson(Call("GET", "/api/notify/v1/deliveries").body));
  const base::JsonValue& list = *json.Find("data")->Find("deliveries");
  ASSERT_EQ(list.items.size(), 2u);
  const base::JsonValue& newest = list.items[0];
  EXPECT_EQ(newest.Find("alert_names")->items[0].string, "B");
  EXPECT_EQ(newest.Find("time")->number, 1'700'000'090);
  EXPECT_EQ(newest.StringAt("receiver"), "web.hook");
  EXPECT_EQ(newest.StringAt("integration"), "webhook/0");
  EXPECT_EQ(newest.StringAt("group_key"), R"({}:{alertname="B"})");
  EXPECT_EQ(newest.Find("group_labels")->StringAt("alertname"), "B");
  EXPECT_EQ(newest.StringAt("status"), "firing");
  EXPECT_EQ(newest.StringAt("reason"), "first notification");
  EXPECT_EQ(newest.StringAt("outcome"), "delivered");
  EXPECT_EQ(newest.Find("http_status")->number, 200);
  EXPECT_EQ(newest.Find("attempts")->number, 1);
  EXPECT_EQ(Line("GET", "/api/notify/v1/deliveries?receiver=nobody"),
            R"(200 {"status":"success","data":{"deliveries":[]}})");
  EXPECT_EQ(base::ParseJson(Call("GET", "/api/notify/v1/deliveries?limit=1").body)
                ->Find("data")
                ->Find("deliveries")
                ->items.size(),
            1u);
  for (const char* limit : {"0", "-1", "x", "10001"}) {
    EXPECT_EQ(Line("GET", std::string("/api/notify/v1/deliveries?limit=") + limit).substr(0, 4),
              "400 ")
        << limit;
  }
}

}  // namespace
}  // namespace slowburn::api
