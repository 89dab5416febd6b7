#include "base/regex.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "re2/re2.h"

namespace slowburn::base {
namespace {

// RE2's default of 8 MiB refuses long alternations.
constexpr int64_t kMaxProgramBytes = int64_t{64} << 20;
constexpr int kMaxGroups = 100;              // capture groups that a template can name

re2::StringPiece Piece(std::string_view s) { return {s.data(), s.size()}; }

absl::Status SyntaxError(std::string_view what, std::string_view where) {
  return absl::InvalidArgumentError(
      absl::StrCat("error parsing regexp: ", absl::string_view(what.data(), what.size()), ": `",
                   absl::string_view(where.data(), where.size()), "`"));
}

// RE2's error codes in the words of Go's regexp/syntax, which users know from Prometheus.
std::string_view GoWords(re2::RE2::ErrorCode code) {
  switch (code) {
    case re2::RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case re2::RE2::ErrorBadCharClass:
      return "invalid character class";
    case re2::RE2::ErrorBadCharRange:
      return "invalid character class range";
    case re2::RE2::ErrorMissingBracket:
      return "missing closing ]";
    case re2::RE2::ErrorMissingParen:
      return "missing closing )";
    case re2::RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case re2::RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case re2::RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case re2::RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case re2::RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case re2::RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case re2::RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case re2::RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case re2::RE2::ErrorPatternTooLarge:
      return "expression too large";
    default:
      return "internal error";
  }
}

// Turns Go's syntax into RE2's: (?<name> becomes (?P<name>, and \C, which Go does not know, is
// refused.
absl::StatusOr<std::string> ToRe2Syntax(std::string_view pattern) {
  std::string out;
  out.reserve(pattern.size() + 8);
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const std::string_view rest = pattern.substr(i);
    if (c == '\\' && i + 1 < pattern.size()) {
      if (pattern[i + 1] == 'C' && !in_class) return SyntaxError("invalid escape sequence", "\\C");
      if (pattern[i + 1] == 'Q' && !in_class) {  // literal text up to \E
        const size_t end = std::min(pattern.find("\\E", i + 2), pattern.size());
        out += pattern.substr(i, end - i);
        i = end - 1;
        continue;
      }
      out += pattern.substr(i, 2);
      ++i;
      continue;
    }
    if (in_class) {
      if (rest.starts_with("[:")) {  // [[:alpha:]]: its ] does not end the class
        const size_t end = rest.find(":]");
        if (end != std::string_view::npos) {
          out += rest.substr(0, end + 2);
          i += end + 1;
          continue;
        }
      }
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      // A ] that comes first stands for itself: []a] and [^]a].
      out += c;
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') out += pattern[++i];
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') out += pattern[++i];
      continue;
    } else if (rest.starts_with("(?<") && rest.size() > 3 && rest[3] != '=' && rest[3] != '!') {
      out += "(?P<";
      i += 2;
      continue;
    }
    out += c;
  }
  return out;
}

absl::StatusOr<std::shared_ptr<const re2::RE2>> CompileProgram(std::string_view pattern,
                                                               std::string_view before,
                                                               std::string_view after) {
  absl::StatusOr<std::string> syntax = ToRe2Syntax(pattern);
  if (!syntax.ok()) return syntax.status();
  std::string full;
  full.reserve(before.size() + syntax->size() + after.size());
  full.append(before).append(*syntax).append(after);
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxProgramBytes);
  if (!before.empty()) {
    // A pattern of its own must be one: x)|(y would close the group around it. It also gives the
    // better error text.
    const re2::RE2 bare(Piece(*syntax), options);
    if (!bare.ok()) return SyntaxError(GoWords(bare.error_code()), bare.error_arg());
  }
  auto program = std::make_shared<const re2::RE2>(Piece(full), options);
  if (!program->ok()) return SyntaxError(GoWords(program->error_code()), program->error_arg());
  // RE2 lets two groups have one name.
  if (syntax->find("(?P<") != std::string::npos &&
      program->NamedCapturingGroups().size() != program->CapturingGroupNames().size()) {
    return SyntaxError("duplicate capture group name", pattern);
  }
  return program;
}

using Groups = std::array<re2::StringPiece, kMaxGroups + 1>;

int GroupCount(const re2::RE2& program) {
  return std::min(program.NumberOfCapturingGroups(), kMaxGroups) + 1;
}

bool IsNameChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

