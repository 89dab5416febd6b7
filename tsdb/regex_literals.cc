#include "tsdb/regex_literals.h"

#include <algorithm>
#include <utility>

#include "tsdb/labels.h"

namespace slowburn::tsdb {
namespace {

using Literals = std::vector<std::string>;

constexpr std::string_view kMeta = "\\.+*?()|[]{}^$";
constexpr int kMaxDepth = 32;

bool IsMeta(char c) { return kMeta.find(c) != std::string_view::npos; }
bool IsQuantifier(char c) { return c == '*' || c == '+' || c == '?' || c == '{'; }
bool IsPunctuation(char c) {
  return c > ' ' && c < 0x7F && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
         !(c >= 'a' && c <= 'z');
}

// Reads one literal character, plain or escaped, from the front. False when there is none.
bool TakeLiteral(std::string_view& rest, std::string& out) {
  if (rest.empty()) return false;
  if (rest[0] == '\\') {
    if (rest.size() < 2 || !IsPunctuation(rest[1])) return false;  // \d, \Q and the like
    out = rest.substr(1, 1);
    rest.remove_prefix(2);
    return true;
  }
  if (IsMeta(rest[0])) return false;
  size_t length = 1;
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80)
    ++length;
  out = rest.substr(0, length);
  rest.remove_prefix(length);
  return true;
}

// Every string that a pattern of literals, groups, small classes, alternations and `?` matches.
class Enumerator {
 public:
  explicit Enumerator(std::string_view pattern) : rest_(pattern) {}

  bool Run(Literals& out) { return Alternation(out, 0) && rest_.empty(); }

 private:
  bool At(char c) const { return !rest_.empty() && rest_[0] == c; }
  bool Take(char c) {
    if (!At(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool Alternation(Literals& out, int depth) {
    if (depth > kMaxDepth) return false;
    do {
      Literals branch;
      if (!Concatenation(branch, depth)) return false;
      out.insert(out.end(), branch.begin(), branch.end());
      if (out.size() > kMaxRegexLiterals) return false;
    } while (Take('|'));
    return true;
  }

  bool Concatenation(Literals& out, int depth) {
    out.assign(1, "");
    while (!rest_.empty() && !At('|') && !At(')')) {
      Literals factor;
      if (!Factor(factor, depth)) return false;
      if (Take('?')) factor.emplace_back();
      if (!rest_.empty() && IsQuantifier(rest_[0])) return false;
      if (out.size() * factor.size() > kMaxRegexLiterals) return false;
      Literals product;
      product.reserve(out.size() * factor.size());
      for (const std::string& head : out) {
        for (const std::string& tail : factor) product.push_back(head + tail);
      }
      out = std::move(product);
    }
    return true;
  }

  bool Factor(Literals& out, int depth) {
    if (Take('(')) {
      if (Take('?') && !Take(':')) return false;
      return Alternation(out, depth + 1) && Take(')');
    }
    if (Take('[')) return Class(out);
    return TakeLiteral(rest_, out.emplace_back());
  }

  bool ClassChar(char& c) {
    if (rest_.empty()) return false;
    const bool escaped = Take('\\');
    if (rest_.empty()) return false;
    c = rest_[0];
    const bool plain =
        c > ' ' && c < 0x7F && std::string_view("[]^-\\").find(c) == std::string_view::npos;
    if (escaped ? !IsPunctuation(c) : !plain) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool Class(Literals& out) {
    do {
      char first = 0, last = 0;
      if (!ClassChar(first)) return false;
      last = first;
      if (Take('-') && !ClassChar(last)) return false;
      if (last < first) return false;
      for (int c = first; c <= last; ++c) out.emplace_back(1, static_cast<char>(c));
    } while (!Take(']'));
    return true;
  }

  std::string_view rest_;
};

// ^ at the front and $ at the back say what anchoring says already.
std::string_view WithoutAnchors(std::string_view pattern) {
  if (!pattern.empty() && pattern.front() == '^') pattern.remove_prefix(1);
  if (!pattern.empty() && pattern.back() == '$') {
    size_t backslashes = 0;
    while (backslashes + 1 < pattern.size() && pattern[pattern.size() - 2 - backslashes] == '\\')
      ++backslashes;
    if (backslashes % 2 == 0) pattern.remove_suffix(1);
  }
  return pattern;
}

bool HasTopLevelAlternation(std::string_view pattern) {
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      if (i + 1 < pattern.size() && pattern[i + 1] == 'Q')
        return true;  // quoted text: not looked into
      ++i;
    } else if (c == '[') {
      i += pattern.substr(i + 1).starts_with('^') ? 2 : 1;
      while (++i < pattern.size() && pattern[i] != ']') i += pattern[i] == '\\';
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '|' && depth <= 0) {
      return true;
    }
  }
  return false;
}

std::string LiteralPrefix(std::string_view rest) {
  std::string prefix, next;
  if (HasTopLevelAlternation(rest)) return prefix;
  while (TakeLiteral(rest, next)) {
    if (!rest.empty() && IsQuantifier(rest[0]) && rest[0] != '+') break;
    prefix += next;
    if (!rest.empty() && rest[0] == '+') break;
  }
  return prefix;
}

RegexShape::Wild TakeWild(std::string_view& rest) {
  using Wild = RegexShape::Wild;
  const Wild wild = rest.starts_with(".*")   ? Wild::kAny
                    : rest.starts_with(".+") ? Wild::kSome
                                             : Wild::kNone;
  if (wild != Wild::kNone) rest.remove_prefix(2);
  return wild;
}

std::optional<RegexShape> FindShape(std::string_view rest) {
  RegexShape shape;
  std::string next;
  shape.before = TakeWild(rest);
  while (TakeLiteral(rest, next)) {
    shape.literal += next;
    if (!rest.empty() && IsQuantifier(rest[0])) return std::nullopt;
  }
  shape.after = TakeWild(rest);
  if (!rest.empty()) return std::nullopt;
  using Wild = RegexShape::Wild;
  // .+.+ wants two characters, which may be one byte each or more: not for a comparison of bytes.
  if (shape.literal.empty() && shape.before == Wild::kSome && shape.after == Wild::kSome)
    return std::nullopt;
  return shape;
}

}  // namespace

bool RegexShape::Matches(std::string_view value) const {
  const size_t least_before = before == Wild::kSome, least_after = after == Wild::kSome;
  if (value.size() < literal.size() + least_before + least_after) return false;
  if (before == Wild::kNone)
    return value.starts_with(literal) && (after != Wild::kNone || value == literal);
  if (after == Wild::kNone) return value.ends_with(literal);
  value.remove_prefix(least_before);
  value.remove_suffix(least_after);
  return value.find(literal) != std::string_view::npos;
}

RegexLiterals FindLiterals(std::string_view pattern) {
  RegexLiterals found;
  if (!IsValidUtf8(pattern)) return found;
  const std::string_view body = WithoutAnchors(pattern);
  if (Enumerator(body).Run(found.set)) {
    std::sort(found.set.begin(), found.set.end());
    found.set.erase(std::unique(found.set.begin(), found.set.end()), found.set.end());
    return found;
  }
  found.set.clear();
  found.shape = FindShape(body);
  found.prefix = LiteralPrefix(body);
  return found;
}

}  // namespace slowburn::tsdb
