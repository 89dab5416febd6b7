// Runs tests/data/rules/templates.txt: the answers of Prometheus itself to templates of alerts.
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rules/spec.h"
#include "rules/template/prometheus_functions.h"
#include "rules/template/template.h"

namespace slowburn::rules {
namespace {

struct Case {
  int line = 0;
  std::string text, expected;
  char kind = '=';
};

std::string Unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    ++i;
    out += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i];
  }
  return out;
}

std::vector<Case> ReadCases() {
  std::ifstream file("tests/data/rules/templates.txt");
  std::vector<Case> cases;
  std::string line;
  for (int n = 1; std::getline(file, line); ++n) {
    if (line.rfind("> ", 0) == 0) {
      cases.push_back({n, line.substr(2), "", '='});
    } else if (!line.empty() && line[0] != '#' && !cases.empty()) {
      cases.back().kind = line[0];
      cases.back().expected = Unescape(line.size() > 2 ? line.substr(2) : "");
    }
  }
  return cases;
}

query::Series One(tsdb::Labels labels, double v) {
  query::Series s;
  s.labels = std::move(labels);
  s.floats.push_back({0, v});
  return s;
}

// Stands in for the engine: the few queries of the table.
absl::StatusOr<query::QueryResult> Answer(std::string_view expr) {
  query::QueryResult r;
  r.type = query::ValueType::kVector;
  const tsdb::Labels x{{"__name__", "x"}, {"job", "api"}, {"instance", "h:1"}};
  if (expr == "x") {
    r.series = {One(x, 1234567)};
  } else if (expr == "y") {
    r.series = {One({{"__name__", "y"}, {"a", "z"}}, 1), One({{"__name__", "y"}, {"a", "c"}}, 2.5)};
  } else if (expr == "sum(y)") {
    r.series = {One({}, 3.5)};
  } else if (expr == "pinf") {
    r.series = {One({{"__name__", "pinf"}}, std::numeric_limits<double>::infinity())};
  } else if (expr == "vnan") {
    r.series = {One({{"__name__", "vnan"}}, std::numeric_limits<double>::quiet_NaN())};
  } else if (expr == "1+1") {
    r.type = query::ValueType::kScalar;
    r.scalar = {0, 2};
  } else if (expr.rfind("count_values", 0) == 0) {
    r.series = {One({{"__value__", "2.5"}}, 1), One({{"__value__", "1"}}, 1)};
  } else if (expr == "sum(") {
    return absl::InvalidArgumentError("1:5: parse error: unclosed left parenthesis");
  }
  return r;
}

TEST(TemplateCases, AnswerAsPrometheusDoes) {
  TemplateContext context;
  context.query = Answer;
  context.external_url = "http://h.example/pre";
  const TemplateFunctions functions = PrometheusTemplateFunctions(context);
  const TemplateValue labels =
      TemplateValue::StringMap({{"__name__", "x"}, {"job", "api"}, {"instance", "h:1"}});
  const TemplateValue external = TemplateValue::StringMap({{"region", "eu"}});
  const TemplateValue url = TemplateValue::String("http://h.example/pre");
  const TemplateValue value = TemplateValue::Float(1234567);
  static const TemplateType kData{
      .name =
          "struct { Labels map[string]string; ExternalLabels map[string]string; "
          "ExternalURL string; Value interface {} }",
      .zero_is_string = false,
      .methods = {},
      .print = nullptr};
  const TemplateValue data = TemplateValue::Struct(
      {{"Labels", labels}, {"ExternalLabels", external}, {"ExternalURL", url}, {"Value", value}},
      &kData);
  const std::vector<TemplateValue> values = {labels, external, url, value};

  const std::vector<Case> cases = ReadCases();
  ASSERT_GT(cases.size(), 100u);
  for (const Case& c : cases) {
    SCOPED_TRACE(absl::StrCat("templates.txt:", c.line, ": ", c.text));
    absl::StatusOr<Template> parsed =
        Template::Parse(c.text, "__alert_A", functions, AlertTemplateVariables());
    if (c.kind == '!') {
      ASSERT_FALSE(parsed.ok());
      std::string message(parsed.status().message());
      message.erase(0, message.find(": ", std::string("template: ").size()) + 2);
      EXPECT_EQ(message, c.expected);
      continue;
    }
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    absl::StatusOr<std::string> text = parsed->Execute(data, functions, values);
    if (c.kind == '~') {
      ASSERT_FALSE(text.ok()) << *text;
      const std::string message(text.status().message());
      EXPECT_EQ(message.substr(message.find(" at <") + 4), c.expected);
    } else {
      ASSERT_TRUE(text.ok()) << text.status();
      EXPECT_EQ(*text, c.expected);
    }
  }
}

}  // namespace
}  // namespace slowburn::rules
