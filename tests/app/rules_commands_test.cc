#include "app/rules_commands.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "app/rule_test_file.h"
#include "base/file.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::app {
namespace {

// A FILE* whose text can be read afterwards.
class Capture {
 public:
  Capture() : file_(std::tmpfile()) {}
  ~Capture() { std::fclose(file_); }
  std::FILE* file() { return file_; }
  std::string Text() {
    std::fflush(file_);
    std::rewind(file_);
    std::string out;
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) out += static_cast<char>(c);
    return out;
  }

 private:
  std::FILE* const file_;
};

class RulesCommandsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = ::testing::TempDir() + "/slowburn_rules_" +
                             ::testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
                             name;
    EXPECT_OK(base::WriteFileAtomic(path, text));
    return path;
  }
  int Check(const std::vector<std::string>& files) {
    Capture out, err;
    const int code = RunCheckRules(files, out.file(), err.file());
    out_ = out.Text();
    err_ = err.Text();
    return code;
  }
  int Test(const std::string& file) {
    Capture out, err;
    const int code = RunTestRules({file}, out.file(), err.file());
    out_ = out.Text();
    err_ = err.Text();
    return code;
  }
  std::string out_, err_;
};

constexpr char kRules[] = R"(groups:
- name: example
  rules:
  - alert: InstanceDown
    expr: up == 0
    for: 5m
    labels: {severity: page}
    annotations:
      summary: "Instance {{ $labels.instance }} down"
      value: "{{ $value }} {{ $externalLabels.region }} {{ externalURL }}"
  - record: job:up:sum
    expr: sum by (job) (up)
)";

std::string TestOf(const std::string& rules, const std::string& rest) {
  return "rule_files: ['" + rules + "']\nevaluation_interval: 1m\ntests:\n- interval: 1m\n" + rest;
}

constexpr char kSeries[] = R"(  name: outage
  external_labels: {region: eu}
  external_url: http://h
  input_series:
  - {series: 'up{job="prometheus", instance="a"}', values: '0x15'}
  - {series: 'up{job="node", instance="b"}', values: '1+0x6 0 0 0 0 0 0 0 _ stale'}
)";

TEST_F(RulesCommandsTest, CheckFindsEveryFault) {
  const std::string good = Write("good.yml", kRules);
  EXPECT_EQ(Check({good}), 0);
  EXPECT_EQ(out_, good + ": good, 2 rules\n");
  const std::string bad = Write("bad.yml",
                                "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up ==\n  - "
                                "record: 'b{'\n    expr: up\n");
  EXPECT_EQ(Check({bad, good}), 1);
  EXPECT_NE(
      err_.find(bad +
                ":5:16: group \"g\", rule 1, \"A\": could not parse expression: parse error: "),
      std::string::npos)
      << err_;
  EXPECT_NE(err_.find(bad + ":6:13: group \"g\", rule 2, \"b{\": braces present"),
            std::string::npos)
      << err_;
  EXPECT_EQ(out_, good + ": good, 2 rules\n");
  EXPECT_EQ(Check({"/nonexistent/rules.yml"}), 1);
  EXPECT_NE(err_.find("/nonexistent/rules.yml"), std::string::npos);
}

