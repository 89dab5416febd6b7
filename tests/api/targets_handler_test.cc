// Golden answers; their shape was taken from Prometheus 3.5.
#include "api/targets_handler.h"

#include <string>

#include "base/metrics.h"
#include "base/status_macros.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_executor.h"
#include "tests/testing/fake_http_client.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::api {
namespace {

class TargetsApiTest : public ::testing::Test {
 protected:
  TargetsApiTest() {
    RegisterTargetsApi(router_, {.scraping = manager_,
                                 .storage = storage_,
                                 .listen_address = "127.0.0.1:9090",
                                 .external_url = "http://box:9090/p"});
    std::vector<std::string> warnings;
    auto root = base::ParseYaml(R"(
- job_name: j
  scrape_interval: 10s
  static_configs: [{targets: ['127.0.0.1:9100', 'b:1'], labels: {env: <x>}}]
  relabel_configs: [{source_labels: [__address__], regex: 'b:1', action: drop}]
- job_name: k
  scrape_interval: 10s
  static_configs: [{targets: ['c:1']}]
)",
                                "f.yml");
    EXPECT_OK(root);
    std::vector<ingest::ScrapeConfig> configs;
    for (const base::YamlNode& node : root->items) {
      auto config = ingest::ParseScrapeConfig(node, {}, warnings);
      EXPECT_OK(config);
      configs.push_back(*std::move(config));
    }
    manager_.ApplyConfig(std::move(configs), {});
  }

  // The answer's data.
  std::string Get(const std::string& path, const std::string& query = "") {
    Request request;
    request.method = "GET";
    request.path = path;
    request.url_params = request.params = Params::Parse(query);
    const Response response = router_.Route(request);
    const std::string begin = "{\"status\":\"success\",\"data\":";
    if (response.status != 200 || !response.body.starts_with(begin)) return response.body;
    return response.body.substr(begin.size(), response.body.size() - begin.size() - 1);
  }

  static absl::StatusOr<base::HttpResponse> Answer(const base::HttpRequest& request) {
    if (request.url.find("//c:1") != std::string::npos)
      return absl::UnavailableError("connection refused");
    return base::HttpResponse{.status = 200,
                              .headers = {{"content-type", "text/plain"}},
                              .body = "# TYPE a counter\n# HELP a As.\na 1\n# TYPE b gauge\nb 1\n"};
  }

  slowburn::testing::FakeClock clock_{1'700'000'000'000};
  slowburn::testing::FakeExecutor executor_{clock_};
  slowburn::testing::FakeHttpClient client_{Answer};
  tsdb::MemoryStorage storage_;
  prometheus::Registry registry_;
  ingest::ScrapeManager manager_{storage_, clock_, executor_, client_, registry_};
  Router router_;
};

constexpr const char* kDiscovered =
    R"({"__address__":"127.0.0.1:9100","__metrics_path__":"/metrics","__scheme__":"http","__scrape_interval__":"10s","__scrape_timeout__":"10s","env":"\u003cx\u003e","job":"j"})";
constexpr const char* kLabels = R"({"env":"\u003cx\u003e","instance":"127.0.0.1:9100","job":"j"})";

TEST_F(TargetsApiTest, UnscrapedTargets) {
  EXPECT_EQ(
      Get("/api/v1/targets", "scrapePool=j"),
      std::string(R"({"activeTargets":[{"discoveredLabels":)") + kDiscovered + R"(,"labels":)" +
          kLabels +
          R"(,"scrapePool":"j","scrapeUrl":"http://127.0.0.1:9100/metrics","globalUrl":"http://box:9100/metrics",)"
          R"("lastError":"","lastScrape":"0001-01-01T00:00:00Z","lastScrapeDuration":0,"health":"unknown",)"
          R"("scrapeInterval":"10s","scrapeTimeout":"10s"}],"droppedTargets":[{"discoveredLabels":)"
          R"({"__address__":"b:1","__metrics_path__":"/metrics","__scheme__":"http","__scrape_interval__":"10s",)"
          R"("__scrape_timeout__":"10s","env":"\u003cx\u003e","job":"j"},"scrapePool":"j"}],)"
          R"("droppedTargetCounts":{"j":1,"k":0}})");
}

