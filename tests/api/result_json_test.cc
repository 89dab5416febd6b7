#include "api/result_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>

#include "api/ast_json.h"
#include "query/parser/parser.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::api {
namespace {

std::string Json(const query::QueryResult& result, WithStats stats = WithStats::kNo) {
  std::string out;
  AppendQueryData(out, result, stats);
  return out;
}

query::QueryResult Of(query::ValueType type, std::vector<query::Series> series = {}) {
  query::QueryResult out;
  out.type = type;
  out.series = std::move(series);
  return out;
}

TEST(ResultJson, WritesEveryType) {
  query::Series up;
  up.labels = {{"__name__", "up"}, {"job", "a\"<b>"}};
  up.floats = {{1435781451781, 1}, {1435781452000, 0.5}};
  EXPECT_EQ(Json(Of(query::ValueType::kMatrix, {up})),
            R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a\"<b>"},)"
            R"("values":[[1435781451.781,"1"],[1435781452,"0.5"]]}]})");
  EXPECT_EQ(Json(Of(query::ValueType::kVector, {up})),
            R"({"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"<b>"},)"
            R"("value":[1435781451.781,"1"]}]})");
  EXPECT_EQ(Json(Of(query::ValueType::kMatrix)), R"({"resultType":"matrix","result":[]})");
  EXPECT_EQ(Json(Of(query::ValueType::kVector)), R"({"resultType":"vector","result":[]})");
  query::QueryResult scalar = Of(query::ValueType::kScalar);
  scalar.scalar = {4000, 2};
  EXPECT_EQ(Json(scalar), R"({"resultType":"scalar","result":[4,"2"]})");
  query::QueryResult string = Of(query::ValueType::kString);
  string.scalar.t = 4005;
  string.string = "<a>";
  EXPECT_EQ(Json(string), "{\"resultType\":\"string\",\"result\":[4.005,\"\\u003ca\\u003e\"]}");
}

TEST(ResultJson, WritesStatsAfterTheResult) {
  query::QueryResult result = Of(query::ValueType::kVector);
  result.stats.samples_total = 7;
  result.stats.samples_peak = 3;
  result.stats.queue_seconds = 0.25;
  EXPECT_EQ(
      Json(result, WithStats::kYes),
      R"({"resultType":"vector","result":[],"stats":{"timings":{"evalTotalTime":0,)"
      R"("resultSortTime":0,"queryPreparationTime":0,"innerEvalTime":0,"execQueueTime":0.25,)"
      R"("execTotalTime":0},"samples":{"totalQueryableSamples":7,"samplesRead":0,"peakSamples":3}}})");
}

TEST(ResultJson, TimesAreSecondsWithThreeDecimals) {
  const std::pair<tsdb::TimestampMs, std::string_view> cases[] = {
      {0, "0"},
      {1, "0.001"},
      {10, "0.010"},
      {-1, "-0.001"},
      {1500, "1.500"},
      {-1500, "-1.500"},
      {60000, "60"},
      {tsdb::kMaxTime, "9223372036854775.807"},
      {tsdb::kMinTime, "-9223372036854775.808"},
  };
  for (const auto& [t, text] : cases) {
    std::string out;
    AppendTimestamp(out, t);
    EXPECT_EQ(out, text);
  }
}

TEST(ResultJson, ValuesAreGosShortest) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::pair<double, std::string_view> cases[] = {
      {1, "\"1\""},
      {-0.0, "\"-0\""},
      {1e20, "\"100000000000000000000\""},
      {1e21, "\"1e+21\""},
      {1e-6, "\"0.000001\""},
      {1e-7, "\"1e-07\""},
      {0.1, "\"0.1\""},
      {kInfinity, "\"+Inf\""},
      {-kInfinity, "\"-Inf\""},
      {std::numeric_limits<double>::quiet_NaN(), "\"NaN\""},
      {123456789012345678.0, "\"123456789012345680\""},
  };
  for (const auto& [v, text] : cases) {
    std::string out;
    AppendValue(out, v);
    EXPECT_EQ(out, text);
  }
}

