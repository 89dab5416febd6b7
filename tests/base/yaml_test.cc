#include "base/yaml.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/testing/status_matchers.h"

namespace slowburn::base {
namespace {

using Kind = YamlNode::Kind;
using testing::IsCode;

YamlNode Parsed(std::string_view text) {
  absl::StatusOr<YamlNode> node = ParseYaml(text, "f.yml");
  EXPECT_OK(node);
  return node.ok() ? *std::move(node) : YamlNode();
}

TEST(Yaml, NodesKnowWhereTheyStand) {
  const YamlNode root = Parsed("groups:\n- name: a\n  rules: [x, {y: z}]\n");
  EXPECT_EQ(root.Where(), "f.yml:1:1");
  const YamlNode* groups = root.Find("groups");
  ASSERT_NE(groups, nullptr);
  EXPECT_EQ(groups->Where(), "f.yml:2:1");
  const YamlNode& group = groups->items.at(0);
  EXPECT_EQ(group.Where(), "f.yml:2:3");
  EXPECT_EQ(group.Find("name")->Where(), "f.yml:2:9");
  EXPECT_EQ(group.Find("rules")->items.at(1).Find("y")->Where(), "f.yml:3:18");
  EXPECT_EQ(group.entries.at(1).first.Where(), "f.yml:3:3");
}

TEST(Yaml, NullHasSixForms) {
  for (const char* text : {"", "~", "null", "Null", "NULL", "# nothing\n", "---\n"}) {
    EXPECT_EQ(Parsed(text).kind, Kind::kNull) << text;
  }
  const YamlNode root = Parsed("a:\nb: ''\nc: 'null'\nd: !!str null\ne: |\n");
  EXPECT_TRUE(root.Find("a")->IsNull());
  for (const char* key : {"b", "c", "d", "e"})
    EXPECT_EQ(root.Find(key)->kind, Kind::kScalar) << key;
}

TEST(Yaml, BlockScalarsAndQuotes) {
  const YamlNode root =
      Parsed("a: |\n  x\n  y\nb: >-\n  x\n  y\nc: \"t\\tb\"\nd: 'it''s'\ne: plain # c\n");
  EXPECT_EQ(root.Find("a")->scalar, "x\ny\n");
  EXPECT_EQ(root.Find("b")->scalar, "x y");
  EXPECT_EQ(root.Find("c")->scalar, "t\tb");
  EXPECT_EQ(root.Find("d")->scalar, "it's");
  EXPECT_EQ(root.Find("e")->scalar, "plain");
  EXPECT_TRUE(root.Find("a")->quoted);
  EXPECT_FALSE(root.Find("e")->quoted);
}

TEST(Yaml, MergeKeysGiveWayToWhatIsWritten) {
  const YamlNode root = Parsed(
      "base: &b {x: 1, y: 2}\n"
      "more: &m {y: 3, z: 4}\n"
      "one:\n  <<: *b\n  x: 9\n"
      "two:\n  <<: [*b, *m]\n"
      "three: {x: 5, <<: {x: 6, w: 7}}\n"
      "quoted: {'<<': 1}\n");
  EXPECT_EQ(root.Find("one")->Find("x")->scalar, "9");
  EXPECT_EQ(root.Find("one")->Find("y")->scalar, "2");
  EXPECT_EQ(root.Find("one")->Find("<<"), nullptr);
  EXPECT_EQ(root.Find("two")->Find("y")->scalar, "2");
  EXPECT_EQ(root.Find("two")->Find("z")->scalar, "4");
  EXPECT_EQ(root.Find("three")->Find("x")->scalar, "5");
  EXPECT_EQ(root.Find("three")->Find("w")->scalar, "7");
  EXPECT_EQ(root.Find("quoted")->Find("<<")->scalar, "1");
}

TEST(Yaml, AliasesAreCopiesWithTheAnchorsPosition) {
  const YamlNode root = Parsed("a: &x [1, 2]\nb: *x\n");
  EXPECT_EQ(root.Find("b")->items.size(), 2u);
  EXPECT_EQ(root.Find("b")->items[0].Where(), "f.yml:1:8");
}

TEST(Yaml, RefusesWithPositions) {
  struct Case {
    const char *text, *reason;
  };
  const Case cases[] = {
      {"a: 1\nb: 2\na: 3\n", "f.yml:3:1: mapping key \"a\" already defined at line 1"},
      {"a: {x: 1, 'x': 2}\n", "f.yml:1:11: mapping key \"x\" already defined"},
      {"a: *nope\n", "f.yml:1:4: unknown anchor \"nope\""},
      {"a: &x [*x]\n", "contains itself"},
      {"a: b: c\n", "f.yml:1:5: mapping values are not allowed in this context"},
      {"a: [1, 2\n", "f.yml:2:1: did not find expected ',' or ']'"},
      {"a:\n  - b\n - c\n", "f.yml:3:2:"},
      {"\tx: 1\n", "f.yml:1:1: found character that cannot start any token"},
      {"? [a]\n: b\n", "f.yml:1:3: a mapping's key must be a scalar"},
      {"<<: 5\n", "f.yml:1:5: map merge requires"},
      {"a: 1\n---\nb: 2\n", "f.yml:3:1: a second document begins here"},
      {"a: 'x\n", "found unexpected end of stream"},
      {"a: b\nc: \xff\n", "f.yml:2:4: "},
      {"a: b\nc: \x01\n", "f.yml:2:4: control characters are not allowed"},
      {"a: !!binary '%%'\n", "f.yml:1:4: !!binary is not base64"},
      {"%YAML 3.0\n---\na: 1\n", "found incompatible YAML document"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ParseYaml(c.text, "f.yml"), IsCode(absl::StatusCode::kInvalidArgument, c.reason))
        << c.text;
  }
}

TEST(Yaml, BillionLaughsAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k > 0 ? ", " : "") + previous;
    text += "]\n";
  }
  EXPECT_THAT(ParseYaml(text, "f.yml"),
              IsCode(absl::StatusCode::kInvalidArgument, "excessive aliasing"));
}

