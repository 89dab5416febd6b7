#include "query/promqltest/test_runner.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "query/parser/parser.h"
#include "query/promqltest/classic_to_native.h"
#include "query/promqltest/comparison.h"
#include "query/promqltest/rewrites.h"
#include "query/promqltest/test_script.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::query {
namespace {

// Says what it was told to say, and remembers what it was asked.
struct Script {
  absl::StatusOr<QueryResult> answer = QueryResult{};
  std::vector<std::string> asked;
};

class FakeEvaluator final : public Evaluator {
 public:
  explicit FakeEvaluator(Script& script) : script_(script) {}
  absl::StatusOr<QueryResult> Instant(std::string_view query, tsdb::TimestampMs at) override {
    script_.asked.push_back(std::string(query) + " at " + std::to_string(at));
    return script_.answer;
  }
  absl::StatusOr<QueryResult> Range(std::string_view query, tsdb::TimestampMs start,
                                    tsdb::TimestampMs end, tsdb::DurationMs step) override {
    script_.asked.push_back(std::string(query) + " from " + std::to_string(start) + " to " +
                            std::to_string(end) + " step " + std::to_string(step));
    return script_.answer;
  }

 private:
  Script& script_;
};

EvaluatorFactory Fake(Script& script) {
  return [&script](tsdb::Storage&) { return std::make_unique<FakeEvaluator>(script); };
}

// The reason of the only eval's failure, "" if it passed.
std::string ReasonOf(std::string_view text, Script& script, const TestOptions& options = {}) {
  const absl::StatusOr<TestReport> report = RunTestScript(text, Fake(script), options);
  if (!report.ok()) return "ERROR " + std::string(report.status().message());
  return report->failures.empty() ? "" : report->failures.front().reason;
}

QueryResult Vector(std::vector<std::pair<tsdb::Labels, double>> elements) {
  QueryResult out;
  out.type = ValueType::kVector;
  for (auto& [labels, v] : elements) {
    Series s;
    s.labels = labels;
    s.floats = {{0, v}};
    out.series.push_back(std::move(s));
  }
  return out;
}

TEST(TestRunner, ComparesVectors) {
  Script script;
  script.answer = Vector({{{{"a", "1"}}, 1.0}, {{{"a", "2"}}, 2.0000001}});
  EXPECT_EQ(ReasonOf("eval instant at 5m x\n {a=\"2\"} 2\n {a=\"1\"} 1\n", script), "");
  EXPECT_EQ(script.asked, std::vector<std::string>{"x at 300000"});
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect ordered\n {a=\"1\"} 1\n {a=\"2\"} 2", script),
            "");
  EXPECT_NE(ReasonOf("eval_ordered instant at 0 x\n {a=\"2\"} 2\n {a=\"1\"} 1\n", script), "");
  EXPECT_NE(ReasonOf("eval instant at 0 x\n {a=\"1\"} 1", script), "");
  EXPECT_NE(ReasonOf("eval instant at 0 x\n {a=\"1\"} 1\n {a=\"2\"} 2.1", script), "");
  EXPECT_NE(ReasonOf("eval instant at 0 x\n {a=\"1\"} 1\n {a=\"2\"} 2\n {} 1", script), "");
  EXPECT_NE(ReasonOf("eval instant at 0 x\n 1", script), "");
}

TEST(TestRunner, ComparesScalarsAndStrings) {
  Script script;
  QueryResult scalar;
  scalar.type = ValueType::kScalar;
  scalar.scalar = {0, 31};
  script.answer = scalar;
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n 31", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n 0x1f", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n 30", script), "expected scalar 30 but got 31");
  EXPECT_NE(ReasonOf("eval instant at 0 x\n {} 31", script), "");
  QueryResult string;
  string.type = ValueType::kString;
  string.string = "a b";
  script.answer = string;
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect string \"a b\"", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect string `a`", script),
            "expected string \"a\" but got \"a b\"");
}

