#include "tsdb/matcher.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kLinearSearchMax = 8;

std::string_view OpText(Matcher::Op op) {
  switch (op) {
    case Matcher::Op::kEqual:
      return "=";
    case Matcher::Op::kNotEqual:
      return "!=";
    case Matcher::Op::kRegex:
      return "=~";
    case Matcher::Op::kNotRegex:
      return "!~";
  }
  return "?";
}

}  // namespace

absl::StatusOr<Matcher> Matcher::Create(Op op, std::string_view name, std::string_view value) {
  Matcher matcher(op, name, value);
  if (op == Op::kEqual || op == Op::kNotEqual) return matcher;
  RegexLiterals found = FindLiterals(value);
  matcher.set_matches_ = std::move(found.set);
  matcher.prefix_ = std::move(found.prefix);
  matcher.shape_ = std::move(found.shape);
  if (matcher.set_matches_.empty() && !matcher.shape_.has_value()) {
    ASSIGN_OR_RETURN(matcher.regex_, base::Regex::Compile(value));
  }
  return matcher;
}

Matcher Matcher::Equal(std::string_view name, std::string_view value) {
  return Matcher(Op::kEqual, name, value);
}

bool Matcher::Matches(std::string_view value) const {
  switch (op_) {
    case Op::kEqual:
      return value == value_;
    case Op::kNotEqual:
      return value != value_;
    case Op::kRegex:
      return MatchesPattern(value);
    case Op::kNotRegex:
      return !MatchesPattern(value);
  }
  return false;
}

bool Matcher::MatchesPattern(std::string_view value) const {
  if (set_matches_.size() > kLinearSearchMax) {
    return std::binary_search(set_matches_.begin(), set_matches_.end(), value);
  }
  if (!set_matches_.empty())
    return std::find(set_matches_.begin(), set_matches_.end(), value) != set_matches_.end();
  if (shape_.has_value()) return shape_->Matches(value);
  return value.starts_with(prefix_) && regex_->Matches(value);
}

std::string Matcher::ToString() const {
  std::string out;
  if (IsLegacyLabelName(name_)) {
    out = name_;
  } else {
    AppendQuoted(out, name_);
  }
  out += OpText(op_);
  AppendQuoted(out, value_);
  return out;
}

bool MatchesAll(const Matchers& matchers, const Labels& labels) {
  return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
    return matcher.Matches(labels.Get(matcher.name()));
  });
}

}  // namespace slowburn::tsdb
