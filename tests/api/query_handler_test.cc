#include "api/query_handler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/query_parameters.h"
#include "api/running_queries_handler.h"
#include "base/json.h"
#include "prometheus/registry.h"
#include "query/engine.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::api {
namespace {

constexpr std::string_view kOk = "{\"status\":\"success\",\"data\":";

class QueryHandlerTest : public ::testing::Test {
 protected:
  QueryHandlerTest() : clock_(600'000), engine_(storage_, clock_, {}, registry_) {
    Append({{"__name__", "up"}, {"job", "a"}}, {{540'000, 1}, {600'000, 0.5}});
    Append({{"__name__", "up"}, {"job", "b"}}, {{600'000, 2}});
    Append({{"__name__", "http.requests"}, {"http.status", "200"}}, {{600'000, 7}});
    const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
    const auto ref = appender->Resolve({{"__name__", "up"}, {"job", "a"}}, nullptr);
    appender->AppendExemplar(*ref, {{{"trace_id", "x"}}, 3.5, 599'500});
    EXPECT_OK(appender->Commit());
    RegisterQueryApi(router_, {.storage = storage_,
                               .engine = engine_,
                               .clock = clock_,
                               .tsdb_stats = [](size_t limit) { return Stats(limit); }});
  }

  void Append(const tsdb::Labels& labels, const std::vector<tsdb::Sample>& samples) {
    const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
    const auto ref = appender->Resolve(labels, nullptr);
    ASSERT_OK(ref);
    for (const tsdb::Sample& s : samples) appender->Append(*ref, s.t, s.v);
    EXPECT_OK(appender->Commit());
  }

  static tsdb::DbStats Stats(size_t limit) {
    tsdb::DbStats stats;
    stats.series = limit;
    stats.head_min_time = 1;
    stats.head_max_time = 2;
    stats.series_by_metric = {{"up", 2}};
    return stats;
  }

  Response Send(std::string method, std::string_view target, std::string_view form = "") {
    Request request;
    const size_t question = std::min(target.find('?'), target.size());
    request.method = std::move(method);
    request.path = PercentDecode(target.substr(0, question), PlusSign::kIsPlus);
    request.params = Params::Parse(form);
    if (question < target.size()) {
      request.url_params = Params::Parse(target.substr(question + 1));
      request.params.Append(request.url_params);
    }
    request.client_gone = &gone_;
    return router_.Route(request);
  }
  Response Get(std::string_view target) { return Send("GET", target); }

  // Of a successful answer; otherwise the whole body.
  std::string Data(std::string_view target) {
    const Response response = Get(target);
    if (response.status != 200 || !std::string_view(response.body).starts_with(kOk)) {
      return std::to_string(response.status) + " " + response.body;
    }
    return response.body.substr(kOk.size(), response.body.size() - kOk.size() - 1);
  }

  testing::FakeClock clock_;
  tsdb::MemoryStorage storage_;
  prometheus::Registry registry_;
  query::Engine engine_;
  std::atomic<bool> gone_ = false;
  Router router_;
};

TEST_F(QueryHandlerTest, AnswersInstantQueries) {
  EXPECT_EQ(Data("/api/v1/query?query=1%2B1&time=4"),
            R"({"resultType":"scalar","result":[4,"2"]})");
  EXPECT_EQ(Data("/api/v1/query?query=up"),
            R"({"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},)"
            R"("value":[600,"0.5"]},{"metric":{"__name__":"up","job":"b"},"value":[600,"2"]}]})");
  EXPECT_EQ(Data("/api/v1/query?query=up{job=\"a\"}[2m]&time=1970-01-01T00:10:00.5Z"),
            R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
            R"("values":[[540,"1"],[600,"0.5"]]}]})");
  EXPECT_EQ(Data("/api/v1/query?query=\"x\""), R"({"resultType":"string","result":[600,"x"]})");
  EXPECT_EQ(Data("/api/v1/query?query=nothing"), R"({"resultType":"vector","result":[]})");
  EXPECT_EQ(Data("/api/v1/query?query=up{job=\"a\"}&lookback_delta=30s&time=600.001"),
            R"({"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},)"
            R"("value":[600.001,"0.5"]}]})");
}

TEST_F(QueryHandlerTest, AnswersRangeQueries) {
  const std::string_view matrix =
      R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
      R"("values":[[540,"1"],[570,"1"],[600,"0.5"]]}]})";
  const std::string_view params = "query=up{job=\"a\"}&start=540&end=600&step=30s";
  EXPECT_EQ(Data("/api/v1/query_range?" + std::string(params)), matrix);
  const Response posted = Send("POST", "/api/v1/query_range", params);
  EXPECT_EQ(posted.body, std::string(kOk) + std::string(matrix) + "}");
  // Form and URL are merged.
  EXPECT_EQ(
      Send("POST", "/api/v1/query_range?step=30", "query=up{job=\"a\"}&start=540&end=600").body,
      posted.body);
}

TEST_F(QueryHandlerTest, StatsComeOnRequest) {
  const std::string data = Data("/api/v1/query?query=up&stats=all");
  EXPECT_NE(data.find("\"stats\":{\"timings\":{\"evalTotalTime\":"), std::string::npos) << data;
  EXPECT_NE(data.find("\"totalQueryableSamples\":2"), std::string::npos) << data;
  const Response deprecated = Get("/api/v1/query?query=1&stats=yes");
  EXPECT_NE(
      deprecated.body.find(R"("warnings":["value \"yes\" for parameter \"stats\" is deprecated)"),
      std::string::npos);
}

TEST_F(QueryHandlerTest, ExplainsOnRequest) {
  const Response plain = Get("/api/v1/query?query=sum by (job) (rate(up[5m]))&explain=0");
  EXPECT_EQ(plain.body.find("explain"), std::string::npos);
  const Response response =
      Get("/api/v1/query_range?query=sum by (job) "
          "(rate(up[5m]))/2&start=540&end=600&step=30&explain=1");
  ASSERT_OK_AND_ASSIGN(const base::JsonValue answer, base::ParseJson(response.body));
  EXPECT_EQ(answer.Find("data")->StringAt("resultType"), "matrix");
  const base::JsonValue* node = answer.Find("explain");
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->StringAt("node"), "binary /");
  EXPECT_EQ(node->Find("begin")->number, 0);
  EXPECT_EQ(node->Find("end")->number, 29);
  EXPECT_EQ(node->Find("from")->number, 540);
  EXPECT_EQ(node->Find("step")->number, 30);
  ASSERT_EQ(node->Find("children")->items.size(), 2u);
  const base::JsonValue& sum = node->Find("children")->items[0];
  EXPECT_EQ(sum.StringAt("node"), "aggregate sum by (job)");
  EXPECT_EQ(sum.Find("series")->number, 2);
  EXPECT_EQ(sum.Find("points")->number, 1);  // of one series, at 600, where it has two samples
  const base::JsonValue& rate = sum.Find("children")->items[0];
  EXPECT_EQ(rate.StringAt("node"), "call rate");
  EXPECT_EQ(rate.Find("samples")->number, 5);  // windows of 1, 1 and 2; of 1
  const base::JsonValue& selector = rate.Find("children")->items[0];
  EXPECT_EQ(selector.StringAt("node"), "range {__name__=\"up\"} range=300000");
  EXPECT_EQ(selector.Find("series")->number, 2);
  EXPECT_EQ(selector.Find("samples")->number, 3);
  EXPECT_TRUE(selector.Find("children")->items.empty());
}

TEST_F(QueryHandlerTest, ListsAndKillsRunningQueries) {
  EXPECT_EQ(Data("/api/v1/status/queries"), R"({"queries":[]})");
  EXPECT_EQ(Send("DELETE", "/api/v1/status/queries/7").body,
            R"({"status":"error","errorType":"not_found","error":"no query 7 is running"})");
  EXPECT_EQ(Send("DELETE", "/api/v1/status/queries/7").status, 404);
  for (const char* id : {"x", "-1", "1x", "99999999999999999999"}) {
    EXPECT_EQ(Send("DELETE", "/api/v1/status/queries/" + std::string(id)).status, 400) << id;
  }
  EXPECT_EQ(Get("/api/v1/status/queries/7").status, 405);
  query::QueryDescription description{"up", query::QueryKind::kRange, 500, 60'000, 15'000, {}};
  description.origin = {"10.0.0.7", "GET", "/api/v1/query_range", "", ""};
  query::QueryRegistry::Entry range(engine_.running(), description);
  query::QueryRegistry::Entry rule(
      engine_.running(),
      {"sum(up)", query::QueryKind::kInstant, 77, 77, 0, {"", "", "", "f", "g"}});
  rule.SetRunning();
  rule.SetSamples(12);
  rule.SetMemory(34);
  clock_.Advance(1500);
  EXPECT_EQ(Data("/api/v1/status/queries"),
            R"({"queries":[{"id":1,"query":"up","kind":"range","start":0.5,"end":60,"step":15,)"
            R"("state":"waiting","startedAt":600,"elapsedSeconds":1.5,"samples":0,"memoryBytes":0,)"
            R"("client":"10.0.0.7","method":"GET","path":"/api/v1/query_range"},)"
            R"x({"id":2,"query":"sum(up)","kind":"instant","time":0.077,"state":"running",)x"
            R"("startedAt":600,"elapsedSeconds":1.5,"samples":12,"memoryBytes":34,)"
            R"("ruleFile":"f","ruleGroup":"g"}]})");
  EXPECT_EQ(Send("DELETE", "/api/v1/status/queries/2").body,
            R"({"status":"success","data":{"id":2}})");
  EXPECT_TRUE(rule.killed());
  EXPECT_FALSE(range.killed());
}

TEST(OriginOf, TakesTheAddressWithoutThePort) {
  Request request;
  request.method = "POST";
  request.path = "/api/v1/query";
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"127.0.0.1:80", "127.0.0.1"}, {"[::1]:80", "::1"}, {"", ""}};
  for (const auto& [address, client] : cases) {
    request.remote_address = address;
    EXPECT_EQ(OriginOf(request).client, client);
    EXPECT_EQ(OriginOf(request).method, "POST");
    EXPECT_EQ(OriginOf(request).path, "/api/v1/query");
  }
}

TEST_F(QueryHandlerTest, LimitsCutAndWarn) {
  EXPECT_EQ(Get("/api/v1/query?query=up&limit=1").body,
            R"({"status":"success","data":{"resultType":"vector","result":[)"
            R"({"metric":{"__name__":"up","job":"a"},"value":[600,"0.5"]}]},)"
            R"("warnings":["results truncated due to limit"]})");
  EXPECT_EQ(
      Get("/api/v1/labels?limit=1").body,
      R"({"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]})");
  EXPECT_EQ(Get("/api/v1/label/job/values?limit=2").body,
            R"({"status":"success","data":["a","b"]})");
  EXPECT_EQ(Get("/api/v1/series?match[]=up&limit=1").body,
            R"({"status":"success","data":[{"__name__":"up","job":"a"}],)"
            R"("warnings":["results truncated due to limit"]})");
}

