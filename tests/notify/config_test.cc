#include "notify/config.h"

#include <gtest/gtest.h>

#include "notify/limits.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

using ::slowburn::testing::IsCode;

constexpr char kFull[] = R"(
global:
  resolve_timeout: 10m
  smtp_smarthost: mail:25
  http_config: {follow_redirects: false}
route:
  receiver: web.hook
  group_by: [alertname, cluster]
  group_wait: 10s
  repeat_interval: 1h
  routes:
  - matchers: ['severity=~"page|ticket"', team=db]
    match: {env: prod}
    match_re: {svc: 'a.*'}
    receiver: page
    group_by: ['...']
    continue: true
    mute_time_intervals: [nights]
  - active_time_intervals: [days]
    group_by: []
inhibit_rules:
- source_matchers: [severity=page]
  target_match: {severity: ticket}
  target_match_re: {team: 'd.'}
  equal: [cluster]
-
receivers:
- name: web.hook
  webhook_configs:
  - url: http://user:secret@example.org/hook
    max_alerts: 5
    timeout: 1m30s
    send_resolved: false
- name: page
  labels: {team: db}
  webhook_configs:
  - url_file: /run/secrets/url
    http_config:
      basic_auth: {username: me, password: hidden}
      http_headers: {X-A: {values: [b], secrets: [c]}}
  - url: https://example.org/second
templates: [a.tmpl]
mute_time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: '00:00', end_time: '06:00'}]
time_intervals:
- name: days
  time_intervals: [{weekdays: ['monday:friday']}]
)";

TEST(AlertmanagerConfig, ReadsEverything) {
  ASSERT_OK_AND_ASSIGN(const ConfigPtr config, ParseAlertmanagerConfig(kFull, "am.yml"));
  EXPECT_EQ(config->resolve_timeout, 10 * base::kMinute);
  EXPECT_EQ(config->route.group_wait, 10 * base::kSecond);
  EXPECT_EQ(config->route.group_interval, std::nullopt);
  ASSERT_EQ(config->route.routes.size(), 2u);
  const RouteConfig& page = config->route.routes[0];
  EXPECT_EQ(MatchersString(page.matchers),
            R"({env="prod",severity=~"page|ticket",svc=~"^(?:a.*)$",team="db"})");
  EXPECT_TRUE(page.group_by_all);
  EXPECT_TRUE(page.continue_matching);
  EXPECT_EQ(page.mute_time_intervals, std::vector<std::string>{"nights"});
  EXPECT_EQ(config->route.routes[1].group_by, std::vector<std::string>{});
  ASSERT_EQ(config->inhibit_rules.size(), 2u);
  EXPECT_EQ(MatchersString(config->inhibit_rules[0].target),
            R"({severity="ticket",team=~"^(?:d.)$"})");
  ASSERT_EQ(config->receivers.size(), 2u);
  const WebhookConfig& hook = config->receivers[0].webhooks[0];
  EXPECT_EQ(hook.timeout, 90 * base::kSecond);
  EXPECT_EQ(hook.max_alerts, 5u);
  EXPECT_FALSE(hook.send_resolved);
  EXPECT_FALSE(hook.http->follow_redirects);  // global
  EXPECT_EQ(config->receivers[1].labels, (LabelSet{{"name", "page"}, {"team", "db"}}));
  const WebhookConfig& first = config->receivers[1].webhooks[0];
  EXPECT_TRUE(first.http->follow_redirects);  // its own block replaces the global one
  EXPECT_EQ(first.http->basic_auth->password, "hidden");
  EXPECT_EQ(first.http->headers.size(), 2u);
  EXPECT_NE(config->FindTimeInterval("nights"), nullptr);
  EXPECT_NE(config->FindTimeInterval("days"), nullptr);
}

