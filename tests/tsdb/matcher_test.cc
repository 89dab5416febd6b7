#include "tsdb/matcher.h"

#include <gtest/gtest.h>

#include "base/regex.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::tsdb {
namespace {

using Op = Matcher::Op;
using Strings = std::vector<std::string>;

Matcher Make(Op op, std::string_view name, std::string_view value) {
  absl::StatusOr<Matcher> matcher = Matcher::Create(op, name, value);
  EXPECT_OK(matcher);
  return *matcher;
}

TEST(Matcher, FindsTheLiteralsOfAPattern) {
  const struct {
    std::string_view pattern;
    Strings set;
    std::string prefix;
  } cases[] = {
      {"", {""}, ""},
      {"a", {"a"}, ""},
      {"a|b|c", {"a", "b", "c"}, ""},
      {"b|a|b", {"a", "b"}, ""},
      {"^a|b$", {"a", "b"}, ""},
      {"x(a|b)y", {"xay", "xby"}, ""},
      {"x(?:a|)y", {"xay", "xy"}, ""},
      {"5[0-2]", {"50", "51", "52"}, ""},
      {"[ab][cd]", {"ac", "ad", "bc", "bd"}, ""},
      {"ab?", {"a", "ab"}, ""},
      {"a\\.b", {"a.b"}, ""},
      {"ü|é?", {"", "é", "ü"}, ""},
      {"foo.*", {}, "foo"},
      {"^foo.+$", {}, "foo"},
      {"foo.*|bar", {}, ""},
      {"foo(a|b.*)", {}, "foo"},
      {"foo[^a]", {}, "foo"},
      {"fooü*", {}, "foo"},
      {"foo+", {}, "foo"},
      {"foo{2}", {}, "fo"},
      {"(?i)foo", {}, ""},
      {"a(?i)foo", {}, "a"},
      {"\\d+", {}, ""},
      {"a\\$", {"a$"}, ""},
      {"a\\\\$", {"a\\"}, ""},
      {"\\Qa|b\\E", {}, ""},
      {"a[|]b.", {}, "a"},
      {"a??", {}, ""},
      {"[a-]", {}, ""},
  };
  for (const auto& c : cases) {
    const Matcher matcher = Make(Op::kRegex, "a", c.pattern);
    EXPECT_EQ(matcher.set_matches(), c.set) << c.pattern;
    EXPECT_EQ(matcher.prefix(), c.prefix) << c.pattern;
  }
}

TEST(Matcher, LongAlternationsAreLeftToTheRegex) {
  std::string pattern = "v0";
  for (size_t i = 1; i <= kMaxRegexLiterals; ++i) {
    if (i == kMaxRegexLiterals) {
      EXPECT_EQ(Make(Op::kRegex, "a", pattern).set_matches().size(), kMaxRegexLiterals);
    }
    pattern += "|v" + std::to_string(i);
  }
  const Matcher matcher = Make(Op::kRegex, "a", pattern);
  EXPECT_TRUE(matcher.set_matches().empty());
  EXPECT_TRUE(matcher.Matches("v" + std::to_string(kMaxRegexLiterals)));
  EXPECT_TRUE(Make(Op::kRegex, "a", "[0-9][0-9][0-9][0-9]").set_matches().empty());
}

TEST(Matcher, OperatorsAndAbsentLabels) {
  const Labels labels{{"job", "api"}};
  const struct {
    Op op;
    std::string_view name, value;
    bool want;
  } cases[] = {
      {Op::kEqual, "job", "api", true},     {Op::kEqual, "job", "", false},
      {Op::kEqual, "gone", "", true},       {Op::kNotEqual, "gone", "", false},
      {Op::kNotEqual, "gone", "x", true},   {Op::kRegex, "job", "a.i", true},
      {Op::kRegex, "job", "ap", false},     {Op::kNotRegex, "job", "a.*", false},
      {Op::kRegex, "gone", ".*", true},     {Op::kRegex, "gone", ".+", false},
      {Op::kNotRegex, "gone", ".+", true},  {Op::kRegex, "gone", "|x", true},
      {Op::kNotRegex, "gone", "x|y", true},
  };
  for (const auto& c : cases) {
    const Matcher matcher = Make(c.op, c.name, c.value);
    EXPECT_EQ(MatchesAll({matcher}, labels), c.want) << matcher.ToString();
  }
}

TEST(Matcher, RefusesBadPatterns) {
  for (const char* pattern : {"(", "a**", "[", "(?P<n", "*", "^*a|)", "a{1001}"}) {
    EXPECT_THAT(Matcher::Create(Op::kRegex, "a", pattern),
                testing::IsCode(absl::StatusCode::kInvalidArgument, ""))
        << pattern;
  }
}

TEST(Matcher, ToStringQuotes) {
  EXPECT_EQ(Make(Op::kRegex, "a", "x\"").ToString(), R"(a=~"x\"")");
  EXPECT_EQ(Make(Op::kNotRegex, "a.b", "x").ToString(), R"("a.b"!~"x")");
  EXPECT_EQ(Make(Op::kNotEqual, "a", "").ToString(), R"(a!="")");
  EXPECT_EQ(Matcher::Equal("a", "b").ToString(), R"(a="b")");
}

// Whatever shortcut is taken, the answer is the regex's.
TEST(Matcher, AgreesWithTheRegexOnRandomPatterns) {
  testing::Random random;
  static constexpr std::string_view kPieces[] = {
      "a", "b", "ab", ".*", ".+", "|", "(a|b)", "(?:b|)", "[ab]", "a?",  "b*",   "\\.", ".",
      "^", "$", "(",  ")",  "ü",  "+", "{2}",   "[^a]",   "\\d",  "a-b", "(?i)", "\n",  "[a-c]"};
  static constexpr std::string_view kLetters[] = {"a", "b", "A", ".", "ü", "1", "-", "\n", "c"};
  int valid = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string pattern;
    for (uint64_t n = random.Below(5); n > 0; --n)
      pattern += kPieces[random.Below(std::size(kPieces))];
    const absl::StatusOr<base::Regex> regex = base::Regex::Compile(pattern);
    const absl::StatusOr<Matcher> matcher = Matcher::Create(Op::kRegex, "a", pattern);
    ASSERT_EQ(regex.ok(), matcher.ok()) << pattern;
    if (!regex.ok()) continue;
    ++valid;
    for (int k = 0; k < 20; ++k) {
      std::string value;
      for (uint64_t n = random.Below(5); n > 0; --n)
        value += kLetters[random.Below(std::size(kLetters))];
      ASSERT_EQ(matcher->Matches(value), regex->Matches(value))
          << "pattern " << pattern << " value " << value;
    }
  }
  EXPECT_GT(valid, 1000);
}

}  // namespace
}  // namespace slowburn::tsdb