TEST_F(QueryHandlerTest, ListsLabelsAndSeries) {
  EXPECT_EQ(Data("/api/v1/labels"), R"(["__name__","http.status","job"])");
  EXPECT_EQ(Data("/api/v1/labels?match[]=up"), R"(["__name__","job"])");
  EXPECT_EQ(Data("/api/v1/labels?match[]=up&match[]={\"http.requests\"}"),
            R"(["__name__","http.status","job"])");
  EXPECT_EQ(Data("/api/v1/labels?match[]=nothing"), "[]");
  EXPECT_EQ(Data("/api/v1/label/job/values"), R"(["a","b"])");
  EXPECT_EQ(Data("/api/v1/label/job/values?match[]=up{job=\"b\"}"), R"(["b"])");
  EXPECT_EQ(Data("/api/v1/label/none/values"), "[]");
  EXPECT_EQ(Data("/api/v1/label/U__http_2e_status/values"), R"(["200"])");
  EXPECT_EQ(Data("/api/v1/label/http.status/values"), R"(["200"])");
  EXPECT_EQ(Data("/api/v1/label/__name__/values?limit=40000&start=0&end=1000"),
            R"(["http.requests","up"])");
  EXPECT_EQ(Data("/api/v1/series?match[]=up{job=\"a\"}&match[]={job=~\"a|b\"}"),
            R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}])");
  EXPECT_EQ(Data("/api/v1/series?match[]=nothing"), "[]");
  EXPECT_EQ(Send("POST", "/api/v1/series", "match[]={__name__!=\"\"}&start=0&end=100000").status,
            200);
  EXPECT_EQ(Send("POST", "/api/v1/label/job/values").status, 405);
}

