// Unit tests of rules as promtool's `test rules` reads them:
//
//   rule_files: [rules.yml]          # globs, relative to this file
//   evaluation_interval: 1m
//   group_eval_order: [first, second]
//   fuzzy_compare: false
//   tests:
//   - name: …
//     interval: 1m                   # between the values of input_series
//     start_timestamp: 0             # Unix seconds or RFC 3339
//     input_series: [{series: 'up{job="a"}', values: '1 1 0x5'}]
//     alert_rule_test: [{eval_time: 5m, alertname: Down,
//                        exp_alerts: [{exp_labels: {…}, exp_annotations: {…}}]}]
//     promql_expr_test: [{expr: up, eval_time: 5m,
//                         exp_samples: [{labels: 'up{job="a"}', value: 0}]}]
//     external_labels: {…}
//     external_url: http://…
//
// Errors: kInvalidArgument "file:line:column: …". Threads: stateless.
#ifndef SLOWBURN_APP_RULE_TEST_FILE_H_
#define SLOWBURN_APP_RULE_TEST_FILE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "query/promqltest/series_literal.h"
#include "rules/alert.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"

namespace slowburn::app {

struct RuleTestFile {
  struct ExpectedAlert {
    rules::LabelPairs labels, annotations;
  };
  struct AlertCase {
    base::DurationMs eval_time = 0;  // since the start
    std::string alertname;
    std::vector<ExpectedAlert> expected;
  };
  struct ExpectedSample {
    tsdb::Labels labels;
    double value = 0;
    tsdb::HistogramPtr histogram;  // null: the value
  };
  struct ExprCase {
    std::string expr;
    base::DurationMs eval_time = 0;
    std::vector<ExpectedSample> expected;
  };
  struct Test {
    std::string name;
    base::DurationMs interval = base::kMinute;
    base::TimestampMs start = 0;
    std::vector<query::SeriesLiteral> series;
    std::vector<AlertCase> alerts;
    std::vector<ExprCase> exprs;
    std::vector<std::pair<std::string, std::string>> external_labels;
    std::string external_url;
  };

  std::string path;
  std::vector<std::string> rule_files;  // globs, resolved
  base::DurationMs evaluation_interval = base::kMinute;
  std::vector<std::string> group_eval_order;
  bool fuzzy_compare = false;
  std::vector<Test> tests;
};

absl::StatusOr<RuleTestFile> ParseRuleTestFile(std::string_view text, const std::string& path);
absl::StatusOr<RuleTestFile> LoadRuleTestFile(const std::string& path);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_RULE_TEST_FILE_H_