TEST_F(RulesCommandsTest, TestsThatPass) {
  const std::string rules = Write("rules.yml", kRules);
  const std::string test = Write("test.yml", TestOf(rules, std::string(kSeries) + R"(
  alert_rule_test:
  - {eval_time: 4m, alertname: InstanceDown}
  - eval_time: 5m
    alertname: InstanceDown
    exp_alerts:
    - exp_labels: {severity: page, instance: a, job: prometheus}
      exp_annotations: {summary: Instance a down, value: "0 eu http://h"}
  - eval_time: 12m30s
    alertname: InstanceDown
    exp_alerts:
    - exp_labels: {severity: page, instance: a, job: prometheus}
      exp_annotations: {summary: Instance a down, value: "0 eu http://h"}
    - exp_labels: {severity: page, instance: b, job: node}
      exp_annotations: {summary: Instance b down, value: "0 eu http://h"}
  promql_expr_test:
  - expr: job:up:sum
    eval_time: 3m
    exp_samples:
    - {labels: 'job:up:sum{job="prometheus"}', value: 0}
    - {labels: 'job:up:sum{job="node"}', value: 1}
  - {expr: 'count(ALERTS{alertstate="pending"})', eval_time: 4m, exp_samples: [{labels: '{}', value: 1}]}
  - {expr: 'up{job="node"}', eval_time: 15m}
  - {expr: 'vector(0)/0', eval_time: 1m, exp_samples: [{value: .NaN}]}
  - {expr: '1', eval_time: 1m, exp_samples: [{value: 1}]}
)"));
  EXPECT_EQ(Test(test), 0) << err_;
  EXPECT_EQ(out_, "Unit Testing:  " + test + "\n  SUCCESS\n\n");
}

// What promtool 3.5 prints of the same file.
TEST_F(RulesCommandsTest, FailuresReadAsPromtoolWritesThem) {
  const std::string rules = Write("rules.yml", kRules);
  const std::string test = Write("test.yml", TestOf(rules, std::string(kSeries) + R"(
  alert_rule_test:
  - eval_time: 5m
    alertname: InstanceDown
    exp_alerts:
    - exp_labels: {severity: ticket}
  promql_expr_test:
  - {expr: job:up:sum, eval_time: 3m, exp_samples: [{labels: 'job:up:sum{job="node"}', value: 1.5}]}
  - {expr: 'sum(', eval_time: 3m}
)"));
  EXPECT_EQ(Test(test), 1);
  EXPECT_EQ(err_, R"(  FAILED:
    name: outage,
    alertname: InstanceDown, time: 5m, 
        exp:[
            0:
              Labels:{alertname="InstanceDown", severity="ticket"}
              Annotations:{}
            ], 
        got:[
            0:
              Labels:{alertname="InstanceDown", instance="a", job="prometheus", severity="page"}
              Annotations:{summary="Instance a down", value="0 eu http://h"}
            ]
    expr: "job:up:sum", time: 3m,
        exp: {__name__="job:up:sum", job="node"} 1.5E+00
        got: {__name__="job:up:sum", job="node"} 1E+00, {__name__="job:up:sum", job="prometheus"} 0E+00
    expr: "sum(", time: 3m, err: 1:5: parse error: unclosed left parenthesis

)");
}

TEST_F(RulesCommandsTest, RulesThatFailFailTheTest) {
  const std::string rules = Write("rules.yml",
                                  "groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n    "
                                  "labels: {job: x, instance: y}\n");
  const std::string test = Write(
      "test.yml",
      TestOf(rules, std::string(kSeries) + "  promql_expr_test: [{expr: nope, eval_time: 0}]\n"));
  EXPECT_EQ(Test(test), 1);
  EXPECT_EQ(
      err_,
      "  FAILED:\n    rule: a, time: 0s, err: vector contains metrics with the same labelset after "
      "applying rule labels\n\n");
}

TEST_F(RulesCommandsTest, OrderStartAndFuzz) {
  const std::string rules = Write(
      "rules.yml",
      "groups:\n- name: second\n  rules:\n  - record: b\n    expr: a\n- name: first\n  rules:\n"
      "  - record: a\n    expr: time()\n");
  const std::string test = Write(
      "test.yml", "rule_files: ['" + rules +
                      "']\ngroup_eval_order: [first, second]\nfuzzy_compare: true\ntests:\n"
                      "- start_timestamp: 2020-01-01T00:00:00Z\n  promql_expr_test:\n"
                      "  - {expr: b, eval_time: 0, exp_samples: [{labels: b, value: 1577836800}]}\n"
                      "  - {expr: 0.1+0.2, eval_time: 0, exp_samples: [{value: 0.3}]}\n");
  EXPECT_EQ(Test(test), 0) << err_;
}

TEST_F(RulesCommandsTest, FaultsOfTestFilesHaveAPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"test: []\n", "t.yml:1:1: field test not found in rule test file"},
      {"tests:\n- input_series:\n  - {series: 'up{', values: '1'}\n", "t.yml:3:14: "},
      {"tests:\n- alert_rule_test:\n  - {eval_time: 1m}\n",
       "t.yml:3:5: alertname must not be empty"},
      {"tests:\n- promql_expr_test:\n  - {expr: a, exp_samples: [{value: x}]}\n",
       "t.yml:3:37: value: want a number"},
      {"tests: 5\n", "t.yml:1:8: tests: want a list"},
      {"tests:\n- start_timestamp: soon\n",
       "t.yml:2:20: start_timestamp: want Unix seconds or RFC 3339"},
  };
  for (const auto& [text, error] : cases) {
    EXPECT_THAT(ParseRuleTestFile(text, "t.yml"),
                testing::IsCode(absl::StatusCode::kInvalidArgument, error))
        << text;
  }
}

}  // namespace
}  // namespace slowburn::app
