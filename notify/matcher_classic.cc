// The classic grammar: a legacy label name, an operator, and a value that may be bare, quoted or
// missing.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "notify/matcher.h"
#include "notify/runes.h"

namespace slowburn::notify {
namespace {

constexpr std::string_view kBlanks = "\t\n\f\r ";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string_view TrimUnicode(std::string_view text) {
  size_t begin = 0, end = 0;
  bool seen = false;
  for (size_t i = 0; i < text.size();) {
    const Rune rune = DecodeRune(text, i);
    if (!IsSpaceRune(rune.value)) {
      if (!seen) begin = i;
      seen = true;
      end = i + rune.width;
    }
    i += rune.width;
  }
  return text.substr(begin, end - begin);
}

absl::Status Bad(std::string_view what, std::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(what), ": ", std::string(text)));
}

bool IsNameChar(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         (!first && c >= '0' && c <= '9');
}

// \" \n \\ are escapes, any other backslash stands for itself. A quote may stand only at both ends.
absl::StatusOr<std::string> UnescapeValue(std::string_view given) {
  std::string_view raw = given;
  const bool quoted = raw.starts_with('"');
  if (quoted) raw.remove_prefix(1);
  if (!IsUtf8(raw)) return Bad("matcher value is not valid UTF-8", given);
  std::string value;
  bool closed = !quoted;
  for (size_t i = 0; i < raw.size(); ++i) {
    const bool last = i + 1 == raw.size();
    if (raw[i] == '\\' && !last) {
      const char next = raw[++i];
      if (next == 'n') {
        value += '\n';
      } else {
        if (next != '"' && next != '\\') value += '\\';
        value += next;
      }
    } else if (raw[i] == '"') {
      if (!quoted || !last)
        return Bad("matcher value has a double quote without a backslash", given);
      closed = true;
    } else {
      value += raw[i];
    }
  }
  if (!closed) return Bad("matcher value lacks its closing double quote", given);
  return value;
}

}  // namespace

absl::StatusOr<Matcher> ParseClassicMatcher(std::string_view text) {
  std::string_view rest = text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
  size_t length = 0;
  while (length < rest.size() && IsNameChar(rest[length], length == 0)) ++length;
  const std::string_view name = rest.substr(0, length);
  rest.remove_prefix(length);
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));

  Matcher::Op op = Matcher::Op::kEqual;
  size_t width = 0;
  for (const Matcher::Op candidate :
       {Matcher::Op::kRegex, Matcher::Op::kNotRegex, Matcher::Op::kNotEqual, Matcher::Op::kEqual}) {
    if (width == 0 && rest.starts_with(OpString(candidate))) {
      op = candidate;
      width = OpString(candidate).size();
    }
  }
  if (name.empty() || width == 0) return Bad("bad matcher format", text);
  ASSIGN_OR_RETURN(const std::string value, UnescapeValue(Trim(rest.substr(width))));
  return Matcher::Create(op, name, value);
}

absl::StatusOr<Matchers> ParseClassicMatchers(std::string_view text) {
  if (text.starts_with('{')) text.remove_prefix(1);
  if (text.ends_with('}')) text.remove_suffix(1);
  std::vector<std::string_view> parts;
  bool quoted = false, escaped = false;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' && !quoted) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
      continue;  // leaves `escaped` as it is, like the original
    }
    if (c == '"') {
      if (!escaped) quoted = !quoted;
      escaped = false;
    } else if (c == '\\') {
      escaped = !escaped;
    } else if (c != ',') {
      escaped = false;
    }
  }
  if (const std::string_view last = TrimUnicode(text.substr(begin)); !last.empty())
    parts.push_back(last);
  Matchers matchers;
  for (const std::string_view part : parts) {
    ASSIGN_OR_RETURN(Matcher matcher, ParseClassicMatcher(part));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

}  // namespace slowburn::notify
