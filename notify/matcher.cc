#include "notify/matcher.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "notify/runes.h"

namespace slowburn::notify {
namespace {

bool NeedsQuotes(std::string_view name) {
  for (size_t i = 0; i < name.size();) {
    const Rune rune = DecodeRune(name, i);
    if (IsSpaceRune(rune.value)) return true;
    if (rune.width == 1 &&
        std::string_view("{}!=~,\\\"'`").find(name[i]) != std::string_view::npos) {
      return true;
    }
    i += rune.width;
  }
  return false;
}

std::string OpenMetricsEscape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

// Both grammars failed: the format first, then where the UTF-8 one stumbled.
absl::Status BadFormat(std::string_view text, const absl::Status& why) {
  return absl::InvalidArgumentError(absl::StrCat("bad matcher format: ", std::string(text), " (",
                                                 std::string(why.message()), ")"));
}

void WarnDisagreement(std::string_view text, const Matchers& classic) {
  base::Warn(
      "matcher means different things to the two grammars, the classic one was taken; quote its "
      "value",
      {{"matcher", text}, {"taken_as", MatchersString(classic)}});
}

}  // namespace

absl::StatusOr<Matcher> Matcher::Create(Op op, std::string_view name, std::string_view value) {
  Matcher matcher(op, name, value);
  if (matcher.is_regex()) {
    // Unanchored, because the anchored form of base::Regex lets the dot match a newline.
    ASSIGN_OR_RETURN(matcher.regex_, base::Regex::CompileUnanchored(
                                         absl::StrCat("^(?-s:", std::string(value), ")$")));
  }
  return matcher;
}

bool Matcher::Matches(std::string_view value) const {
  switch (op_) {
    case Op::kEqual:
      return value == value_;
    case Op::kNotEqual:
      return value != value_;
    case Op::kRegex:
      return regex_->Matches(value);
    case Op::kNotRegex:
      return !regex_->Matches(value);
  }
  return false;
}

std::string Matcher::ToString() const {
  const std::string op(OpString(op_));
  if (NeedsQuotes(name_)) return absl::StrCat(GoQuote(name_), op, GoQuote(value_));
  return absl::StrCat(name_, op, "\"", OpenMetricsEscape(value_), "\"");
}

std::strong_ordering operator<=>(const Matcher& a, const Matcher& b) {
  if (const auto order = a.name_ <=> b.name_; order != 0) return order;
  if (const auto order = a.value_ <=> b.value_; order != 0) return order;
  return a.op_ <=> b.op_;
}

std::string_view OpString(Matcher::Op op) {
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

bool MatchesAll(const Matchers& matchers, const LabelSet& labels) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& matcher) { return matcher.MatchesLabels(labels); });
}

std::string MatchersString(const Matchers& matchers) {
  std::string out = "{";
  for (const Matcher& matcher : matchers) {
    if (out.size() > 1) out += ',';
    out += matcher.ToString();
  }
  out += '}';
  return out;
}

absl::StatusOr<Matchers> ParseMatchers(std::string_view text) {
  absl::StatusOr<Matchers> utf8 = ParseUtf8Matchers(text);
  absl::StatusOr<Matchers> classic = ParseClassicMatchers(text);
  if (!classic.ok()) return utf8.ok() ? std::move(utf8) : BadFormat(text, utf8.status());
  if (utf8.ok() && *utf8 != *classic) WarnDisagreement(text, *classic);
  return classic;
}

absl::StatusOr<Matcher> ParseMatcher(std::string_view text) {
  if (text.starts_with('{') || text.ends_with('}')) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected open or close brace: ", std::string(text)));
  }
  absl::StatusOr<Matchers> utf8 = ParseUtf8Matchers(text);
  if (utf8.ok() && utf8->size() != 1) {
    utf8 = absl::InvalidArgumentError(absl::StrCat("expected 1 matcher, found ", utf8->size()));
  }
  absl::StatusOr<Matcher> classic = ParseClassicMatcher(text);
  if (classic.ok()) {
    if (utf8.ok() && utf8->front() != *classic) WarnDisagreement(text, {*classic});
    return classic;
  }
  if (utf8.ok()) return std::move(utf8->front());
  return BadFormat(text, utf8.status());
}

}  // namespace slowburn::notify