TEST_F(QueryHandlerTest, FindsExemplars) {
  const std::string_view found =
      R"([{"seriesLabels":{"__name__":"up","job":"a"},"exemplars":[)"
      R"({"labels":{"trace_id":"x"},"value":"3.5","timestamp":599.500}]}])";
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=rate(up[5m])&start=0&end=600"), found);
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=up"), found);
  // Grafana asks with milliseconds where seconds are meant: the year 55000 and something.
  EXPECT_EQ(Data("/api/v1/query_exemplars?query=test&start=1700000000000&end=1700000600000"), "[]");
  EXPECT_EQ(Get("/api/v1/query_exemplars?query=1").status, 204);
  EXPECT_EQ(Get("/api/v1/query_exemplars?query=up&start=2&end=1").body,
            R"({"status":"error","errorType":"bad_data",)"
            R"("error":"end timestamp must not be before start timestamp"})");
}

TEST_F(QueryHandlerTest, FormatsAndParses) {
  EXPECT_EQ(Data("/api/v1/format_query?query=SUM(up)by(job)>1"), "\"sum by (job) (up) \\u003e 1\"");
  EXPECT_EQ(Data("/api/v1/parse_query?query=1"), R"({"type":"numberLiteral","val":"1"})");
}

TEST_F(QueryHandlerTest, ReportsTsdbStats) {
  EXPECT_EQ(
      Data("/api/v1/status/tsdb"),
      R"({"headStats":{"numSeries":10,"numLabelPairs":0,"chunkCount":0,"minTime":1,"maxTime":2},)"
      R"("seriesCountByMetricName":[{"name":"up","value":2}],"labelValueCountByLabelName":[],)"
      R"("memoryInBytesByLabelName":[],"seriesCountByLabelValuePair":[]})");
  EXPECT_EQ(Get("/api/v1/status/tsdb?limit=10000").status, 200);
  EXPECT_EQ(Get("/api/v1/status/tsdb?limit=0").status, 400);
  EXPECT_NE(Get("/api/v1/status/tsdb?limit=10001").body.find("limit must not exceed 10000"),
            std::string::npos);
}

