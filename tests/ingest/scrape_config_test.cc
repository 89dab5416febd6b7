#include "ingest/scrape_config.h"

#include <string>

#include "base/status_macros.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::ingest {
namespace {

using slowburn::testing::IsCode;

absl::StatusOr<ScrapeConfig> Parse(const std::string& yaml, const ScrapeGlobals& globals = {},
                                   std::vector<std::string>* warnings = nullptr) {
  std::vector<std::string> ignored;
  ASSIGN_OR_RETURN(const base::YamlNode node, base::ParseYaml(yaml, "dir/f.yml"));
  return ParseScrapeConfig(node, globals, warnings == nullptr ? ignored : *warnings);
}

TEST(ScrapeConfig, HasPrometheusDefaults) {
  ASSERT_OK_AND_ASSIGN(const ScrapeConfig c, Parse("job_name: a"));
  EXPECT_EQ(c.interval_ms, 60'000);
  EXPECT_EQ(c.timeout_ms, 10'000);
  EXPECT_EQ(c.metrics_path, "/metrics");
  EXPECT_EQ(c.scheme, "http");
  EXPECT_FALSE(c.honor_labels);
  EXPECT_TRUE(c.honor_timestamps);
  EXPECT_TRUE(c.enable_compression);
  EXPECT_EQ(c.protocols.size(), 4u);
  EXPECT_EQ(c.escaping_scheme, "allow-utf-8");
  EXPECT_TRUE(c.http.config->follow_redirects);
}

TEST(ScrapeConfig, ReadsEveryKey) {
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(const ScrapeConfig c, Parse(R"(
job_name: a
scrape_interval: 5s
scrape_timeout: 4s
metrics_path: /m
scheme: https
params: {z: [x, y], module: [http_2xx]}
honor_labels: true
honor_timestamps: false
track_timestamps_staleness: true
enable_compression: false
scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0]
fallback_scrape_protocol: PrometheusText1.0.0
body_size_limit: 1MB
sample_limit: 10
target_limit: 20
label_limit: 30
label_name_length_limit: 40
label_value_length_limit: 50
keep_dropped_targets: 60
metric_name_validation_scheme: legacy
metric_name_escaping_scheme: underscores
native_histogram_bucket_limit: 100
native_histogram_min_bucket_factor: 1.1
always_scrape_classic_histograms: true
convert_classic_histograms_to_nhcb: false
extra_scrape_metrics: true
basic_auth: {username: u, password_file: secret/p}
tls_config: {ca_file: /ca.pem, insecure_skip_verify: true, min_version: TLS12}
follow_redirects: false
enable_http2: false
proxy_url: http://proxy:3128
no_proxy: localhost
http_headers: {X-A: {values: [b], secrets: [c], files: [hdr]}}
static_configs:
- targets: [x:1, y:2]
  labels: {env: prod}
file_sd_configs:
- files: [targets/*.json]
  refresh_interval: 1m
relabel_configs: [{target_label: t, replacement: v}]
metric_relabel_configs: [{regex: go_.*, source_labels: [__name__], action: drop}]
)",
                                                   {}, &warnings));
  EXPECT_EQ(warnings.size(), 0u);
  EXPECT_EQ(c.interval_ms, 5000);
  EXPECT_EQ(c.timeout_ms, 4000);
  ASSERT_EQ(c.params.size(), 2u);
  EXPECT_EQ(c.params[0].first, "module");
  EXPECT_EQ(c.params[1].second, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(c.protocols, (std::vector<ScrapeProtocol>{ScrapeProtocol::kPrometheusText0_0_4,
                                                      ScrapeProtocol::kOpenMetricsText1_0_0}));
  EXPECT_EQ(c.fallback_media_type, "text/plain");
  EXPECT_EQ(c.limits.body_bytes, 1u << 20);
  EXPECT_EQ(c.limits.keep_dropped_targets, 60u);
  EXPECT_EQ(c.name_validation, NameValidation::kLegacy);
  EXPECT_EQ(c.http.config->basic_auth->password_file, "dir/secret/p");
  EXPECT_EQ(c.http.config->tls.ca_file, "/ca.pem");
  EXPECT_EQ(c.http.config->headers.size(), 2u);
  ASSERT_EQ(c.http.header_files.size(), 1u);
  EXPECT_EQ(c.http.header_files[0].second, "dir/hdr");
  ASSERT_EQ(c.static_groups.size(), 1u);
  EXPECT_EQ(c.static_groups[0].targets, (std::vector<std::string>{"x:1", "y:2"}));
  ASSERT_EQ(c.file_sd.size(), 1u);
  EXPECT_EQ(c.file_sd[0].files[0], "dir/targets/*.json");
  EXPECT_EQ(c.file_sd[0].refresh_interval_ms, 60'000);
  EXPECT_EQ(c.metric_relabel_rules.size(), 1u);
}

TEST(ScrapeConfig, GlobalsFillWhatIsNotSaid) {
  ScrapeGlobals globals;
  globals.scrape_interval_ms = 5000;
  globals.scrape_timeout_ms = 4000;
  globals.limits.samples = 7;
  ASSERT_OK_AND_ASSIGN(ScrapeConfig c, Parse("job_name: a", globals));
  EXPECT_EQ(c.interval_ms, 5000);
  EXPECT_EQ(c.timeout_ms, 4000);
  EXPECT_EQ(c.limits.samples, 7u);
  ASSERT_OK_AND_ASSIGN(c, Parse("{job_name: a, scrape_interval: 1s, sample_limit: 9}", globals));
  EXPECT_EQ(c.timeout_ms, 1000) << "the global timeout is cut to the interval";
  EXPECT_EQ(c.limits.samples, 9u);
}

TEST(ScrapeConfig, KnownButUnbuiltKeysAreWarnings) {
  std::vector<std::string> warnings;
  ASSERT_OK(
      Parse("job_name: a\nconsul_sd_configs: [{server: x}]\nkubernetes_sd_configs: []\noauth2: "
            "{client_id: x}\n"
            "scrape_native_histograms: true\nscrape_protocols: [PrometheusProto]",
            {}, &warnings));
  EXPECT_THAT(warnings, ::testing::UnorderedElementsAre(
                            ::testing::HasSubstr("dir/f.yml:2:1: consul_sd_configs"),
                            ::testing::HasSubstr("dir/f.yml:3:1: kubernetes_sd_configs"),
                            ::testing::HasSubstr("dir/f.yml:4:1: oauth2"),
                            ::testing::HasSubstr("dir/f.yml:5:1: scrape_native_histograms"),
                            ::testing::HasSubstr("dir/f.yml:6:20: PrometheusProto")));
}

TEST(ScrapeConfig, RefusesWithThePlace) {
  const struct {
    const char* yaml;
    const char* error;
  } kCases[] = {
      {"scheme: http", "dir/f.yml:1:1: job_name is empty"},
      {"job_name: ''", "dir/f.yml:1:11: job_name is empty"},
      {"job_name: a\nscrape_interval: 5s\nscrape_timeout: 6s",
       "dir/f.yml:3:17: scrape timeout greater than scrape interval"},
      {"job_name: a\nscrape_interval: 5 s", "dir/f.yml:2:18: "},
      {"job_name: a\nmetric_path: /x",
       "dir/f.yml:2:1: field metric_path not found in scrape_config"},
      {"job_name: a\nhonor_labels: maybe", "dir/f.yml:2:15: "},
      {"job_name: a\nscheme: ftp", "dir/f.yml:2:9: scheme must be http or https"},
      {"job_name: a\nsample_limit: -1", "dir/f.yml:2:15: sample_limit -1 is negative"},
      {"job_name: a\nbody_size_limit: 100", "dir/f.yml:2:18: units: unknown unit in 100"},
      {"job_name: a\nscrape_protocols: []", "dir/f.yml:2:19: scrape_protocols cannot be empty"},
      {"job_name: a\nscrape_protocols: [X]",
       "dir/f.yml:2:20: scrape_protocols: unknown scrape protocol X"},
      {"job_name: a\nscrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]",
       "dir/f.yml:2:41: duplicated protocol"},
      {"job_name: a\nfallback_scrape_protocol: X",
       "dir/f.yml:2:27: invalid fallback_scrape_protocol"},
      {"job_name: a\nstatic_configs: [{targets: ['http://x']}]",
       "dir/f.yml:2:29: \"http://x\" is not a valid hostname"},
      {"job_name: a\nstatic_configs: [{target: [x]}]",
       "dir/f.yml:2:19: field target not found in target group"},
      {"job_name: a\nstatic_configs: [x]", "dir/f.yml:2:18: "},
      {"job_name: a\nfile_sd_configs: [{files: []}]", "must contain at least one path name"},
      {"job_name: a\nfile_sd_configs: [{files: [x.txt]}]",
       "path name \"x.txt\" is not valid for file discovery"},
      {"job_name: a\nfile_sd_configs: [{files: ['*/x.json']}]", "not valid for file discovery"},
      {"job_name: a\nbasic_auth: {username: u, password: p, password_file: f}",
       "dir/f.yml:2:55: at most one of password & password_file"},
      {"job_name: a\nbasic_auth: {}\nauthorization: {}",
       "at most one of basic_auth, oauth2 & authorization"},
      {"job_name: a\nauthorization: {type: Basic}",
       "authorization type cannot be set to \"basic\""},
      {"job_name: a\nbearer_token: x\nbearer_token_file: y",
       "at most one of bearer_token & bearer_token_file"},
      {"job_name: a\nbearer_token: x\nauthorization: {}",
       "authorization is not compatible with bearer_token"},
      {"job_name: a\ntls_config: {cert_file: x}",
       "exactly one of key or key_file must be configured"},
      {"job_name: a\ntls_config: {min_version: SSL3}", "unknown TLS version: SSL3"},
      {"job_name: a\nno_proxy: x", "if no_proxy is configured, proxy_url must also be configured"},
      {"job_name: a\nhttp_headers: {Authorization: {values: [x]}}",
       "dir/f.yml:2:16: setting header \"Authorization\" is not allowed"},
      {"job_name: a\nmetric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: "
       "allow-utf-8",
       "utf8 metric names requested"},
      {"job_name: a\nmetric_name_escaping_scheme: x",
       "dir/f.yml:2:30: unknown name escaping method"},
      {"job_name: a\nrelabel_configs: [{action: x}]", "dir/f.yml:2:28: unknown relabel action"},
      {"~", "empty or null scrape config section"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(Parse(c.yaml), IsCode(absl::StatusCode::kInvalidArgument, c.error)) << c.yaml;
  }
}

TEST(ScrapeConfig, ATargetThatRelabellingCouldMendIsNotRefused) {
  EXPECT_OK(
      Parse("{job_name: a, static_configs: [{targets: ['http://x']}], relabel_configs: "
            "[{target_label: t, replacement: v}]}"));
}

TEST(ScrapeConfig, FingerprintsTellWhatChanged) {
  const char* const kBase =
      "{job_name: a, scrape_interval: 5s, scrape_timeout: 1s, static_configs: [{targets: [x]}]}";
  ASSERT_OK_AND_ASSIGN(const ScrapeConfig base, Parse(kBase));
  const struct {
    const char* what;
    std::string yaml;
    bool same_scraping, same_series;
  } kCases[] = {
      {"layout",
       "job_name: a\nscrape_interval: '5s'\nscrape_timeout: 1s\nstatic_configs:\n- targets:\n  - "
       "x\n",
       true, true},
      {"targets",
       "{job_name: a, scrape_interval: 5s, scrape_timeout: 1s, static_configs: [{targets: [y]}]}",
       true, true},
      {"interval", "{job_name: a, scrape_interval: 6s, scrape_timeout: 1s}", false, true},
      {"honor_labels", "{job_name: a, scrape_interval: 5s, scrape_timeout: 1s, honor_labels: true}",
       false, false},
      {"metric relabelling",
       "{job_name: a, scrape_interval: 5s, scrape_timeout: 1s, metric_relabel_configs: [{regex: x, "
       "action: labeldrop}]}",
       false, false},
  };
  for (const auto& c : kCases) {
    ASSERT_OK_AND_ASSIGN(const ScrapeConfig other, Parse(c.yaml));
    EXPECT_EQ(other.fingerprint == base.fingerprint, c.same_scraping) << c.what;
    EXPECT_EQ(other.series_fingerprint == base.series_fingerprint, c.same_series) << c.what;
  }
  ScrapeGlobals globals;
  globals.limits.samples = 3;
  ASSERT_OK_AND_ASSIGN(const ScrapeConfig limited, Parse(kBase, globals));
  EXPECT_NE(limited.fingerprint, base.fingerprint) << "a global default counts as well";
}

}  // namespace
}  // namespace slowburn::ingest