// Reads the name after a $: name or {name}. False when it is malformed, and the $ stands for
// itself.
bool TakeName(std::string_view& rest, std::string_view& name) {
  std::string_view s = rest;
  const bool brace = s.starts_with('{');
  if (brace) s.remove_prefix(1);
  size_t length = 0;
  while (length < s.size() && IsNameChar(s[length])) ++length;
  if (length == 0) return false;
  name = s.substr(0, length);
  s.remove_prefix(length);
  if (brace) {
    if (!s.starts_with('}')) return false;
    s.remove_prefix(1);
  }
  rest = s;
  return true;
}

// The number of the group that `name` stands for; -1 when there is none.
int GroupNumber(const re2::RE2& program, std::string_view name) {
  constexpr int kMaxNumber = 100'000'000;
  int number = 0;
  for (const char c : name) {
    if (c < '0' || c > '9' || number >= kMaxNumber) {
      number = -1;
      break;
    }
    number = number * 10 + (c - '0');
  }
  if (name.size() > 1 && name[0] == '0') number = -1;
  if (number >= 0) return number;
  const auto& names = program.NamedCapturingGroups();
  const auto it = names.find(std::string(name));
  return it == names.end() ? -1 : it->second;
}

// Go's Regexp.expand.
void AppendExpanded(std::string& out, const re2::RE2& program, const Groups& groups,
                    int group_count, std::string_view replacement,
                    size_t max_bytes = std::string::npos) {
  for (;;) {
    const size_t dollar = replacement.find('$');
    out += replacement.substr(0, dollar);
    if (dollar == std::string_view::npos || out.size() > max_bytes) return;
    replacement.remove_prefix(dollar + 1);
    if (replacement.starts_with('$')) {
      out += '$';
      replacement.remove_prefix(1);
      continue;
    }
    std::string_view name;
    if (!TakeName(replacement, name)) {
      out += '$';
      continue;
    }
    const int group = GroupNumber(program, name);
    if (group >= 0 && group < group_count) {
      const re2::StringPiece& text = groups[static_cast<size_t>(group)];
      out.append(text.data() == nullptr ? "" : text.data(), text.size());
    }
  }
}

// Bytes of the character at the front of `text`; 1 where it is not valid UTF-8.
size_t CharWidth(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  const size_t width = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  if (width > text.size()) return 1;
  for (size_t i = 1; i < width; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 1;
  }
  return width;
}

}  // namespace

Regex::Regex(std::string pattern, std::shared_ptr<const re2::RE2> program)
    : pattern_(std::move(pattern)), program_(std::move(program)) {}

absl::StatusOr<Regex> Regex::Compile(std::string_view pattern) {
  auto program = CompileProgram(pattern, "^(?s:", ")$");
  if (!program.ok()) return program.status();
  return Regex(std::string(pattern), *std::move(program));
}

absl::StatusOr<Regex> Regex::CompileUnanchored(std::string_view pattern) {
  auto program = CompileProgram(pattern, "", "");
  if (!program.ok()) return program.status();
  return Regex(std::string(pattern), *std::move(program));
}

bool Regex::Matches(std::string_view text) const {
  return program_->Match(Piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

std::optional<std::string> Regex::Expand(std::string_view text,
                                         std::string_view replacement,
                                         size_t max_bytes) const {
  Groups groups;
  const int count = GroupCount(*program_);
  if (!program_->Match(Piece(text), 0, text.size(), re2::RE2::UNANCHORED, groups.data(), count)) {
    return std::nullopt;
  }
  std::string out;
  AppendExpanded(out, *program_, groups, count, replacement, max_bytes);
  return out;
}

std::string Regex::ReplaceAll(std::string_view text, std::string_view replacement) const {
  std::string out;
  Groups groups;
  const int count = GroupCount(*program_);
  size_t copied = 0;  // end of the last match: everything before it is in `out`
  for (size_t search = 0; search <= text.size();) {
    if (!program_->Match(Piece(text), search, text.size(), re2::RE2::UNANCHORED, groups.data(),
                         count)) {
      break;
    }
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = begin + groups[0].size();
    out += text.substr(copied, begin - copied);
    // An empty match right behind another one does not count.
    if (end > copied || begin == 0) AppendExpanded(out, *program_, groups, count, replacement);
    copied = end;
    const size_t step = search < text.size() ? CharWidth(text.substr(search)) : 1;
    search = std::max(search + step, end);
  }
  out += text.substr(std::min(copied, text.size()));
  return out;
}

}  // namespace slowburn::base
