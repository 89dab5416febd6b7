#include "rules/spec_loader.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rules/scalar_position.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::rules {
namespace {

RuleFile Parse(const std::string& text) { return ParseRuleFile(text, "r.yml", {}); }

TEST(SpecLoader, ReadsEveryKey) {
  const RuleFile f = Parse(R"(
groups:
- name: g
  interval: 30s
  limit: 5
  query_offset: 10s
  labels: {team: pay, severity: none}
  rules:
  - record: job:up:sum
    expr: sum  by(job) (up)
    labels: {severity: info}
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 1h
    labels: {severity: "{{ $labels.x }}"}
    annotations: {summary: "{{ $value }}", plain: text}
)");
  ASSERT_OK(f.status());
  ASSERT_EQ(f.groups.size(), 1u);
  const GroupSpec& g = *f.groups[0];
  EXPECT_EQ(g.Key(), "r.yml;g");
  EXPECT_EQ(g.interval, 30'000);
  EXPECT_EQ(g.query_offset, 10'000);
  EXPECT_EQ(g.limit, 5);
  ASSERT_EQ(g.rules.size(), 2u);
  EXPECT_EQ(g.rules[0]->kind, RuleKind::kRecording);
  EXPECT_EQ(g.rules[0]->expr, "sum by (job) (up)");
  EXPECT_EQ(g.rules[0]->labels, (tsdb::Labels{{"team", "pay"}, {"severity", "info"}}));
  const RuleSpec& alert = *g.rules[1];
  EXPECT_EQ(alert.kind, RuleKind::kAlerting);
  EXPECT_EQ(alert.hold, 300'000);
  EXPECT_EQ(alert.keep_firing, 3'600'000);
  ASSERT_EQ(alert.annotation_templates.size(), 2u);
  EXPECT_FALSE(alert.annotation_templates[0].compiled.has_value());
  EXPECT_TRUE(alert.annotation_templates[1].compiled.has_value());
}

TEST(SpecLoader, EmptyFilesAreFine) {
  EXPECT_OK(Parse("").status());
  EXPECT_OK(Parse("groups: []").status());
  EXPECT_OK(Parse("groups:\n- name: g\n  rules: []").status());
  EXPECT_OK(Parse("groups:\n- name: g\n").status());
}

struct Fault {
  const char* text;
  const char* error;  // the first fault, whole
};

TEST(SpecLoader, FaultsHaveAPlace) {
  const Fault cases[] = {
      {"groups:\n- name: g\n  foo: 1\n", "r.yml:3:3: field foo not found in rule group"},
      {"grups: []\n", "r.yml:1:1: field grups not found in rule file"},
      {"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    fro: 5m\n",
       "r.yml:6:5: field fro not found in rule"},
      {"groups:\n- name: ''\n", "r.yml:2:3: Groupname must not be empty"},
      {"groups:\n- name: g\n- name: g\n",
       "r.yml:3:3: groupname: \"g\" is repeated in the same file"},
      {"groups:\n- name: g\n  rules:\n  - expr: up\n",
       "r.yml:4:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set"},
      {"groups:\n- name: g\n  rules:\n  - expr: up\n    alert: A\n    record: b\n",
       "r.yml:4:5: group \"g\", rule 1, \"A\": only one of 'record' and 'alert' must be set"},
      {"groups:\n- name: g\n  rules:\n  - alert: A\n",
       "r.yml:4:5: group \"g\", rule 1, \"A\": field 'expr' must be set in rule"},
      {"groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n    for: 5m\n",
       "r.yml:6:10: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule"},
      {"groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n    annotations: {a: b}\n",
       "r.yml:6:18: group \"g\", rule 1, \"a\": invalid field 'annotations' in recording rule"},
      {"groups:\n- name: g\n  rules:\n  - record: a{b=\"c\"}\n    expr: up\n",
       "r.yml:4:13: group \"g\", rule 1, \"a{b=\"c\"}\": braces present in the recording rule "
       "name; should it be in expr?: "
       "a{b=\"c\"}"},
      {"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels: {__name__: b}\n",
       "r.yml:6:14: group \"g\", rule 1, \"A\": invalid label name: __name__"},
      {"groups:\n- name: g\n  interval: 5x\n", "r.yml:3:13: "},
      {"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    for: -5m\n", "r.yml:6:10: "},
      {"groups: 5\n", "r.yml:1:9: groups: want a list of groups"},
      {"groups:\n- name: g\n  rules: 5\n", "r.yml:3:10: rules: want a list of rules"},
      {"groups:\n- 5\n", "r.yml:2:3: "},
      {"groups:\n- name: g\n  rules:\n  - 5\n", "r.yml:4:5: "},
      {"a: [\n", "r.yml:2:1: "},
  };
  for (const Fault& c : cases) {
    SCOPED_TRACE(c.text);
    const RuleFile f = Parse(c.text);
    ASSERT_FALSE(f.faults.empty());
    const std::string got(f.faults[0].message());
    const std::string want = c.error;
    if (want.back() == ' ') {
      EXPECT_EQ(got.substr(0, want.size()), want);
    } else {
      EXPECT_EQ(got, want);
    }
  }
}

// The fault lies at `^`, whatever the way the expression is written.
TEST(SpecLoader, FaultsInsideExpressionsPointThere) {
  const char* const cases[] = {
      "    expr: sum(up) by ^*\n",
      "    expr: 'sum(up) by ^*'\n",
      "    expr: \"sum(up) by ^*\"\n",
      "    expr: \"sum(up{a=\\\"b\\\"}) by ^*\"\n",
      "    expr: |\n      sum(up)\n      by ^*\n",
      "    expr: >\n      sum(up)\n      by ^*\n",
      "    expr: >-\n\n      sum(up)\n\n      by ^*\n",
      "    expr: sum(up)\n      by ^*\n",
      "    expr: 'up{a=''b''} + ^*'\n",
      "    expr: !!str sum(up) by ^*\n",
  };
  for (std::string c : cases) {
    SCOPED_TRACE(c);
    const size_t mark = c.find('^');
    c.erase(mark, 1);
    const std::string head = "groups:\n- name: g\n  rules:\n  - alert: A\n";
    const std::string before = c.substr(0, mark);
    const auto lines = static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    const size_t newline = before.rfind('\n');
    const size_t column = newline == std::string::npos ? mark + 1 : mark - newline;
    const RuleFile f = Parse(head + c);
    ASSERT_FALSE(f.faults.empty());
    const std::string got(f.faults[0].message());
    EXPECT_EQ(
        got.rfind(
            absl::StrCat("r.yml:", 5 + lines, ":", column,
                         ": group \"g\", rule 1, \"A\": could not parse expression: parse error: "),
            0),
        0u)
        << got << " wanted " << 5 + lines << ":" << column;
  }
}

TEST(SpecLoader, FaultsInsideTemplatesPointThere) {
  const RuleFile f = Parse(
      "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations:\n      s: |\n    "
      "    a\n        {{ nope }}\n");
  ASSERT_EQ(f.faults.size(), 1u);
  EXPECT_EQ(std::string(f.faults[0].message()),
            "r.yml:9:12: group \"g\", rule 1, \"A\": annotation \"s\": template: function \"nope\" "
            "not defined");
}

TEST(SpecLoader, EveryFaultIsFound) {
  const RuleFile f = Parse(
      "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up ==\n  - record: b\n  - alert: C\n  "
      "  expr: up\n"
      "    labels: {x: '{{'}\n");
  EXPECT_EQ(f.faults.size(), 3u);
}

TEST(SpecLoader, RepeatedRulesAreWarnedOf) {
  const RuleFile f = Parse(
      "groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n  - record: a\n    expr: up\n  - "
      "record: a\n    expr: up\n"
      "    labels: {x: y}\n");
  ASSERT_OK(f.status());
  ASSERT_EQ(f.warnings.size(), 1u);
  EXPECT_EQ(f.warnings[0].rfind("r.yml:6:5: group \"g\", rule 2, \"a\"", 0), 0u) << f.warnings[0];
}

}  // namespace
}  // namespace slowburn::rules
