#include "app/prometheus_config.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include "app/redacted_yaml.h"
#include "base/file.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::app {
namespace {

using slowburn::testing::IsCode;

TEST(PrometheusConfig, ReadsAWholeFile) {
  ASSERT_OK_AND_ASSIGN(const PrometheusConfig c, ParsePrometheusConfig(R"(
# A comment.
global:
  scrape_interval: 15s
  evaluation_interval: 30s
  rule_query_offset: 5s
  external_labels: {region: eu, replica: "1"}
runtime: {gogc: 60}
rule_files:
- rules/*.yml
- /abs/one.yml
scrape_configs:
- job_name: a
  static_configs: [{targets: ['x:1']}]
- job_name: b
  scrape_interval: 5s
  static_configs: [{targets: ['y:1']}]
alerting:
  alert_relabel_configs: [{regex: replica, action: labeldrop}]
  alertmanagers:
  - scheme: https
    path_prefix: /am
    timeout: 3s
    api_version: v2
    basic_auth: {username: u, password: p}
    static_configs: [{targets: ['am:9093']}]
    alert_relabel_configs: [{target_label: x, replacement: y}]
storage:
  tsdb:
    out_of_order_time_window: 30m
    retention: {time: 30d, size: 10GB}
  exemplars: {max_exemplars: 5}
)",
                                                                       "etc/prometheus.yml"));
  EXPECT_EQ(c.global.scrape.scrape_interval_ms, 15'000);
  EXPECT_EQ(c.global.evaluation_interval_ms, 30'000);
  EXPECT_EQ(c.global.rule_query_offset_ms, 5000);
  EXPECT_EQ(c.global.external_labels.ToString(), "{region=\"eu\", replica=\"1\"}");
  EXPECT_EQ(c.rule_files, (std::vector<std::string>{"etc/rules/*.yml", "/abs/one.yml"}));
  ASSERT_EQ(c.scrape_configs.size(), 2u);
  EXPECT_EQ(c.scrape_configs[0].interval_ms, 15'000);
  EXPECT_EQ(c.scrape_configs[1].interval_ms, 5000);
  ASSERT_EQ(c.alerting.alertmanagers.size(), 1u);
  const AlertmanagerConfig& am = c.alerting.alertmanagers[0];
  EXPECT_EQ(am.scheme, "https");
  EXPECT_EQ(am.path_prefix, "/am");
  EXPECT_EQ(am.timeout_ms, 3000);
  EXPECT_EQ(am.http.config->basic_auth->password, "p");
  EXPECT_EQ(am.static_groups[0].targets[0], "am:9093");
  EXPECT_EQ(am.alert_relabel_rules.size(), 1u);
  EXPECT_EQ(c.alerting.alert_relabel_rules.size(), 1u);
  EXPECT_EQ(c.out_of_order_time_window_ms, 30 * base::kMinute);
  EXPECT_EQ(c.retention_ms, 30 * base::kDay);
  EXPECT_EQ(c.retention_bytes, uint64_t{10} << 30);
  EXPECT_EQ(c.max_exemplars, 5);
  EXPECT_TRUE(c.warnings.empty());
}

TEST(PrometheusConfig, AnEmptyFileIsAllDefaults) {
  for (const char* text : {"", "# nothing\n", "global:\n", "scrape_configs: []\n"}) {
    ASSERT_OK_AND_ASSIGN(const PrometheusConfig c, ParsePrometheusConfig(text, "f.yml"));
    EXPECT_EQ(c.global.scrape.scrape_interval_ms, 60'000) << text;
    EXPECT_TRUE(c.scrape_configs.empty());
  }
}

TEST(PrometheusConfig, SectionsMayComeInAnyOrder) {
  ASSERT_OK_AND_ASSIGN(
      const PrometheusConfig c,
      ParsePrometheusConfig("scrape_configs: [{job_name: a}]\nglobal: {scrape_interval: 7s}\n",
                            "f.yml"));
  EXPECT_EQ(c.scrape_configs[0].interval_ms, 7000);
  EXPECT_EQ(c.scrape_configs[0].timeout_ms, 7000);
}

TEST(PrometheusConfig, WhatIsNotBuiltIsAWarningWithItsPlace) {
  ASSERT_OK_AND_ASSIGN(const PrometheusConfig c, ParsePrometheusConfig(R"(global:
  query_log_file: log/q.log
remote_write:
- url: http://x/write
  queue_config: {capacity: 1}
- url: http://y/write
  name: second
remote_read:
- url: http://x/read
tracing: {endpoint: 'x:4317'}
otlp: {promote_resource_attributes: [a]}
scrape_configs:
- job_name: a
  dns_sd_configs: [{names: [x]}]
)",
                                                                       "/etc/f.yml"));
  EXPECT_EQ(c.global.query_log_file, "/etc/log/q.log");
  EXPECT_THAT(c.warnings,
              ::testing::UnorderedElementsAre(::testing::HasSubstr("f.yml:4:3: remote_write"),
                                              ::testing::HasSubstr("f.yml:6:3: remote_write"),
                                              ::testing::HasSubstr("f.yml:9:3: remote_read"),
                                              ::testing::HasSubstr("f.yml:10:1: tracing"),
                                              ::testing::HasSubstr("f.yml:11:1: otlp"),
                                              ::testing::HasSubstr("f.yml:14:3: dns_sd_configs")));
}

TEST(PrometheusConfig, RefusesWithThePlace) {
  const struct {
    const char* yaml;
    const char* error;
  } kCases[] = {
      {"globl: {}", "f.yml:1:1: field globl not found in prometheus.yml"},
      {"global: {scrape_intervall: 1s}", "f.yml:1:10: field scrape_intervall not found in global"},
      {"global: {scrape_interval: 1s, scrape_timeout: 2s}",
       "f.yml:1:47: global scrape timeout greater than scrape interval"},
      {"global: {external_labels: {'': x}}", "f.yml:1:28: \"\" is not a valid label name"},
      {"global: {scrape_protocols: [X]}",
       "f.yml:1:29: scrape_protocols: unknown scrape protocol X"},
      {"global: [1]", "f.yml:1:9: "},
      {"a: [", "f.yml:"},
      {"global: {}\nglobal: {}", "f.yml:2:1: "},
      {"rule_files: ['a/*/b.yml']", "f.yml:1:14: invalid rule file path \"a/*/b.yml\""},
      {"rule_files: x", "f.yml:1:13: "},
      {"scrape_configs: {}", "f.yml:1:17: expected a list of scrape configs"},
      {"scrape_configs:\n-", "f.yml:2:2: empty or null scrape config section"},
      {"scrape_configs:\n- job_name: a\n- job_name: a",
       "f.yml:3:13: found multiple scrape configs with job name \"a\""},
      {"scrape_configs:\n- job_name: a\n  relabel_config: []",
       "f.yml:3:3: field relabel_config not found in scrape_config"},
      {"alerting: {alertmanagers: [{api_version: v1}]}",
       "f.yml:1:42: expected Alertmanager api version to be one of [v2] but got v1"},
      {"alerting: {alertmanagers: [{scheme: tcp}]}", "f.yml:1:37: scheme must be http or https"},
      {"alerting: {alertmanagers: [{static_configs: [{targets: ['http://x']}]}]}",
       "is not a valid hostname"},
      {"alerting: {alertmanager: []}", "f.yml:1:12: field alertmanager not found in alerting"},
      {"alerting: {alert_relabel_configs: [~]}", "f.yml:1:36: empty or null alert relabeling rule"},
      {"storage: {tsdb: {out_of_order_window: 1m}}",
       "f.yml:1:18: field out_of_order_window not found in storage.tsdb"},
      {"storage: {tsdb: {out_of_order_time_window: x}}", "f.yml:1:44: "},
      {"remote_write: [{}]", "f.yml:1:16: url for remote_write is empty"},
      {"remote_write: [{url: x, nope: 1}]", "f.yml:1:25: field nope not found in remote_write"},
      {"remote_write: [{url: x, headers: {Authorization: y}}]",
       "f.yml:1:35: authorization header must be changed via"},
      {"remote_write: [{url: x, name: a}, {url: y, name: a}]",
       "f.yml:1:50: found multiple remote_write configs with job name \"a\""},
      {"remote_read: [{url: x, headers: {Host: y}}]", "f.yml:1:34: Host is a reserved header"},
      {"tracing: {}", "f.yml:1:10: tracing endpoint must be set"},
      {"otlp: {translation_strategy: X}",
       "f.yml:1:30: unsupported OTLP translation strategy \"X\""},
      {"runtime: {gogcc: 1}", "f.yml:1:11: field gogcc not found in runtime"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParsePrometheusConfig(c.yaml, "f.yml"),
                IsCode(absl::StatusCode::kInvalidArgument, c.error))
        << c.yaml;
  }
}

TEST(PrometheusConfig, ANamedFileThatIsMissingIsAnError) {
  EXPECT_THAT(LoadPrometheusConfig("/nowhere/prometheus.yml"),
              IsCode(absl::StatusCode::kNotFound, "/nowhere/prometheus.yml"));
}

TEST(PrometheusConfig, ReadsScrapeConfigFiles) {
  const std::string dir = ::testing::TempDir() + "/prometheus_config_files";
  std::filesystem::remove_all(dir);
  ASSERT_OK(base::MakeDirectories(dir + "/jobs"));
  ASSERT_OK(base::WriteFileAtomic(
      dir + "/jobs/a.yml", "scrape_configs: [{job_name: a, static_configs: [{targets: [x]}]}]"));
  ASSERT_OK(base::WriteFileAtomic(dir + "/jobs/b.yml", "scrape_configs: [{job_name: b}]"));
  ASSERT_OK(
      base::WriteFileAtomic(dir + "/prometheus.yml",
                            "scrape_config_files: [jobs/*.yml]\nscrape_configs: [{job_name: c}]"));
  ASSERT_OK_AND_ASSIGN(const PrometheusConfig c, LoadPrometheusConfig(dir + "/prometheus.yml"));
  ASSERT_EQ(c.scrape_configs.size(), 3u);
  EXPECT_EQ(c.scrape_configs[0].job_name, "c");
  EXPECT_EQ(c.scrape_configs[1].job_name, "a");
  ASSERT_OK(base::WriteFileAtomic(dir + "/jobs/b.yml", "\nscrape_configs: [{job_name: a}]"));
  EXPECT_THAT(LoadPrometheusConfig(dir + "/prometheus.yml"),
              IsCode(absl::StatusCode::kInvalidArgument,
                     "jobs/b.yml:2:29: found multiple scrape configs with job name \"a\""));
  ASSERT_OK(base::WriteFileAtomic(dir + "/jobs/b.yml", "global: {}"));
  EXPECT_THAT(LoadPrometheusConfig(dir + "/prometheus.yml"),
              IsCode(absl::StatusCode::kInvalidArgument, "jobs/b.yml:1:1: field global not found"));
  std::filesystem::remove_all(dir);
}

TEST(ExpandEnvironment, WorksAsInGo) {
  ::setenv("SLOWBURN_TEST_VAR", "value", 1);
  ::unsetenv("SLOWBURN_TEST_NONE");
  const struct {
    const char* text;
    const char* want;
    size_t warnings;
  } kCases[] = {
      {"plain", "plain", 0},
      {"$SLOWBURN_TEST_VAR", "value", 0},
      {"a${SLOWBURN_TEST_VAR}b", "avalueb", 0},
      {"$SLOWBURN_TEST_VAR-x", "value-x", 0},
      {"$SLOWBURN_TEST_NONE", "", 1},
      {"x${SLOWBURN_TEST_NONE}y", "xy", 1},
      {"$$", "$", 0},
      {"$$SLOWBURN_TEST_VAR", "$SLOWBURN_TEST_VAR", 0},
      {"${}", "", 0},
      {"cost $", "cost $", 0},
      {"50$ ", "50$ ", 0},
  };
  for (const auto& c : kCases) {
    std::vector<std::string> warnings;
    EXPECT_EQ(ExpandEnvironment(c.text, warnings), c.want) << c.text;
    EXPECT_EQ(warnings.size(), c.warnings) << c.text;
  }
}

TEST(PrometheusConfig, OnlyExternalLabelsAreExpanded) {
  ::setenv("SLOWBURN_TEST_VAR", "value", 1);
  ASSERT_OK_AND_ASSIGN(
      const PrometheusConfig c,
      ParsePrometheusConfig(
          "global: {external_labels: {a: '$SLOWBURN_TEST_VAR', b: '$SLOWBURN_TEST_NONE'}}\n"
          "scrape_configs: [{job_name: $SLOWBURN_TEST_VAR}]",
          "f.yml"));
  EXPECT_EQ(c.global.external_labels.ToString(), "{a=\"value\"}");
  EXPECT_EQ(c.scrape_configs[0].job_name, "$SLOWBURN_TEST_VAR");
  ASSERT_EQ(c.warnings.size(), 1u);
  EXPECT_THAT(c.warnings[0],
              ::testing::HasSubstr("f.yml:1:56: environment variable SLOWBURN_TEST_NONE is empty"));
}

TEST(PrometheusConfig, WithoutAFileItScrapesItself) {
  const PrometheusConfig c = DefaultPrometheusConfig("127.0.0.1:9090", "/metrics");
  ASSERT_EQ(c.scrape_configs.size(), 1u);
  EXPECT_EQ(c.scrape_configs[0].static_groups[0].targets[0], "127.0.0.1:9090");
  // What is shown reads back as what is done.
  ASSERT_OK_AND_ASSIGN(const PrometheusConfig again,
                       ParsePrometheusConfig(c.redacted_yaml, "f.yml"));
  EXPECT_EQ(again.scrape_configs[0].job_name, c.scrape_configs[0].job_name);
  EXPECT_EQ(again.scrape_configs[0].interval_ms, c.scrape_configs[0].interval_ms);
}

TEST(RedactedYaml, HidesSecretsAndKeepsTheRest) {
  const std::string text = R"(# comment with password: hunter2
scrape_configs:
- job_name: "a # b"
  basic_auth: {username: u, password: hunter2, password_file: /p}
  authorization: {credentials: hunter2}
  tls_config: {key: hunter2, key_file: /k}
  http_headers: {X-A: {values: [v], secrets: [hunter2, hunter2]}}
  proxy_url: http://user:hunter2@proxy:3128/
  bearer_token: hunter2
  params: {x: []}
  metrics_path: "8080"
  sample_limit: -5
  regex: '\d+: "x"'
remote_write:
- sigv4: {secret_key: hunter2, access_key: k}
)";
  ASSERT_OK_AND_ASSIGN(const base::YamlNode root, base::ParseYaml(text, "f.yml"));
  const std::string shown = RedactedYaml(root);
  EXPECT_EQ(shown.find("hunter2"), std::string::npos) << shown;
  EXPECT_EQ(shown,
            R"(scrape_configs:
  - job_name: "a # b"
    basic_auth:
      username: u
      password: <secret>
      password_file: /p
    authorization:
      credentials: <secret>
    tls_config:
      key: <secret>
      key_file: /k
    http_headers:
      X-A:
        values:
          - v
        secrets:
          - <secret>
          - <secret>
    proxy_url: "http://user:<secret>@proxy:3128/"
    bearer_token: <secret>
    params:
      x: []
    metrics_path: "8080"
    sample_limit: -5
    regex: "\\d+: \"x\""
remote_write:
  - sigv4:
      secret_key: <secret>
      access_key: k
)");
  // It is the same tree again.
  ASSERT_OK_AND_ASSIGN(const base::YamlNode again, base::ParseYaml(shown, "f.yml"));
  EXPECT_EQ(RedactedYaml(again), shown);
}

}  // namespace
}  // namespace slowburn::app