TEST_F(QueryHandlerTest, BadRequestsAreToldInPrometheusWords) {
  constexpr std::string_view kRange = "/api/v1/query_range?query=up&";
  const std::string range(kRange);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/api/v1/query",
       R"(invalid parameter \"query\": unknown position: parse error: no expression found in input)"},
      {"/api/v1/query?query=up)",
       R"(invalid parameter \"query\": 1:4: parse error: unexpected right parenthesis ')')"},
      {"/api/v1/query?query=up&time=x",
       R"(invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp)"},
      {"/api/v1/query?query=up&timeout=x",
       R"(invalid parameter \"timeout\": cannot parse \"x\" to a valid duration)"},
      {"/api/v1/query?query=up&lookback_delta=x",
       R"(error parsing lookback delta duration: cannot parse \"x\" to a valid duration)"},
      {"/api/v1/query?query=up&limit=x",
       R"(invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax)"},
      {"/api/v1/query?query=up&limit=-1",
       R"(invalid parameter \"limit\": limit must be non-negative)"},
      {"/api/v1/query?query=up&limit=99999999999999999999",
       R"(invalid parameter \"limit\": strconv.Atoi: parsing \"99999999999999999999\": value out of range)"},
      {range + "end=1&step=1",
       R"(invalid parameter \"start\": cannot parse \"\" to a valid timestamp)"},
      {range + "start=1&step=1",
       R"(invalid parameter \"end\": cannot parse \"\" to a valid timestamp)"},
      {range + "start=2&end=1&step=1",
       R"(invalid parameter \"end\": end timestamp must not be before start time)"},
      {range + "start=1&end=2",
       R"(invalid parameter \"step\": cannot parse \"\" to a valid duration)"},
      {range + "start=1&end=2&step=0",
       R"(invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer)"},
      {range + "start=1&end=2&step=1e30",
       R"(invalid parameter \"step\": cannot parse \"1e30\" to a valid duration. It overflows int64)"},
      {range + "start=0&end=11001&step=1",
       R"(exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX))"},
      {"/api/v1/query_range?query=up[5m]&start=1&end=2&step=1",
       R"(invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector)"},
      {"/api/v1/series", "no match[] parameter provided"},
      {"/api/v1/series?match[]={}",
       R"(invalid parameter \"match[]\": match[] must contain at least one non-empty matcher)"},
      {"/api/v1/series?match[]=up{",
       R"(invalid parameter \"match[]\": 1:4: parse error: unexpected end of input inside braces)"},
      {"/api/v1/labels?match[]={a=\"\"}", "match[] must contain at least one non-empty matcher"},
      {"/api/v1/labels?start=x",
       R"(invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp)"},
      {"/api/v1/label/%ff/values", R"(invalid label name: \"\\xff\")"},
      {"/api/v1/query_exemplars?query=up(", "1:4: parse error: unclosed left parenthesis"},
      {"/api/v1/format_query?query=up(",
       R"(invalid parameter \"query\": 1:4: parse error: unclosed left parenthesis)"},
      {"/api/v1/parse_query?query=sort_by_label(up)",
       R"(invalid parameter \"query\": 1:1: parse error: function \"sort_by_label\" is not enabled)"},
  };
  for (const auto& [target, error] : cases) {
    const Response response = Get(target);
    EXPECT_EQ(response.status, 400) << target;
    EXPECT_EQ(response.body,
              "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"" + error + "\"}")
        << target;
  }
  EXPECT_EQ(Get(range + "start=0&end=11000&step=1").status, 200);
}

