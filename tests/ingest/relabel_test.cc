#include "ingest/relabel.h"

#include <string>

#include "base/status_macros.h"
#include "ingest/letter_case.h"
#include "ingest/md5.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::ingest {
namespace {

using slowburn::testing::IsCode;
using tsdb::Labels;

absl::StatusOr<RelabelRules> Parse(const std::string& yaml) {
  ASSIGN_OR_RETURN(const base::YamlNode node, base::ParseYaml(yaml, "f.yml"));
  return ParseRelabelRules(node, "relabeling rule");
}

TEST(Relabel, DoesWhatEachActionSays) {
  const Labels in = {{"__name__", "m"}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}};
  const struct {
    const char* what;
    const char* rules;
    const char* want;  // "dropped", or the labels
  } kCases[] = {
      {"replace whole", "[{source_labels: [a], target_label: d}]",
       R"(m{a="foo", b="bar", c="baz", d="foo"})"},
      {"replace group",
       "[{source_labels: [a], regex: f(.*), target_label: d, replacement: 'ch${1}-ch${1}'}]",
       R"(m{a="foo", b="bar", c="baz", d="choo-choo"})"},
      {"replace joined", "[{source_labels: [a, b, none], target_label: d}]",
       R"(m{a="foo", b="bar", c="baz", d="foo;bar;"})"},
      {"separator", "[{source_labels: [a, b], separator: '-', target_label: d}]",
       R"(m{a="foo", b="bar", c="baz", d="foo-bar"})"},
      {"null separator", "[{source_labels: [a, b], separator: , target_label: d}]",
       R"(m{a="foo", b="bar", c="baz", d="foobar"})"},
      {"no match, no change", "[{source_labels: [a], regex: o, target_label: d}]",
       R"(m{a="foo", b="bar", c="baz"})"},
      {"anchored", "[{source_labels: [a], regex: fo, target_label: d}]",
       R"(m{a="foo", b="bar", c="baz"})"},
      {"empty replacement deletes",
       "[{source_labels: [a], regex: foo, target_label: b, replacement: ''}]",
       R"(m{a="foo", c="baz"})"},
      {"empty value deletes", "[{source_labels: [none], target_label: b}]",
       R"(m{a="foo", c="baz"})"},
      {"constant", "[{target_label: d, replacement: x}]", R"(m{a="foo", b="bar", c="baz", d="x"})"},
      {"target from a group",
       "[{source_labels: [a], regex: 'f(.*)', target_label: 't_$1', replacement: x}]",
       R"(m{a="foo", b="bar", c="baz", t_oo="x"})"},
      {"empty target is skipped",
       "[{source_labels: [a], regex: 'foo(.*)', target_label: '$1', replacement: x}]",
       R"(m{a="foo", b="bar", c="baz"})"},
      {"rename the metric",
       "[{source_labels: [__name__], regex: m, target_label: __name__, replacement: n}]",
       R"(n{a="foo", b="bar", c="baz"})"},
      {"keep", "[{source_labels: [a], regex: f.*, action: keep}]",
       R"(m{a="foo", b="bar", c="baz"})"},
      {"keep not", "[{source_labels: [a], regex: x, action: keep}]", "dropped"},
      {"drop", "[{source_labels: [a], regex: f.*, action: drop}]", "dropped"},
      {"drop not", "[{source_labels: [a], regex: x, action: Drop}]",
       R"(m{a="foo", b="bar", c="baz"})"},
      {"the rest is not run",
       "[{source_labels: [a], regex: f.*, action: drop}, {target_label: d, replacement: x}]",
       "dropped"},
      {"keepequal", "[{source_labels: [a], target_label: b, action: keepequal}]", "dropped"},
      {"dropequal", "[{source_labels: [a], target_label: b, action: dropequal}]",
       R"(m{a="foo", b="bar", c="baz"})"},
      {"dropequal same", "[{source_labels: [a], target_label: a, action: dropequal}]", "dropped"},
      {"hashmod", "[{source_labels: [c], target_label: d, action: hashmod, modulus: 1000}]",
       R"(m{a="foo", b="bar", c="baz", d="976"})"},
      {"labelmap", "[{regex: '([ab])', action: labelmap, replacement: 'meta_$1'}]",
       R"(m{a="foo", b="bar", c="baz", meta_a="foo", meta_b="bar"})"},
      {"labelmap default", "[{regex: '(a)', action: labelmap}]", R"(m{a="foo", b="bar", c="baz"})"},
      {"labeldrop", "[{regex: '[ab]', action: labeldrop}]", R"(m{c="baz"})"},
      {"labelkeep", "[{regex: 'a|__name__', action: labelkeep}]", R"(m{a="foo"})"},
      {"uppercase", "[{source_labels: [a], target_label: A, action: uppercase}]",
       R"(m{A="FOO", a="foo", b="bar", c="baz"})"},
      {"lowercase", "[{source_labels: [A, a], target_label: a, action: lowercase}]",
       R"(m{a=";foo", b="bar", c="baz"})"},
      {"chain",
       "[{source_labels: [a], target_label: x}, {source_labels: [x], regex: foo, action: keep}, "
       "{regex: x, action: labeldrop}]",
       R"(m{a="foo", b="bar", c="baz"})"},
  };
  for (const auto& c : kCases) {
    const auto rules = Parse(c.rules);
    ASSERT_OK(rules) << c.what;
    const auto out = Relabel(*rules, in);
    std::string want = c.want;
    if (!out.has_value()) {
      EXPECT_EQ("dropped", want) << c.what;
      continue;
    }
    EXPECT_EQ(out->ToString(), want) << c.what;
  }
}

