// Matcher: one condition on one label. An absent label has the value "".
//
// Threads: immutable; copies share the compiled regex.
#ifndef SLOWBURN_TSDB_MATCHER_H_
#define SLOWBURN_TSDB_MATCHER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/regex.h"
#include "tsdb/labels.h"
#include "tsdb/regex_literals.h"

namespace slowburn::tsdb {

class Matcher {
 public:
  enum class Op { kEqual, kNotEqual, kRegex, kNotRegex };

  // kInvalidArgument: the regex does not compile.
  static absl::StatusOr<Matcher> Create(Op op, std::string_view name, std::string_view value);
  static Matcher Equal(std::string_view name, std::string_view value);

  bool Matches(std::string_view value) const;
  bool MatchesEmpty() const { return Matches(""); }

  Op op() const { return op_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  // For a regex that is an alternation of literals (a|b|c): the literals; otherwise empty. Lets the
  // index look up values.
  const std::vector<std::string>& set_matches() const { return set_matches_; }
  // For any other regex: what every value that it matches begins with; may be empty.
  const std::string& prefix() const { return prefix_; }
  // name="value", quoted as PromQL wants it.
  std::string ToString() const;

  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.op_ == b.op_ && a.name_ == b.name_ && a.value_ == b.value_;
  }

 private:
  Matcher(Op op, std::string_view name, std::string_view value)
      : op_(op), name_(name), value_(value) {}
  bool MatchesPattern(std::string_view value) const;

  Op op_;
  std::string name_, value_;
  // For kRegex and kNotRegex that neither a set nor a shape answers.
  std::optional<base::Regex> regex_;
  std::vector<std::string> set_matches_;  // sorted, unique
  std::string prefix_;
  std::optional<RegexShape> shape_;  // the pattern is [.*|.+] literal [.*|.+]: no regex is run
};

using Matchers = std::vector<Matcher>;

bool MatchesAll(const Matchers& matchers, const Labels& labels);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_MATCHER_H_
