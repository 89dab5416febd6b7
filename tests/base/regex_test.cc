#include "base/regex.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/testing/status_matchers.h"

namespace slowburn::base {
namespace {

Regex Compiled(const char* pattern) {
  absl::StatusOr<Regex> regex = Regex::Compile(pattern);
  EXPECT_OK(regex);
  return *std::move(regex);
}

TEST(Regex, MatchesTheWholeStringAndTheDotMatchesNewlines) {
  struct Case {
    const char* pattern;
    std::string text;
    bool want;
  };
  const Case cases[] = {
      {"a", "a", true},
      {"a", "ab", false},
      {"a", "ba", false},
      {"a|b", "b", true},
      {"a|b", "ab", false},
      {"", "", true},
      {"", "a", false},
      {".*", "a\nb", true},
      {".+", "", false},
      {"a.c", "a\nc", true},
      {"(?i)ABC", "abc", true},
      {"h\xc3\xa9.", "h\xc3\xa9\xc3\xa9", true},
      {"[[:alpha:]]+", "abc", true},
      {"(?<x>a)(?P<y>b)", "ab", true},
      {"[(?<a>]+", "(?<", true},
      {"\\Q(?<a>\\E", "(?<a>", true},
      {"[]a]+", "]a", true},
      {"[^]a]+", "bc", true},
      {"[\\C]?", "x", false},
      {"prod|stage", "stage", true},
  };
  for (const Case& c : cases) {
    absl::StatusOr<Regex> regex = Regex::Compile(c.pattern);
    if (!regex.ok()) {
      EXPECT_STREQ(c.pattern, "[\\C]?") << regex.status();
      continue;
    }
    EXPECT_EQ(regex->Matches(c.text), c.want) << c.pattern << " on " << c.text;
    EXPECT_EQ(regex->pattern(), c.pattern);
  }
}

TEST(Regex, RefusesInGosWords) {
  struct Case {
    const char *pattern, *reason;
  };
  const Case cases[] = {{"[a", "error parsing regexp: missing closing ]: `[a"},
                        {"(a", "missing closing )"},
                        {"a)", "unexpected )"},
                        {"*", "missing argument to repetition operator: `*`"},
                        {"a**", "invalid nested repetition operator: `**`"},
                        {"\\C", "invalid escape sequence: `\\C`"},
                        {"\\y", "invalid escape sequence: `\\y`"},
                        {"(?=a)", "invalid or unsupported Perl syntax"},
                        {"(?<=a)", "invalid or unsupported Perl syntax"},
                        {"(?<!a)", "invalid or unsupported Perl syntax"},
                        {"[b-a]", "invalid character class range: `b-a`"},
                        {"a{1001}", "invalid repeat count"},
                        {"(?P<n>a)(?P<n>b)", "duplicate capture group name"}};
  for (const Case& c : cases) {
    EXPECT_THAT(Regex::Compile(c.pattern),
                testing::IsCode(absl::StatusCode::kInvalidArgument, c.reason))
        << c.pattern;
  }
}

TEST(Regex, LongAlternationsCompile) {
  std::string pattern;
  for (int i = 0; i < 20000; ++i)
    pattern += "instance-" + std::to_string(i * 7919) + "\\.example\\.org|";
  pattern += "end";
  absl::StatusOr<Regex> regex = Regex::Compile(pattern);
  ASSERT_OK(regex);
  EXPECT_TRUE(regex->Matches("instance-7919.example.org"));
  EXPECT_FALSE(regex->Matches("instance-7919xexample.org"));
}

TEST(Regex, ExpandsAsGoDoes) {
  struct Case {
    const char *pattern, *text, *replacement;
    std::optional<std::string> want;
  };
  const Case cases[] = {
      {"(.*)", "foo", "$1", "foo"},
      {"(.*)-(.*)", "a-b", "$2$1", "ba"},
      {"(.*)-(.*)", "a-b", "${2}x${1}", "bxa"},
      {"(.*)-(.*)", "a-b", "$1x", ""},  // the name is "1x"
      {"(.*)-(.*)", "a-b", "${1}x", "ax"},
      {"(.*)-(.*)", "a-b", "$0", "a-b"},
      {"(.*)-(.*)", "a-b", "$3", ""},  // no such group
      {"(.*)-(.*)", "a-b", "$$1", "$1"},
      {"(.*)-(.*)", "a-b", "$", "$"},
      {"(.*)-(.*)", "a-b", "$-", "$-"},
      {"(.*)-(.*)", "a-b", "${1", "${1"},
      {"(.*)-(.*)", "a-b", "${}", "${}"},
      {"(.*)-(.*)", "a-b", "$01", ""},  // no leading zeros
      {"(?P<x>.*)-(?<y>.*)", "a-b", "$y-$x", "b-a"},
      {"(?P<x>.*)-(.*)", "a-b", "${x}_$2", "a_b"},
      {"(?P<x>.*)-(.*)", "a-b", "$x_$2", "b"},  // the name is "x_"
      {"(a)|(b)", "b", "[$1][$2]", "[][b]"},    // a group that took no part
      {"a", "b", "$0", std::nullopt},
      {"(.*)", "", "$1", ""},
      {"(.*)", "x", "plain", "plain"},
      {"(.*)", "x", "\\1", "\\1"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Compiled(c.pattern).Expand(c.text, c.replacement), c.want)
        << c.pattern << " on " << c.text << " with " << c.replacement;
  }
}

TEST(Regex, ReplacesAllAsGoDoes) {
  struct Case {
    const char *pattern, *text, *replacement, *want;
  };
  const Case cases[] = {
      {"a", "banana", "o", "bonono"},
      {"a+", "caaat", "[$0]", "c[aaa]t"},
      {"", "abc", "-", "-a-b-c-"},
      {"", "", "-", "-"},
      {"b*", "abc", "-", "-a-c-"},
      {"x*", "\xc3\xa9", "-", "-\xc3\xa9-"},  // never within a character
      {"^a", "aaa", "b", "baa"},
      {"a$", "aaa", "b", "aab"},
      {"\\bx", "x xx", "y", "y yx"},
      {"(\\w+)@(\\w+)", "me@here", "$2 at $1", "here at me"},
      {"z", "abc", "y", "abc"},
      {"(?i)A", "aA", "b", "bb"},
      {".", "a\nb", "x", "x\nx"},
  };
  for (const Case& c : cases) {
    absl::StatusOr<Regex> regex = Regex::CompileUnanchored(c.pattern);
    ASSERT_OK(regex);
    EXPECT_EQ(regex->ReplaceAll(c.text, c.replacement), c.want) << c.pattern << " on " << c.text;
  }
}

TEST(Regex, UnanchoredFindsAnywhere) {
  absl::StatusOr<Regex> regex = Regex::CompileUnanchored("b.d");
  ASSERT_OK(regex);
  EXPECT_TRUE(regex->Matches("abcde"));
  EXPECT_FALSE(regex->Matches("ab\nde"));
}

}  // namespace
}  // namespace slowburn::base