TEST(ResultJson, HistogramsHaveFourElementBuckets) {
  tsdb::Histogram h;
  h.schema = 0;
  h.count = 12;
  h.sum = 3.5;
  h.zero_threshold = 0.001;
  h.zero_count = 2;
  h.positive_spans = {{0, 3}};
  h.positive_buckets = {4, 0, 3};
  h.negative_spans = {{1, 1}};
  h.negative_buckets = {3};
  query::Series series;
  series.histograms = {{1000, std::make_shared<const tsdb::Histogram>(h)}};
  const std::string histogram =
      R"({"count":"12","sum":"3.5","buckets":[[1,"-2","-1","3"],[3,"-0.001","0.001","2"],)"
      R"([0,"0.5","1","4"],[0,"2","4","3"]]})";
  EXPECT_EQ(
      Json(Of(query::ValueType::kVector, {series})),
      R"({"resultType":"vector","result":[{"metric":{},"histogram":[1,)" + histogram + "]}]}");
  series.floats = {{0, 1}};
  EXPECT_EQ(
      Json(Of(query::ValueType::kMatrix, {series})),
      R"({"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"]],"histograms":[[1,)" +
          histogram + "]]}]}");
  std::string empty;
  AppendHistogram(empty, tsdb::Histogram{});
  EXPECT_EQ(empty, R"({"count":"0","sum":"0"})");
}

TEST(ResultJson, ExemplarsHaveNoOtherKeys) {
  std::string out;
  AppendExemplars(out, {{{"__name__", "x"}}, {{{{"trace_id", "a"}}, 6, 1600096945479}}});
  EXPECT_EQ(out, R"({"seriesLabels":{"__name__":"x"},"exemplars":[{"labels":{"trace_id":"a"},)"
                 R"("value":"6","timestamp":1600096945.479}]})");
}

TEST(AstJson, KeysAreThoseOfPrometheus) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"1h", R"({"type":"numberLiteral","val":"3600"})"},
      {"\"<a>\"", "{\"type\":\"stringLiteral\",\"val\":\"\\u003ca\\u003e\"}"},
      {"-foo",
       R"({"expr":{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"foo"}],)"
       R"("name":"foo","offset":0,"offsetExpr":null,"smoothed":false,"startOrEnd":null,)"
       R"("timestamp":null,"type":"vectorSelector"},"op":"-","type":"unaryExpr"})"},
      {"pi()",
       R"({"args":[],"func":{"argTypes":[],"name":"pi","returnType":"scalar","variadic":0},)"
       R"("type":"call"})"},
      {"foo[5m] @ end() offset -1m",
       R"({"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"foo"}],)"
       R"("name":"foo","offset":-60000,"offsetExpr":null,"range":300000,"rangeExpr":null,)"
       R"("smoothed":false,"startOrEnd":"end","timestamp":null,"type":"matrixSelector"})"},
      {"1 + bool 2", ""},
      {"(1 == bool 2)",
       R"({"expr":{"bool":true,"lhs":{"type":"numberLiteral","val":"1"},"matching":null,"op":"==",)"
       R"("rhs":{"type":"numberLiteral","val":"2"},"type":"binaryExpr"},"type":"parenExpr"})"},
  };
  for (const auto& [text, json] : cases) {
    const absl::StatusOr<query::ExprPtr> expr = query::Parse(text);
    if (json.empty()) {
      EXPECT_FALSE(expr.ok());
      continue;
    }
    ASSERT_OK(expr);
    std::string out;
    ASSERT_TRUE(AppendSyntaxTree(out, **expr).ok());
    EXPECT_EQ(out, json) << text;
  }
}

TEST(AstJson, DurationsKeepTheirTree) {
  ASSERT_OK_AND_ASSIGN(const query::ExprPtr expr, query::Parse("foo[(5m) + -step()]"));
  std::string out;
  EXPECT_TRUE(AppendSyntaxTree(out, *expr).ok());
  EXPECT_NE(out.find(R"("range":0,"rangeExpr":{"lhs":{"lhs":null,"op":"+","rhs":{"duration":true,)"
                     R"("type":"numberLiteral","val":"300"},"type":"durationExpr","wrapped":true},)"
                     R"("op":"+","rhs":{"lhs":null,"op":"-","rhs":{"lhs":null,"op":"step",)"
                     R"("rhs":null,"type":"durationExpr","wrapped":false},"type":"durationExpr",)"
                     R"("wrapped":false},"type":"durationExpr","wrapped":false})"),
            std::string::npos)
      << out;
}

}  // namespace
}  // namespace slowburn::api