TEST(AlertmanagerConfig, WarnsOncePerKeyWithoutEffect) {
  ASSERT_OK_AND_ASSIGN(const ConfigPtr config, ParseAlertmanagerConfig(kFull, "am.yml"));
  ASSERT_EQ(config->warnings.size(), 2u) << ::testing::PrintToString(config->warnings);
  EXPECT_NE(config->warnings[0].find("am.yml:4:"), std::string::npos) << config->warnings[0];
  EXPECT_NE(config->warnings[0].find("smtp_smarthost"), std::string::npos);
  EXPECT_NE(config->warnings[1].find("templates"), std::string::npos);
}

TEST(AlertmanagerConfig, ShowsItselfWithoutSecretsAndReadsThatAgain) {
  ASSERT_OK_AND_ASSIGN(const ConfigPtr config, ParseAlertmanagerConfig(kFull, "am.yml"));
  for (const char* secret : {"example.org", "hidden", "- c\n"}) {
    EXPECT_EQ(config->original.find(secret), std::string::npos) << secret << " in\n"
                                                                << config->original;
  }
  EXPECT_NE(config->original.find("url: <secret>"), std::string::npos) << config->original;
  std::string again = config->original;  // our reader wants a real URL
  for (size_t at; (at = again.find("url: <secret>")) != std::string::npos;)
    again.replace(at, 13, "url: http://x/");
  ASSERT_OK_AND_ASSIGN(const ConfigPtr reread, ParseAlertmanagerConfig(again, "again.yml"));
  EXPECT_EQ(MatchersString(reread->route.routes[0].matchers),
            MatchersString(config->route.routes[0].matchers));
  EXPECT_EQ(reread->inhibit_rules.size(), 2u);
}

TEST(AlertmanagerConfig, RefusesWithPosition) {
  const std::string receivers = "\nreceivers: [{name: a}]\n";
  struct Case {
    std::string text, want;
  };
  const Case cases[] = {
      {"receivers: [{name: a}]", "no route provided in config"},
      {"", "no route provided in config"},
      {"route: {}" + receivers, "root route must specify a default receiver"},
      {"route: {receiver: a, continue: true}" + receivers,
       "am.yml:1:8: cannot have continue in root route"},
      {"route: {receiver: a, matchers: [b=c]}" + receivers,
       "root route must not have any matchers"},
      {"route: {receiver: b}" + receivers, "am.yml:1:19: undefined receiver \"b\" used in route"},
      {"route: {receiver: a, routes: [{receiver: c}]}" + receivers,
       "undefined receiver \"c\" used in route"},
      {"route: {receiver: a, routes: [{mute_time_intervals: [x]}]}" + receivers,
       "undefined time interval \"x\""},
      {"route: {receiver: a, mute_time_intervals: [x]}" + receivers,
       "must not have any mute time intervals"},
      {"route: {receiver: a, group_by: ['...', b]}" + receivers, "wildcard group_by"},
      {"route: {receiver: a, group_by: [b, b]}" + receivers, "duplicated label \"b\""},
      {"route: {receiver: a, group_interval: 0s}" + receivers, "group_interval cannot be zero"},
      {"route: {receiver: a, repeat_interval: 0s}" + receivers, "repeat_interval cannot be zero"},
      {"route: {receiver: a, group_wait: soon}" + receivers, "am.yml:1:"},
      {"route: {receiver: a, grup_by: [b]}" + receivers, "grup_by"},
      {"route: {receiver: a, routes: [{matchers: ['a']}]}" + receivers, "bad matcher format: a"},
      {"route: {receiver: a, routes: [{matchers: ['a=~\"(\"']}]}" + receivers, "missing closing )"},
      {"route: {receiver: a, routes: [{match_re: {a: '('}}]}" + receivers, "missing closing )"},
      {"route: {receiver: a, routes: [{match_re: {a: }}]}" + receivers, "invalid regexp value"},
      {"route: {receiver: a, routes: [{match: {a-b: c}}]}" + receivers, "invalid label name"},
      {"route: {receiver: a, labels: {x: '{{ .y }}'}}" + receivers,
       "templates in route labels are not built"},
      {"route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", "\"a\" is not unique"},
      {"route: {receiver: a}\nreceivers: [{labels: {}}]", "missing name in receiver"},
      {"route: {receiver: a}\nreceivers: [{name: a, labels: {name: b}}]",
       "must match receiver name"},
      {"route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{}]}]",
       "am.yml:2:38: receiver \"a\": slack_configs"},
      {"route: {receiver: a}\nreceivers: [{name: a, carrier_pigeon_configs: []}]",
       "carrier_pigeon_configs"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [null]}]",
       "missing webhook config"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{}]}]",
       "one of url or url_file"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', url_file: "
       "y}]}]",
       "at most one"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'ftp://x'}]}]",
       "unsupported scheme"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://'}]}]",
       "missing host"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x/{{ .y "
       "}}'}]}]",
       "templates in webhook"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', payload: "
       "{}}]}]",
       "payload"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', timeout: 5 "
       "min}]}]",
       "duration"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', "
       "max_alerts: -1}]}]",
       "max_alerts"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', "
       "http_config: {oauth2: {}}}]}]",
       "oauth2"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', "
       "http_config: {tls_config: {min_version: SSL3}}}]}]",
       "TLS version"},
      {"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', "
       "http_config: {basic_auth: {}, bearer_token: t}}]}]",
       "at most one"},
      {"route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{sauce_match: {a: b}}]",
       "sauce_match"},
      {"route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{source_matchers: ['!']}]",
       "bad matcher format"},
      {"route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{name: t}, {name: t}]",
       "\"t\" is not unique"},
      {"route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{time_intervals: []}]",
       "missing name"},
      {"route: {receiver: a}\nreceivers: {name: a}", "want a list"},
      {"route: {receiver: a}\nrecievers: []" + receivers, "recievers"},
      {"global: {resolve_timeout: -5m}\nroute: {receiver: a}" + receivers, "am.yml:1:"},
      {"route: [", "am.yml:"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(ParseAlertmanagerConfig(c.text, "am.yml"),
                IsCode(absl::StatusCode::kInvalidArgument, c.want));
  }
}

