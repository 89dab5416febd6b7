#include "app/rule_test_file.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "base/yaml.h"

namespace slowburn::app {
namespace {

using base::YamlNode;
using base::YamlReader;

// Reads each item of a list with `read`, into `out`.
template <typename T, typename Read>
absl::Status ReadList(const YamlNode* list, const char* what, std::vector<T>& out,
                      const Read& read) {
  if (list == nullptr) return absl::OkStatus();
  if (list->kind != YamlNode::Kind::kSequence)
    return list->Error(absl::StrCat(what, ": want a list"));
  for (const YamlNode& item : list->items) {
    YamlReader reader(item);
    T value;
    RETURN_IF_ERROR(read(reader, value));
    RETURN_IF_ERROR(reader.Finish(what));
    out.push_back(std::move(value));
  }
  return absl::OkStatus();
}

// The error of a part of a scalar, at the scalar.
absl::Status At(const YamlNode* node, const YamlNode& otherwise, const absl::Status& status) {
  return (node != nullptr ? *node : otherwise).Error(std::string(status.message()));
}

absl::Status ReadSeries(YamlReader& reader, query::SeriesLiteral& out) {
  std::string series, values;
  reader.String("series", series);
  reader.String("values", values);
  absl::StatusOr<query::SeriesLiteral> literal =
      query::ParseSeriesLiteral(absl::StrCat(series, " ", values));
  if (!literal.ok()) return At(reader.Find("series"), reader.node(), literal.status());
  out = *std::move(literal);
  return absl::OkStatus();
}

absl::Status ReadExpectedAlert(YamlReader& reader, RuleTestFile::ExpectedAlert& out) {
  reader.StringMap("exp_labels", out.labels);
  reader.StringMap("exp_annotations", out.annotations);
  std::sort(out.labels.begin(), out.labels.end());
  std::sort(out.annotations.begin(), out.annotations.end());
  return absl::OkStatus();
}

absl::Status ReadAlertCase(YamlReader& reader, RuleTestFile::AlertCase& out) {
  reader.Duration("eval_time", out.eval_time);
  reader.String("alertname", out.alertname);
  if (out.alertname.empty()) return reader.node().Error("alertname must not be empty");
  return ReadList(reader.Find("exp_alerts"), "exp_alerts", out.expected, ReadExpectedAlert);
}

absl::Status ReadExpectedSample(YamlReader& reader, RuleTestFile::ExpectedSample& out) {
  std::string labels, histogram, value;
  reader.String("labels", labels);
  reader.String("histogram", histogram);
  if (reader.String("value", value) && !base::ParseFloat(value, out.value) &&
      !base::ParseFloat(value.substr(value.find_first_not_of('.') == 1 ? 1 : 0), out.value)) {
    return reader.Find("value")->Error(absl::StrCat("value: want a number, found \"", value, "\""));
  }
  if (!labels.empty()) {
    absl::StatusOr<tsdb::Labels> parsed = query::ParseLabelsLiteral(labels);
    if (!parsed.ok()) return At(reader.Find("labels"), reader.node(), parsed.status());
    out.labels = *std::move(parsed);
  }
  if (!histogram.empty()) {
    const absl::StatusOr<query::SeriesLiteral> parsed =
        query::ParseSeriesLiteral(absl::StrCat("h ", histogram));
    if (!parsed.ok()) return At(reader.Find("histogram"), reader.node(), parsed.status());
    if (parsed->values.size() != 1 || parsed->values[0].histogram == nullptr) {
      return reader.Find("histogram")
          ->Error("histogram: want one histogram, such as {{schema:0 count:1}}");
    }
    out.histogram = parsed->values[0].histogram;
  }
  return absl::OkStatus();
}

absl::Status ReadExprCase(YamlReader& reader, RuleTestFile::ExprCase& out) {
  reader.String("expr", out.expr);
  reader.Duration("eval_time", out.eval_time);
  return ReadList(reader.Find("exp_samples"), "exp_samples", out.expected, ReadExpectedSample);
}

absl::Status ReadStart(const YamlNode* node, base::TimestampMs& start) {
  if (node == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, node->AsString());
  double seconds = 0;
  if (base::ParseFloat(text, seconds)) {
    if (!(std::fabs(seconds) < 9e12)) return node->Error("start_timestamp: out of range");
    start = static_cast<base::TimestampMs>(std::llround(seconds * 1000));
    return absl::OkStatus();
  }
  const absl::StatusOr<base::TimestampMs> t = base::ParseRfc3339(text);
  if (!t.ok()) return node->Error("start_timestamp: want Unix seconds or RFC 3339");
  start = *t;
  return absl::OkStatus();
}

absl::Status ReadTest(YamlReader& reader, RuleTestFile::Test& out) {
  reader.String("name", out.name);
  reader.Duration("interval", out.interval);
  reader.String("external_url", out.external_url);
  reader.StringMap("external_labels", out.external_labels);
  if (out.interval <= 0) return reader.Find("interval")->Error("interval: want more than 0");
  RETURN_IF_ERROR(ReadStart(reader.Find("start_timestamp"), out.start));
  RETURN_IF_ERROR(ReadList(reader.Find("input_series"), "input_series", out.series, ReadSeries));
  RETURN_IF_ERROR(
      ReadList(reader.Find("alert_rule_test"), "alert_rule_test", out.alerts, ReadAlertCase));
  return ReadList(reader.Find("promql_expr_test"), "promql_expr_test", out.exprs, ReadExprCase);
}

}  // namespace

absl::StatusOr<RuleTestFile> ParseRuleTestFile(std::string_view text, const std::string& path) {
  ASSIGN_OR_RETURN(const YamlNode root, base::ParseYaml(text, path));
  RuleTestFile file;
  file.path = path;
  YamlReader reader(root);
  reader.Strings("rule_files", file.rule_files);
  reader.Duration("evaluation_interval", file.evaluation_interval);
  reader.Strings("group_eval_order", file.group_eval_order);
  reader.Bool("fuzzy_compare", file.fuzzy_compare);
  if (file.evaluation_interval <= 0) file.evaluation_interval = base::kMinute;
  RETURN_IF_ERROR(ReadList(reader.Find("tests"), "tests", file.tests, ReadTest));
  RETURN_IF_ERROR(reader.Finish("rule test file"));
  for (std::string& glob : file.rule_files) glob = base::ResolvePath(path, glob);
  return file;
}

absl::StatusOr<RuleTestFile> LoadRuleTestFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  return ParseRuleTestFile(text, path);
}

}  // namespace slowburn::app