TEST(Relabel, DotsMatchNewlines) {
  ASSERT_OK_AND_ASSIGN(const RelabelRules rules,
                       Parse("[{source_labels: [a], regex: 'x(.*)', target_label: b}]"));
  EXPECT_EQ(Relabel(rules, Labels{{"a", "x1\n2"}})->Get("b"), "1\n2");
}

TEST(Relabel, RefusesWithThePlace) {
  const struct {
    const char* rules;
    const char* error;
  } kCases[] = {
      {"- action: nope", "f.yml:1:11: unknown relabel action \"nope\""},
      {"- action:", "f.yml:1:10: relabel action cannot be empty"},
      {"- regex: 'a(b'\n  target_label: x", "f.yml:1:10: "},
      {"- source_labels: [a]",
       "f.yml:1:3: relabel configuration for replace action requires 'target_label' value"},
      {"- action: hashmod\n  target_label: x",
       "f.yml:1:3: relabel configuration for hashmod requires non-zero modulus"},
      {"- action: hashmod\n  target_label: x\n  modulus: -3", "f.yml:3:12: modulus -3 is negative"},
      {"- action: hashmod\n  modulus: 3", "requires 'target_label' value"},
      {"- action: lowercase\n  target_label: x\n  replacement: y",
       "f.yml:3:16: 'replacement' can not be set for lowercase action"},
      {"- action: keepequal\n  target_label: x\n  regex: y",
       "keepequal action requires only 'source_labels' and `target_label`"},
      {"- action: dropequal\n  target_label: x\n  modulus: 3", "dropequal action requires only"},
      {"- action: labeldrop\n  regex: y\n  source_labels: [a]",
       "labeldrop action requires only 'regex', and no other fields"},
      {"- action: labelkeep\n  regex: y\n  target_label: a",
       "labelkeep action requires only 'regex'"},
      {"- action: labelmap\n  regex: y\n  replacement: ''",
       "f.yml:3:16: \"\" is invalid 'replacement' for labelmap action"},
      {"- target_label: x\n  sourcelabels: [a]",
       "f.yml:2:3: field sourcelabels not found in relabel rule"},
      {"- target_label: x\n  source_labels: ['']", "is not a valid label name"},
      {"-", "f.yml:1:2: empty or null relabeling rule"},
      {"a: b", "f.yml:1:1: expected a list of relabeling rules"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(Parse(c.rules), IsCode(absl::StatusCode::kInvalidArgument, c.error)) << c.rules;
  }
}

TEST(Md5, MatchesTheVectorsOfItsRfc) {
  const std::pair<const char*, const char*> kVectors[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
       "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"},
  };
  for (const auto& [text, want] : kVectors) {
    std::string hex;
    for (const uint8_t byte : Md5(text)) {
      hex += "0123456789abcdef"[byte >> 4];
      hex += "0123456789abcdef"[byte & 15];
    }
    EXPECT_EQ(hex, want) << text;
  }
}

TEST(LetterCase, MapsUnicode) {
  EXPECT_EQ(ToUpperUtf8("straße äöü ñ я 1"), "STRAßE ÄÖÜ Ñ Я 1");
  EXPECT_EQ(ToLowerUtf8("ÄÖÜ Я ABC"), "äöü я abc");
  EXPECT_EQ(ToLowerUtf8("\xff"
                        "A\xc3"),
            "\xff"
            "a\xc3");
}

}  // namespace
}  // namespace slowburn::ingest
