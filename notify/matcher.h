// Matcher: one condition of a route, an inhibition rule, a silence or an API filter. An absent
// label has the value "".
//
//   ASSIGN_OR_RETURN(Matchers m, ParseMatchers("{team=\"db\",severity=~\"page|ticket\"}"));
//   if (MatchesAll(m, alert.labels)) …
//
// Two grammars are understood, as Alertmanager's default mode has it: the UTF-8 one (names and
// values quoted or bare) and the classic one. A text that only one of them reads means what that
// one says; where both read it and differ, the classic one wins. Regular expressions are anchored;
// the dot does not match a newline. Threads: immutable; copies share the compiled expression.
#ifndef SLOWBURN_NOTIFY_MATCHER_H_
#define SLOWBURN_NOTIFY_MATCHER_H_

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/regex.h"
#include "notify/label_set.h"

namespace slowburn::notify {

class Matcher {
 public:
  enum class Op { kEqual, kNotEqual, kRegex, kNotRegex };

  // kInvalidArgument: the regex does not compile.
  static absl::StatusOr<Matcher> Create(Op op, std::string_view name, std::string_view value);

  bool Matches(std::string_view value) const;
  bool MatchesLabels(const LabelSet& labels) const { return Matches(LabelValue(labels, name_)); }
  Op op() const { return op_; }
  bool is_equal() const { return op_ == Op::kEqual || op_ == Op::kRegex; }
  bool is_regex() const { return op_ == Op::kRegex || op_ == Op::kNotRegex; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  // name="value"; part of every route and group key.
  std::string ToString() const;

  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.op_ == b.op_ && a.name_ == b.name_ && a.value_ == b.value_;
  }
  // By name, value, operator.
  friend std::strong_ordering operator<=>(const Matcher& a, const Matcher& b);

 private:
  Matcher(Op op, std::string_view name, std::string_view value)
      : op_(op), name_(name), value_(value) {}
  Op op_;
  std::string name_, value_;
  std::optional<base::Regex> regex_;
};

using Matchers = std::vector<Matcher>;

std::string_view OpString(Matcher::Op op);
bool MatchesAll(const Matchers& matchers, const LabelSet& labels);
// {a="b",c=~"d"}: no blank after the comma.
std::string MatchersString(const Matchers& matchers);

// A comma-separated list, with or without braces; may be empty.
absl::StatusOr<Matchers> ParseMatchers(std::string_view text);
// Exactly one, without braces: what API filters and command-line arguments are made of.
absl::StatusOr<Matcher> ParseMatcher(std::string_view text);

// The two grammars by themselves (matcher_utf8.cc, matcher_classic.cc).
absl::StatusOr<Matchers> ParseUtf8Matchers(std::string_view text);
absl::StatusOr<Matchers> ParseClassicMatchers(std::string_view text);
absl::StatusOr<Matcher> ParseClassicMatcher(std::string_view text);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_MATCHER_H_