TEST_F(QueryHandlerTest, ExecutionErrorsAre422) {
  const Response response = Get("/api/v1/query?query=up%2Bon()up");
  EXPECT_EQ(response.status, 422);
  EXPECT_NE(response.body.find("\"errorType\":\"execution\""), std::string::npos) << response.body;
}

TEST_F(QueryHandlerTest, StopsWhenTheClientIsGone) {
  gone_ = true;
  EXPECT_EQ(Get("/api/v1/query?query=up").status, 499);
}

TEST(QueryParameters, ReadsTimes) {
  const std::pair<std::string_view, tsdb::TimestampMs> cases[] = {
      {"0", 0},
      {"1.5", 1500},
      {"-1.5", -1500},
      {"1.0004", 1000},
      {"1.0006", 1001},
      {"1435781430.781", 1435781430781},
      {"1e3", 1'000'000},
      {"1_000.5", 1'000'500},
      {"1700000000000", 1700000000000000},
      {"2015-06-03T13:21:58.555Z", 1433337718555},
      {"2015-06-03T14:21:58.555+01:00", 1433337718555},
  };
  for (const auto& [text, ms] : cases) {
    ASSERT_OK_AND_ASSIGN(const tsdb::TimestampMs t, ParseTime(text));
    EXPECT_EQ(t, ms) << text;
  }
  for (const char* text :
       {"-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54.999999999Z", "1e300", "-1e300"}) {
    EXPECT_OK(ParseTime(text)) << text;
  }
  for (const char* text :
       {"", "30s", "NaN", "+Inf", "-inf", "1e400", "_1", "1_", "1__0", "1_.5", "2015-06-03", "now"})
    EXPECT_FALSE(ParseTime(text).ok());
}

TEST(QueryParameters, ReadsDurations) {
  const std::pair<std::string_view, tsdb::DurationMs> cases[] = {
      {"15", 15'000}, {"0.5", 500}, {"1h30m", 5'400'000}, {"-1", -1000}, {"0", 0}, {"100ms", 100}};
  for (const auto& [text, ms] : cases) {
    ASSERT_OK_AND_ASSIGN(const tsdb::DurationMs d, ParseQueryDuration(text));
    EXPECT_EQ(d, ms) << text;
  }
  for (const char* text : {"", "1.5h", "NaN", "1e20", "-5m"}) {
    EXPECT_FALSE(ParseQueryDuration(text).ok()) << text;
  }
}

TEST(QueryParameters, UnescapesLabelNames) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"job", "job"},
      {"U__http_2e_status", "http.status"},
      {"U__a__b", "a_b"},
      {"U__a_2F_b", "a/b"},
      {"U___1f600_", "\xF0\x9F\x98\x80"},
      {"U__", ""},
      {"U__a_", "U__a_"},
      {"U__a_zz_", "U__a_zz_"},
      {"U__a_2e", "U__a_2e"},
      {"U__a_d800_", "U__a_d800_"},
      {"U__a_1234567_", "U__a_1234567_"},
  };
  for (const auto& [text, name] : cases) EXPECT_EQ(UnescapeLabelName(text), name) << text;
}

}  // namespace
}  // namespace slowburn::api
