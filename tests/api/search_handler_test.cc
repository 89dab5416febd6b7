#include "api/search_handler.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "api/features_handler.h"
#include "api/search_score.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::api {
namespace {

// The scores that Prometheus' own tests want.
TEST(SearchScore, SubsequencesAsInPrometheus) {
  const struct {
    const char* term;
    const char* text;
    double score;
  } cases[] = {
      {"", "anything", 1},
      {"abc", "", 0},
      {"my awesome text", "my awesome text", 1},
      {"my", "my awesome text", 107.0 / 120 * 0.999},
      {"tex", "my awesome text", 247.0 / 270 * 0.999},
      {"met", "my awesome text", 43.0 / 90 * 0.999},
      {"bac", "babac", 43.0 / 45 * 0.999},
      {"handler1", "handler10", 1149849.0 / 1152000},
      {"abcd", "abc", 0},
      {"abc", "éé", 0},
      {"é", "ab", 0},
      {"éà", "éàü", 23.0 / 24 * 0.999},
      {"üé", "éàü", 0},
      {"éü", "éàü", 5.0 / 12 * 0.999},
  };
  for (const auto& c : cases)
    EXPECT_NEAR(SubsequenceScore(c.term, c.text), c.score, 1e-12) << c.term << " in " << c.text;
}

TEST(SearchScore, JaroWinklerAsInPrometheus) {
  const struct {
    const char* a;
    const char* b;
    double least, most;
  } cases[] = {{"prometheus", "prometheus", 1, 1},
               {"", "", 1, 1},
               {"", "abc", 0, 0},
               {"abc", "xyz", 0, 0.01},
               {"mimir", "mimer", 0.9, 0.92},
               {"martha", "marhta", 0.96, 0.97},
               {"dwayne", "duane", 0.83, 0.85},
               {"dixon", "dicksonx", 0.81, 0.83},
               {"a", "b", 0, 0},
               {"café", "cafe", 0.88, 0.89},
               {"naïve_long", "naïve", 0.89, 0.91},
               {"màrthà", "màrhtà", 0.96, 0.97}};
  for (const auto& c : cases) {
    EXPECT_GE(JaroWinklerScore(c.a, c.b), c.least) << c.a << " " << c.b;
    EXPECT_LE(JaroWinklerScore(c.a, c.b), c.most) << c.a << " " << c.b;
    EXPECT_NEAR(JaroWinklerScore(c.a, c.b), JaroWinklerScore(c.b, c.a), 1e-12);
  }
  EXPECT_EQ(SubstringScore("b", "abc"), 1 - 0.9 / 2);
  EXPECT_EQ(SubstringScore("a", "abc"), 1);
  EXPECT_EQ(SubstringScore("x", "abc"), std::nullopt);
}

class SearchTest : public ::testing::Test {
 protected:
  SearchTest() {
    for (const char* name :
         {"http_requests_total", "http_errors_total", "node_load1", "HTTP_other"}) {
      const auto appender = storage_.NewAppender();
      const auto ref =
          appender->Resolve({{"__name__", name}, {"job", std::string(name).substr(0, 4)}}, nullptr);
      EXPECT_OK(ref);
      appender->Append(*ref, clock_.Now() - base::kMinute, 1);
      EXPECT_OK(appender->Commit());
    }
    RegisterSearchApi(
        router_,
        {.storage = storage_, .clock = clock_, .enabled = true, .max_limit = 200, .metadata = [] {
           return std::map<std::string, tsdb::Metadata>{
               {"node_load1", {tsdb::MetricType::kGauge, "Load.", ""}}};
         }});
  }

  Response Get(const std::string& path, const std::string& query) {
    return Route(router_, path, query);
  }
  static Response Route(const Router& router, const std::string& path, const std::string& query) {
    Request request;
    request.method = "GET";
    request.path = path;
    request.params = Params::Parse(query);
    return router.Route(request);
  }

  testing::FakeClock clock_;
  tsdb::MemoryStorage storage_;
  Router router_;
};

constexpr const char* kMetrics = "/api/v1/search/metric_names";

TEST_F(SearchTest, AnswersInLines) {
  const Response all = Get(kMetrics, "");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.content_type, "application/x-ndjson; charset=utf-8");
  EXPECT_EQ(
      all.body,
      R"({"results":[{"name":"HTTP_other"},{"name":"http_errors_total"},{"name":"http_requests_total"},{"name":"node_load1"}]})"
      "\n"
      R"({"status":"success","has_more":false})"
      "\n");
  EXPECT_EQ(Get(kMetrics, "limit=3&batch_size=2&sort_by=alpha&sort_dir=dsc").body,
            R"({"results":[{"name":"node_load1"},{"name":"http_requests_total"}]})"
            "\n"
            R"({"results":[{"name":"http_errors_total"}]})"
            "\n"
            R"({"status":"success","has_more":true})"
            "\n");
  EXPECT_EQ(Get(kMetrics, "match[]=nothing").body,
            "{\"results\":[]}\n{\"status\":\"success\",\"has_more\":false}\n");
}