TEST(TestRunner, ComparesMatrices) {
  Script script;
  QueryResult matrix;
  matrix.type = ValueType::kMatrix;
  Series s;
  s.labels = {{"a", "1"}};
  s.floats = {{0, 1}, {20'000, 3}};
  matrix.series = {s};
  script.answer = matrix;
  EXPECT_EQ(ReasonOf("eval range from 0 to 20s step 10s x\n {a=\"1\"} 1 _ 3", script), "");
  EXPECT_EQ(script.asked.back(), "x from 0 to 20000 step 10000");
  EXPECT_NE(ReasonOf("eval range from 0 to 20s step 10s x\n {a=\"1\"} 1 2 3", script), "");
  EXPECT_NE(ReasonOf("eval range from 0 to 20s step 10s x\n {a=\"1\"} 1 _ 3 4", script), "");
  EXPECT_NE(ReasonOf("eval range from 0 to 20s step 10s x\n {a=\"1\"} 1", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 1m x[20s]\n expect range vector from 0 to 20s step 10s\n "
                     "{a=\"1\"} 1 _ 3",
                     script),
            "");
  matrix.series = {Series{{{"b", "1"}}, {{0, 1}}, {}}, s};
  script.answer = matrix;
  EXPECT_NE(ReasonOf("eval range from 0 to 20s step 10s x\n {a=\"1\"} 1 _ 3\n {b=\"1\"} 1", script)
                .find("not sorted"),
            std::string::npos);
}

TEST(TestRunner, ExpectsErrors) {
  Script script;
  script.answer = absl::FailedPreconditionError("many to many");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect fail", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect fail msg: many to many", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect fail regex: ^many.*$", script), "");
  EXPECT_EQ(ReasonOf("eval_fail instant at 0 x\n expected_fail_regexp many", script), "");
  EXPECT_EQ(ReasonOf("eval_fail instant at 0 x\n expected_fail_message many to many", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect fail msg: many", script),
            "expected the error \"many\", but got \"many to many\"");
  EXPECT_EQ(ReasonOf("eval instant at 0 x", script), "error: many to many");
  script.answer = Vector({});
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect fail", script),
            "expected an error but got none");
}

TEST(TestRunner, ExpectsAnnotations) {
  Script script;
  QueryResult result = Vector({});
  script.answer = result;
  EXPECT_NE(ReasonOf("eval instant at 0 x\n expect warn", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect no_warn\n expect no_info", script), "");
  result.annotations.warnings = {"PromQL warning: a (1:1)", "PromQL warning: b (1:2)"};
  script.answer = result;
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect warn", script), "");
  EXPECT_EQ(ReasonOf("eval_warn instant at 0 x", script), "");
  EXPECT_EQ(ReasonOf("eval instant at 0 x\n expect warn msg:PromQL warning: a (1:1)\n"
                     "expect warn regex: b .1:2.",
                     script),
            "");
  EXPECT_NE(ReasonOf("eval instant at 0 x\n expect warn msg: PromQL warning: a (1:1)", script), "");
  EXPECT_NE(ReasonOf("eval instant at 0 x\n expect no_warn", script), "");
  EXPECT_NE(ReasonOf("eval instant at 0 x\n expect info", script), "");
}

TEST(TestRunner, RewritesPinTheEvaluationTime) {
  Script script;
  script.answer = Vector({});
  ReasonOf("eval instant at 10s rate(x[5m])", script, {.rewrites = true});
  ASSERT_EQ(script.asked.size(), 12U);
  EXPECT_EQ(script.asked[0], "rate(x[5m]) at 10000");
  EXPECT_EQ(script.asked[1], "rate(x[5m]) from -50000 to 70000 step 60000");
  EXPECT_EQ(script.asked[2], "rate(x[5m] @ 10.000) at -100000");
  EXPECT_EQ(script.asked[10], "rate(x[5m] @ 10.000) at 100000");
  script.asked.clear();
  ReasonOf("eval instant at 0 x + time()", script, {.rewrites = true});
  EXPECT_EQ(script.asked.size(), 2U);
  script.asked.clear();
  ReasonOf("eval instant at 0 x @ start()", script, {.rewrites = true});
  ASSERT_EQ(script.asked.size(), 7U);
  EXPECT_EQ(script.asked[1], "x @ 0.000 at -1000");
  EXPECT_EQ(script.asked[2], "x @ 0.000 from -61000 to 59000 step 60000");
}

TEST(TestRunner, MalformedFilesAreRefusedWithTheirLine) {
  constexpr std::pair<std::string_view, std::string_view> kCases[] = {
      {"\nfoo", "2: invalid command \"foo\""},
      {"load", "1: invalid step definition"},
      {"load 1x", "1: invalid step definition"},
      {"load_with 1m", "1: invalid load command"},
      {"load 1m\n  m 1y", "2: invalid series"},
      {"load 1m\n  m@st 1m\n", "2: the @st line has no sample line"},
      {"load 1m\n  m@st 1m\n  n 1", "2: the @st line is of another metric"},
      {"load 1m\n  m@st 1m 2m\n  m 1", "2: the @st line has 2 values"},
      {"load 1m\n  m@st foo\n  m 1", "2: invalid start timestamp item"},
      {"eval at 1m x", "1: invalid evaluation command"},
      {"eval instant at foo x", "1: invalid timestamp definition"},
      {"eval instant at 1m x(", "1: 1:3: parse error: unclosed left parenthesis"},
      {"eval range from 1m to 0 step 1m x", "1: the end timestamp is before"},
      {"eval_foo instant at 1m x", "1: unknown evaluation command"},
      {"eval instant at 1m x\n expect foo", "2: invalid expect statement"},
      {"eval instant at 1m x\n expect fail\n expect fail", "3: multiple expect fail"},
      {"eval instant at 1m x\n expect warn\n expect no_warn", "3: warn and no_warn"},
      {"eval instant at 1m x\n expect warn regex: (", "2: "},
      {"eval instant at 1m x\n {} 1 2", "2: an instant query has one value"},
      {"load 1m\n  m 1 2\nload 1m\n m 1 2", "3: invalid series"},
      {"load 1m\n  m 1 2\n\nload 1m\n m 1 3", "4: the sample at 60000 was refused"},
      {"load_with_nhcb 1m\n m_bucket{le=\"1\"} 5\n m_bucket{le=\"2\"} 4",
       "1: the classic histogram"},
  };
  for (const auto& [text, error] : kCases) {
    Script script;
    const absl::StatusOr<TestReport> report = RunTestScript(text, Fake(script), {});
    ASSERT_FALSE(report.ok()) << text;
    EXPECT_TRUE(std::string(report.status().message()).starts_with(error))
        << text << ": " << report.status().message();
  }
}

TEST(TestScript, ReadsLoads) {
  ASSERT_OK_AND_ASSIGN(
      const TestScript script,
      ParseTestScript("# comment\nload 30s\n  m@st -1m+10sx1 _\n  m 1 2 3\n  n _ 5\n\nclear\n"));
  ASSERT_EQ(script.commands.size(), 2U);
  const auto& load = std::get<LoadCommand>(script.commands[0].command);
  ASSERT_EQ(load.series.size(), 2U);
  const std::vector<LoadedSample>& m = load.series.begin()->second;
  ASSERT_EQ(m.size(), 3U);
  EXPECT_EQ(m[0].start, -60'000);
  EXPECT_EQ(m[1].start, 30'000 - 50'000);
  EXPECT_EQ(m[2].start, 0);
  EXPECT_EQ(m[2].t, 60'000);
  const std::vector<LoadedSample>& n = load.series.rbegin()->second;
  ASSERT_EQ(n.size(), 1U);
  EXPECT_EQ(n[0].t, 30'000);
}

TEST(ClassicToNative, MakesCustomBuckets) {
  ASSERT_OK_AND_ASSIGN(const TestScript script,
                       ParseTestScript("load 1m\n"
                                       "  m_bucket{le=\"1\",a=\"b\"} 2\n"
                                       "  m_bucket{le=\"5\",a=\"b\"} 5\n"
                                       "  m_bucket{le=\"+Inf\",a=\"b\"} 5\n"
                                       "  m_count{a=\"b\"} 5\n"
                                       "  m_sum{a=\"b\"} 9.5\n"));
  ASSERT_OK_AND_ASSIGN(const LoadedSeries native,
                       ClassicToNative(std::get<LoadCommand>(script.commands[0].command).series));
  ASSERT_EQ(native.size(), 1U);
  EXPECT_EQ(native.begin()->first, (tsdb::Labels{{"__name__", "m"}, {"a", "b"}}));
  const tsdb::Histogram& h = *native.begin()->second.front().value.histogram;
  EXPECT_EQ(h.schema, tsdb::kCustomBucketsSchema);
  EXPECT_EQ(h.custom_values, (std::vector<double>{1, 5}));
  EXPECT_EQ(h.positive_buckets, (std::vector<double>{2, 3}));
  EXPECT_EQ(h.count, 5);
  EXPECT_EQ(h.sum, 9.5);
}

TEST(AlmostEqual, AllowsOneMillionth) {
  EXPECT_TRUE(AlmostEqual(1, 1.000001));
  EXPECT_FALSE(AlmostEqual(1, 1.00001));
  EXPECT_TRUE(AlmostEqual(0, 0));
  EXPECT_FALSE(AlmostEqual(0, 1e-300));
  EXPECT_TRUE(AlmostEqual(std::numeric_limits<double>::quiet_NaN(),
                          -std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(AlmostEqual(tsdb::StaleNaN(), std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(AlmostEqual(tsdb::StaleNaN(), tsdb::StaleNaN()));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(AlmostEqual(infinity, infinity));
  EXPECT_FALSE(AlmostEqual(infinity, -infinity));
}

TEST(AlmostEqualHistograms, IgnoresHowEmptyBucketsAreWritten) {
  const auto read = [](const char* text) {
    return *ParseSeriesLiteral(std::string("m ") + text)->values.front().histogram;
  };
  const tsdb::Histogram a = read("{{schema:0 count:2 sum:1 buckets:[1 0 0 1]}}");
  EXPECT_TRUE(AlmostEqualHistograms(
      a, read("{{count:2 sum:1.0000001 buckets:[0 1 0 0 1 0] offset:-1}}"), CompareHint::kNo));
  EXPECT_FALSE(
      AlmostEqualHistograms(a, read("{{count:2 sum:1 buckets:[1 0 1]}}"), CompareHint::kNo));
  const tsdb::Histogram gauge =
      read("{{count:2 sum:1 buckets:[1 0 0 1] counter_reset_hint:gauge}}");
  EXPECT_TRUE(AlmostEqualHistograms(a, gauge, CompareHint::kNo));
  EXPECT_FALSE(AlmostEqualHistograms(a, gauge, CompareHint::kYes));
}

}  // namespace
}  // namespace slowburn::query