TEST(AlertmanagerConfig, RoutesOfAFileWithOtherReceiversCanBeAsked) {
  const char* text =
      "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{api_url: 'http://x'}]}]";
  EXPECT_FALSE(ParseAlertmanagerConfig(text, "am.yml").ok());
  EXPECT_OK(ParseAlertmanagerConfig(text, "am.yml", ReceiverSupport::kNamesOnly));
}

TEST(AlertmanagerConfig, LimitsOfDepthAndSize) {
  const auto nested = [](int depth) {
    std::string text = "route: {receiver: a, routes: [";
    for (int i = 1; i < depth; ++i) text += "{routes: [";
    text += "{}";
    for (int i = 1; i < depth; ++i) text += "]}";
    return text + "]}\nreceivers: [{name: a}]";
  };
  EXPECT_OK(ParseAlertmanagerConfig(nested(20), "am.yml"));
  EXPECT_FALSE(ParseAlertmanagerConfig(nested(kMaxRouteDepth + 1), "am.yml").ok());
  EXPECT_THAT(ParseAlertmanagerConfig(std::string(kMaxConfigBytes + 1, '#'), "am.yml"),
              IsCode(absl::StatusCode::kInvalidArgument, "the limit is"));
}

TEST(AlertmanagerConfig, DefaultTellsNobody) {
  const ConfigPtr config = DefaultAlertmanagerConfig();
  EXPECT_EQ(config->receivers.size(), 1u);
  EXPECT_TRUE(config->receivers[0].webhooks.empty());
  EXPECT_OK(ParseAlertmanagerConfig(config->original, "default"));
}

}  // namespace
}  // namespace slowburn::notify