TEST(Yaml, DepthIsLimited) {
  EXPECT_OK(ParseYaml(std::string(200, '[') + std::string(200, ']'), "f.yml"));
  EXPECT_THAT(ParseYaml(std::string(202, '[') + std::string(202, ']'), "f.yml"),
              IsCode(absl::StatusCode::kInvalidArgument, "nested deeper than 200 levels"));
}

TEST(Yaml, StreamsHaveAnyNumberOfDocuments) {
  ASSERT_OK_AND_ASSIGN(const auto none, ParseYamlStream("", "f.yml"));
  EXPECT_TRUE(none.empty());
  ASSERT_OK_AND_ASSIGN(const auto two, ParseYamlStream("a: &x 1\n---\nb: 2\n", "f.yml"));
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[1].Find("b")->Where(), "f.yml:3:4");
  EXPECT_THAT(ParseYamlStream("a: &x 1\n---\nb: *x\n", "f.yml"),
              IsCode(absl::StatusCode::kInvalidArgument, "unknown anchor"));
}

TEST(Yaml, ScalarsBecomeValues) {
  const YamlNode root = Parsed(
      "b1: yes\nb2: Off\nb3: 'yes'\nb4: maybe\ni1: 42\ni2: -0x1F\ni3: 017\ni4: 0b11\ni5: "
      "1_000\ni6: 1e3\ni7: 1.5\n"
      "i8: '1'\ni9: 9223372036854775807\ni10: 9223372036854775808\nf1: 2.5\nf2: .inf\nf3: "
      "-.INF\nf4: .nan\nf5: inf\n"
      "f6: 1e-3\nd1: 1m30s\nd2: 5\nd3: 0\nn:\nl: [a]\ni11: 0o17\n");
  const auto at = [&](const char* key) { return *root.Find(key); };
  EXPECT_EQ(at("b1").AsBool().value(), true);
  EXPECT_EQ(at("b2").AsBool().value(), false);
  EXPECT_THAT(at("b3").AsBool(), IsCode(absl::StatusCode::kInvalidArgument,
                                        "f.yml:3:5: want true or false, found \"yes\""));
  EXPECT_FALSE(at("b4").AsBool().ok());
  EXPECT_EQ(at("i1").AsInt().value(), 42);
  EXPECT_EQ(at("i2").AsInt().value(), -31);
  EXPECT_EQ(at("i3").AsInt().value(), 15);
  EXPECT_EQ(at("i4").AsInt().value(), 3);
  EXPECT_EQ(at("i5").AsInt().value(), 1000);
  EXPECT_EQ(at("i6").AsInt().value(), 1000);
  EXPECT_EQ(at("i11").AsInt().value(), 15);
  EXPECT_THAT(at("i7").AsInt(),
              IsCode(absl::StatusCode::kInvalidArgument, "want a whole number, found \"1.5\""));
  EXPECT_FALSE(at("i8").AsInt().ok());
  EXPECT_EQ(at("i9").AsInt().value(), std::numeric_limits<int64_t>::max());
  EXPECT_FALSE(at("i10").AsInt().ok());
  EXPECT_EQ(at("f1").AsFloat().value(), 2.5);
  EXPECT_EQ(at("f2").AsFloat().value(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(at("f3").AsFloat().value(), -std::numeric_limits<double>::infinity());
  EXPECT_NE(at("f4").AsFloat().value(), at("f4").AsFloat().value());
  EXPECT_FALSE(at("f5").AsFloat().ok());
  EXPECT_EQ(at("f6").AsFloat().value(), 0.001);
  EXPECT_EQ(at("d1").AsDuration().value(), 90000);
  EXPECT_THAT(at("d2").AsDuration(), IsCode(absl::StatusCode::kInvalidArgument,
                                            "f.yml:22:5: not a valid duration string: \"5\""));
  EXPECT_EQ(at("d3").AsDuration().value(), 0);
  EXPECT_EQ(at("n").AsString().value(), "");
  EXPECT_EQ(at("i1").AsString().value(), "42");
  EXPECT_THAT(at("l").AsString(),
              IsCode(absl::StatusCode::kInvalidArgument, "want a string, found a list"));
  EXPECT_TRUE(at("n").AsStrings().value().empty());
  EXPECT_TRUE(at("n").AsStringMap().value().empty());
}

struct Rule {
  std::string alert = "default";
  DurationMs hold = 7;
  bool active = false;
  int64_t limit = 0;
  double factor = 0;
  uint64_t size = 0;
  std::vector<std::string> list;
  std::vector<std::pair<std::string, std::string>> labels;
};

absl::Status ReadRule(const YamlNode& node, Rule& rule) {
  YamlReader r(node);
  r.String("alert", rule.alert);
  r.Duration("for", rule.hold);
  r.Bool("active", rule.active);
  r.Int("limit", rule.limit);
  r.Float("factor", rule.factor);
  r.Bytes("size", rule.size);
  r.Strings("list", rule.list);
  r.StringMap("labels", rule.labels);
  return r.Finish("rule");
}

TEST(YamlReader, ReadsKnownKeysAndKeepsDefaults) {
  Rule rule;
  ASSERT_OK(
      ReadRule(Parsed("alert: Down\nfor: 5m\nactive: on\nlimit: 3\nfactor: 14.4\nsize: 1.5KiB\n"
                      "list: [a, 1]\nlabels: {severity: page, n: 1}\n"),
               rule));
  EXPECT_EQ(rule.alert, "Down");
  EXPECT_EQ(rule.hold, 5 * kMinute);
  EXPECT_TRUE(rule.active);
  EXPECT_EQ(rule.limit, 3);
  EXPECT_EQ(rule.factor, 14.4);
  EXPECT_EQ(rule.size, 1536u);
  EXPECT_EQ(rule.list, (std::vector<std::string>{"a", "1"}));
  EXPECT_EQ(rule.labels[1], (std::pair<std::string, std::string>("n", "1")));
  Rule empty;
  ASSERT_OK(ReadRule(Parsed("alert:\nfor: ~\n"), empty));
  EXPECT_EQ(empty.alert, "default");
  EXPECT_EQ(empty.hold, 7);
  ASSERT_OK(ReadRule(Parsed(""), empty));
}

TEST(YamlReader, RefusesWithTheFirstFault) {
  struct Case {
    const char *text, *reason;
  };
  const Case cases[] = {
      {"alert: A\nalret: B\n", "f.yml:2:1: field alret not found in rule"},
      {"for: x\nlimit: y\n", "f.yml:1:6: not a valid duration string: \"x\""},
      {"unknown: 1\nlimit: y\n", "f.yml:2:8: want a whole number, found \"y\""},
      {"[a]\n", "f.yml:1:1: want a mapping, found a list"},
      {"text\n", "f.yml:1:1: want a mapping, found \"text\""},
      {"size: 5XB\n", "f.yml:1:7: want a size such as 512MB, found \"5XB\""},
      {"size: 99EB\n", "want a size"},
      {"list: {a: b}\n", "f.yml:1:7: want a list of strings, found a mapping"},
      {"list: [[a]]\n", "f.yml:1:8: want a string, found a list"},
      {"labels: {a: [b]}\n", "f.yml:1:13: want a string, found a list"},
  };
  for (const Case& c : cases) {
    Rule rule;
    EXPECT_THAT(ReadRule(Parsed(c.text), rule),
                IsCode(absl::StatusCode::kInvalidArgument, c.reason))
        << c.text;
  }
}

TEST(YamlReader, WarnsOfWhatIsNotBuilt) {
  const YamlNode root = Parsed("tracing:\n  endpoint: x\n");
  YamlReader r(root);
  std::vector<std::string> warnings;
  EXPECT_NE(r.Unbuilt("tracing", warnings), nullptr);
  EXPECT_EQ(r.Unbuilt("other", warnings), nullptr);
  EXPECT_OK(r.Finish());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0], "f.yml:1:1: tracing is not supported yet and has no effect");
}

TEST(YamlReader, SizesHaveBase2Units) {
  struct Case {
    const char* text;
    uint64_t want;
  };
  for (const Case& c : {Case{"10", 10}, Case{"0", 0}, Case{"512MB", 512u << 20}, Case{"1KiB", 1024},
                        Case{"2GB", uint64_t{2} << 30}, Case{"7B", 7}}) {
    const YamlNode root = Parsed("s: " + std::string(c.text));
    YamlReader r(root);
    uint64_t got = 1;
    EXPECT_TRUE(r.Bytes("s", got));
    EXPECT_EQ(got, c.want) << c.text;
  }
}

}  // namespace
}  // namespace slowburn::base
