#include "notify/matcher.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

struct Case {
  std::string text;
  std::string want;  // MatchersString, or "error: " and a part of the message
};

void Check(const Case& c, const absl::StatusOr<Matchers>& got) {
  SCOPED_TRACE(c.text);
  if (c.want.starts_with("error: ")) {
    ASSERT_FALSE(got.ok()) << MatchersString(*got);
    EXPECT_NE(std::string(got.status().message()).find(c.want.substr(7)), std::string::npos)
        << got.status().ToString();
  } else {
    ASSERT_OK(got);
    EXPECT_EQ(MatchersString(*got), c.want);
  }
}

TEST(Utf8Matchers, Grammar) {
  const Case cases[] = {
      {"", "{}"},
      {"{}", "{}"},
      {"foo=bar", R"({foo="bar"})"},
      {"{foo=bar}", R"({foo="bar"})"},
      {" { foo = bar , } ", R"({foo="bar"})"},
      {"foo=bar,", R"({foo="bar"})"},
      {"foo=bar,baz!=\"x,}\"", R"({foo="bar",baz!="x,}"})"},
      {"foo=~[a-z]+", R"({foo=~"[a-z]+"})"},
      {"foo!~x,bar=y", R"({foo!~"x",bar="y"})"},
      {"\"foo\"=\"\"", R"({foo=""})"},
      {"\"foo bar\"=\"x\"", R"({"foo bar"="x"})"},
      {"foo🙂=bar", R"({foo🙂="bar"})"},
      {R"("foo"="\u00e9\n\x41\101\"")", R"({foo="é\nAA\""})"},
      {"foo=\"bar\\nbaz\"", R"({foo="bar\nbaz"})"},
      {"{foo=bar", "error: 0:8: end of input: expected close brace"},
      {"foo=bar}", "error: 7:8: unexpected }: }: expected opening brace"},
      {",", "error: 0:1: unexpected ,: expected label name"},
      {"{,}", "error: 1:2: unexpected ,: expected label name"},
      {"foo", "error: 0:3: expected an operator"},
      {"foo=", "error: 0:4: expected label value"},
      {"foo!bar", "error: 3:4: !: expected = or ~"},
      {"foo=bar baz=x", "error: 8:11: unexpected baz: expected a comma"},
      {"foo=bar,,baz=x", "error: 8:9: unexpected ,: expected label name"},
      {"foo=\"bar", "error: 4:8: \"bar: missing end \""},
      {R"({"foo"=~"\d+"})", R"(error: 8:13: "\d+": invalid input)"},
      {"foo='bar'", "error: 4:5: ': invalid input"},
      {"{foo=bar}}", "error: expected end of input"},
      {"{{foo=bar}}", "error: unexpected {: expected label name"},
      {"foo=~\"(\"", "error: missing closing )"},
      {"\"\xff\"=x", "error: invalid input"},
      {"\xff=x", "error: invalid UTF-8"},
      {R"("a"="\ud800")", "error: invalid input"},
  };
  for (const Case& c : cases) Check(c, ParseUtf8Matchers(c.text));
}

TEST(ClassicMatchers, Grammar) {
  const Case cases[] = {
      {"", "{}"},
      {"{}", "{}"},
      {"foo=bar", R"({foo="bar"})"},
      {"{foo=\"bar\", dings != \"bums\", }", R"({foo="bar",dings!="bums"})"},
      {"foo=", R"({foo=""})"},
      {"foo=bar}", R"({foo="bar"})"},  // either brace alone
      {"{foo=bar", R"({foo="bar"})"},
      {"a:b=1", R"({a:b="1"})"},
      {R"(foo=~"\d+")", R"({foo=~"\\d+"})"},
      {R"(foo="a\"b\\c\nd")", R"({foo="a\"b\\c\nd"})"},
      {"foo=bar baz", R"({foo="bar baz"})"},
      {"foo=\"a,b\",c=d", R"({foo="a,b",c="d"})"},
      {"foo=a\\", R"({foo="a\\"})"},
      {"foo", "error: bad matcher format: foo"},
      {"1foo=x", "error: bad matcher format"},
      {"foo=bar,,x=y", "error: bad matcher format"},
      {"foo=\"bar", "error: lacks its closing"},
      {"foo=ba\"r", "error: without a backslash"},
      {"foo=\"a\"b\"", "error: without a backslash"},
      {"é=x", "error: bad matcher format"},
  };
  for (const Case& c : cases) Check(c, ParseClassicMatchers(c.text));
}

TEST(Matchers, EitherGrammarWillDoAndTheClassicOneWins) {
  const Case cases[] = {
      {"é=x", R"({é="x"})"},                    // only UTF-8
      {"foo=", R"({foo=""})"},                  // only classic
      {R"(foo=~"\d+")", R"({foo=~"\\d+"})"},    // only classic
      {R"(foo="a\x41")", R"({foo="a\\x41"})"},  // both: the classic meaning
      {"foo", "error: bad matcher format: foo (0:3: expected an operator"},
  };
  for (const Case& c : cases) Check(c, ParseMatchers(c.text));
}

TEST(Matcher, OneOnlyAndWithoutBraces) {
  EXPECT_THAT(ParseMatcher("{a=b}"), testing::IsCode(absl::StatusCode::kInvalidArgument,
                                                     "unexpected open or close brace: {a=b}"));
  EXPECT_THAT(ParseMatcher("a"),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "bad matcher format: a"));
  EXPECT_THAT(ParseMatcher("é=b,c=d"),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "expected 1 matcher, found 2"));
  ASSERT_OK_AND_ASSIGN(const Matcher m, ParseMatcher("a!~b.*"));
  EXPECT_EQ(m.ToString(), R"(a!~"b.*")");
}

TEST(Matcher, RegexIsAnchoredAndItsDotStopsAtNewlines) {
  ASSERT_OK_AND_ASSIGN(const Matcher m, Matcher::Create(Matcher::Op::kRegex, "a", "b.c|d"));
  EXPECT_TRUE(m.Matches("bxc"));
  EXPECT_TRUE(m.Matches("d"));
  EXPECT_FALSE(m.Matches("xd"));
  EXPECT_FALSE(m.Matches("b\nc"));
  EXPECT_FALSE(m.Matches("d\n"));
  ASSERT_OK_AND_ASSIGN(const Matcher legacy,
                       Matcher::Create(Matcher::Op::kRegex, "a", "^(?:b.c|d)$"));
  EXPECT_TRUE(legacy.Matches("bxc"));
  EXPECT_FALSE(legacy.Matches("xd"));
}

TEST(Matcher, SortsByNameValueOperator) {
  ASSERT_OK_AND_ASSIGN(Matchers m, ParseMatchers("b=1,a=2,a!=1,a=1"));
  std::sort(m.begin(), m.end());
  EXPECT_EQ(MatchersString(m), R"({a="1",a!="1",a="2",b="1"})");
}

}  // namespace
}  // namespace slowburn::notify