TEST_F(TargetsApiTest, ScrapedTargetsTellTheirHealth) {
  executor_.AdvanceBy(10'000);
  const std::string all = Get("/api/v1/targets");
  EXPECT_THAT(all, ::testing::HasSubstr(R"("lastError":"","lastScrape":"2023-11-14T22:13:2)"));
  EXPECT_THAT(all, ::testing::HasSubstr(R"("health":"up")"));
  EXPECT_THAT(
      all, ::testing::HasSubstr(R"("lastError":"Get \"http://c:1/metrics\": connection refused")"));
  EXPECT_THAT(all, ::testing::HasSubstr(R"("health":"down")"));
}

TEST_F(TargetsApiTest, StateSelects) {
  const std::string active = Get("/api/v1/targets", "state=active&scrapePool=k");
  EXPECT_THAT(active, ::testing::HasSubstr(R"("scrapePool":"k")"));
  EXPECT_THAT(active, ::testing::EndsWith(R"("droppedTargets":[],"droppedTargetCounts":null})"));
  EXPECT_THAT(
      Get("/api/v1/targets", "state=Dropped"),
      ::testing::StartsWith(R"({"activeTargets":[],"droppedTargets":[{"discoveredLabels":)"));
}

TEST_F(TargetsApiTest, ScrapePools) {
  EXPECT_EQ(Get("/api/v1/scrape_pools"), R"({"scrapePools":["j","k"]})");
}

TEST_F(TargetsApiTest, Metadata) {
  executor_.AdvanceBy(10'000);
  const std::string a = R"("a":[{"type":"counter","unit":"","help":"As."}])";
  EXPECT_EQ(Get("/api/v1/metadata"), "{" + a + R"(,"b":[{"type":"gauge","unit":"","help":""}]})");
  EXPECT_EQ(Get("/api/v1/metadata", "metric=a"), "{" + a + "}");
  EXPECT_EQ(Get("/api/v1/metadata", "limit=1"), "{" + a + "}");
  EXPECT_EQ(Get("/api/v1/metadata", "limit=0"), "{}");
  EXPECT_EQ(Get("/api/v1/metadata", "metric=nope"), "{}");
  EXPECT_EQ(Get("/api/v1/metadata", "limit=x"),
            R"({"status":"error","errorType":"bad_data","error":"limit must be a number"})");
  EXPECT_EQ(
      Get("/api/v1/metadata", "limit_per_metric=x"),
      R"({"status":"error","errorType":"bad_data","error":"limit_per_metric must be a number"})");
}

TEST_F(TargetsApiTest, MetadataOfRemoteWriteFillsGaps) {
  const auto appender = storage_.NewAppender();
  appender->SetMetadata("pushed", {tsdb::MetricType::kHistogram, "Help.", "seconds"});
  appender->SetMetadata("a", {tsdb::MetricType::kGauge, "Another a.", ""});
  ASSERT_OK(appender->Commit());
  executor_.AdvanceBy(10'000);
  EXPECT_EQ(Get("/api/v1/metadata", "metric=pushed"),
            R"({"pushed":[{"type":"histogram","unit":"seconds","help":"Help."}]})");
  EXPECT_EQ(Get("/api/v1/metadata", "metric=a"),
            R"({"a":[{"type":"counter","unit":"","help":"As."}]})");
}

TEST_F(TargetsApiTest, TargetsMetadata) {
  executor_.AdvanceBy(10'000);
  const std::string target = std::string(R"({"target":)") + kLabels;
  EXPECT_EQ(Get("/api/v1/targets/metadata", "match_target=%7Bjob%3D%22j%22%7D&limit=1"),
            "[" + target + R"(,"metric":"a","type":"counter","help":"As.","unit":""},)" + target +
                R"(,"metric":"b","type":"gauge","help":"","unit":""}])");
  EXPECT_EQ(Get("/api/v1/targets/metadata", "metric=b"),
            "[" + target + R"(,"type":"gauge","help":"","unit":""}])");
  EXPECT_EQ(Get("/api/v1/targets/metadata", "match_target=%7Bjob%3D%22k%22%7D"), "[]");
  EXPECT_THAT(Get("/api/v1/targets/metadata", "match_target=%7B"),
              ::testing::HasSubstr(R"("error":"invalid parameter \"match_target\": )"));
}

TEST(GlobalUrl, ReplacesLocalhostOnly) {
  const struct {
    const char* url;
    const char* want;
  } kCases[] = {
      {"http://example.org:9100/metrics", "http://example.org:9100/metrics"},
      {"http://127.0.0.1:9100/metrics?x=y", "http://box:9100/metrics?x=y"},
      {"http://localhost/metrics", "http://box/metrics"},
      {"http://[::1]:9100/metrics", "http://box:9100/metrics"},
      {"http://localhost:9090/metrics", "https://box:443/metrics"},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(GlobalUrl(c.url, "0.0.0.0:9090", "https://box:443/p"), c.want) << c.url;
}

}  // namespace
}  // namespace slowburn::api