TEST_F(SearchTest, FiltersScoresAndDescribes) {
  EXPECT_EQ(
      Get(kMetrics, "search[]=http&sort_by=score&include_score=1").body,
      R"({"results":[{"name":"http_errors_total","score":1},{"name":"http_requests_total","score":1}]})"
      "\n"
      R"({"status":"success","has_more":false})"
      "\n");
  EXPECT_NE(Get(kMetrics, "search[]=http&case_sensitive=false").body.find("HTTP_other"),
            std::string::npos);
  EXPECT_NE(Get(kMetrics, "search[]=nodeload").body.find("node_load1"), std::string::npos);
  EXPECT_EQ(Get(kMetrics, "search[]=nodeload&fuzz_alg=jarowinkler").body.find("node_load1"),
            std::string::npos);
  EXPECT_NE(Get(kMetrics, "search[]=nodeload&fuzz_alg=jarowinkler&fuzz_threshold=80")
                .body.find("node_load1"),
            std::string::npos);
  EXPECT_EQ(Get(kMetrics, "search[]=node&include_metadata=true").body.substr(0, 67),
            R"({"results":[{"name":"node_load1","type":"gauge","help":"Load."}]})"
            "\n{");
  EXPECT_EQ(Get("/api/v1/search/label_values", "label=job").body.substr(0, 63),
            R"({"results":[{"value":"HTTP"},{"value":"http"},{"value":"node"}])");
  EXPECT_EQ(Get("/api/v1/search/label_names", "match[]=node_load1").body.substr(0, 44),
            R"({"results":[{"name":"__name__"},{"name":"job)");
}

TEST_F(SearchTest, SaysWhatIsWrong) {
  const struct {
    const char* query;
    const char* error;
  } cases[] = {
      {"start=x", "cannot parse"},
      {"start=5&end=4", "end timestamp must not be before start timestamp"},
      {"match[]={", "parse error"},
      {"fuzz_threshold=101", "invalid fuzz_threshold \\\"101\\\": must be 0-100"},
      {"fuzz_alg=x", "unsupported fuzz_alg \\\"x\\\": must be one of [subsequence jarowinkler]"},
      {"case_sensitive=2", "invalid case_sensitive \\\"2\\\": must be boolean"},
      {"include_score=yes", "invalid include_score \\\"yes\\\": must be boolean"},
      {"include_metadata=yes", "invalid include_metadata"},
      {"sort_dir=asc", "sort_dir is only valid when sort_by is set"},
      {"sort_by=score&sort_dir=asc&search[]=a", "sort_dir is not supported for sort_by=score"},
      {"sort_by=alpha&sort_dir=up",
       "invalid sort_dir \\\"up\\\": must be \\\"asc\\\" or \\\"dsc\\\""},
      {"sort_by=score", "sort_by=score requires search[] to be set"},
      {"sort_by=x",
       "invalid sort_by \\\"x\\\" for metric_names: must be \\\"alpha\\\" or \\\"score\\\""},
      {"limit=0", "invalid limit \\\"0\\\": must be a positive integer"},
      {"limit=201", "limit 201 exceeds the configured maximum (200, see --web.search.max-limit)"},
      {"batch_size=-1", "invalid batch_size \\\"-1\\\": must be a positive integer"},
  };
  for (const auto& c : cases) {
    const Response response = Get(kMetrics, c.query);
    EXPECT_EQ(response.status, 400) << c.query;
    EXPECT_NE(response.body.find(c.error), std::string::npos) << c.query << ": " << response.body;
  }
  std::string many;
  for (int i = 0; i < 33; ++i) many += "&search[]=a";
  EXPECT_NE(Get(kMetrics, many).body.find("too many search[] terms: got 33, maximum is 32"),
            std::string::npos);
  EXPECT_NE(
      Get("/api/v1/search/label_values", "").body.find(R"(missing required parameter \"label\")"),
      std::string::npos);
  Router off;
  RegisterSearchApi(off, {.storage = storage_, .clock = clock_});
  const Response disabled = Route(off, kMetrics, "");
  EXPECT_EQ(disabled.status, 500);
  EXPECT_EQ(disabled.body,
            R"({"status":"error","errorType":"unavailable","error":"search API disabled"})");
}

TEST_F(SearchTest, FeaturesFollowTheFlags) {
  Router router;
  RegisterFeaturesApi(
      router,
      {.enabled = [](const std::string& name) { return name == "promql-experimental-functions"; },
       .admin = true});
  const std::string body = Route(router, "/api/v1/features", "").body;
  for (const char* wanted : {"\"api\":{\"admin\":true,", "\"search\":false", "\"info\":true",
                             "\"limitk\":true", "\"rate\":true", "\"fill\":false",
                             "\"service_discovery_providers\":{\"file\":true,\"static\":true}"})
    EXPECT_NE(body.find(wanted), std::string::npos) << wanted;
}

}  // namespace
}  // namespace slowburn::api
