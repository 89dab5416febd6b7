#include "rules/scalar_position.h"

#include <algorithm>

namespace slowburn::rules {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Byte offset of line and column (in characters, as libyaml counts).
size_t FileOffset(std::string_view text, int line, int column) {
  size_t at = 0;
  for (int i = 1; i < line; ++i) {
    const size_t newline = text.find('\n', at);
    if (newline == std::string_view::npos) return text.size();
    at = newline + 1;
  }
  for (int i = 1; i < column && at < text.size() && text[at] != '\n'; ++i) {
    ++at;
    while (at < text.size() && (text[at] & 0xc0) == 0x80) ++at;
  }
  return at;
}

// Past tags and anchors, and past what opens the scalar: a quote, or the header line of a block.
size_t ContentStart(std::string_view text, size_t at, char& style) {
  while (at < text.size() && (text[at] == '!' || text[at] == '&')) {
    while (at < text.size() && !IsSpace(text[at])) ++at;
    while (at < text.size() && IsSpace(text[at])) ++at;
  }
  style = at < text.size() ? text[at] : '\0';
  if (style == '\'' || style == '"') return at + 1;
  if (style == '|' || style == '>') {
    const size_t newline = text.find('\n', at);
    return newline == std::string_view::npos ? text.size() : newline + 1;
  }
  style = '\0';
  return at;
}

size_t EscapeLength(std::string_view escape) {  // begins with the backslash
  if (escape.size() < 2) return escape.size();
  const size_t digits = escape[1] == 'x' ? 2 : escape[1] == 'u' ? 4 : escape[1] == 'U' ? 8 : 0;
  return std::min(escape.size(), 2 + digits);
}

}  // namespace

size_t OffsetOf(std::string_view value, int line, int column) {
  size_t at = 0;
  for (int i = 1; i < line; ++i) {
    const size_t newline = value.find('\n', at);
    if (newline == std::string_view::npos) return value.size();
    at = newline + 1;
  }
  return std::min(value.size(), at + static_cast<size_t>(std::max(column, 1) - 1));
}

FilePosition PositionInScalar(std::string_view text, const base::YamlNode& scalar, size_t offset) {
  const FilePosition start{scalar.line, scalar.column};
  char style = '\0';
  size_t raw = ContentStart(text, FileOffset(text, scalar.line, scalar.column), style);
  const std::string_view value = scalar.scalar;
  for (size_t i = 0; i < std::min(offset, value.size()); ++i) {
    const char c = value[i];
    // Indentation and folded lines: blanks stand for blanks, however many.
    if (!IsSpace(c)) {
      while (raw < text.size() && IsSpace(text[raw])) ++raw;
    }
    if (raw >= text.size()) return start;
    if (style == '"' && text[raw] == '\\') {
      const size_t length = EscapeLength(text.substr(raw));
      raw += length;
      while (i + 1 < value.size() && (value[i + 1] & 0xc0) == 0x80)
        ++i;  // one escape, several bytes
    } else if (style == '\'' && c == '\'') {
      raw += 2;
    } else if (text[raw] == c) {
      ++raw;
    } else if (IsSpace(c)) {
      while (raw < text.size() && IsSpace(text[raw])) ++raw;
    } else {
      return start;
    }
  }
  if (offset < value.size() && !IsSpace(value[offset])) {
    while (raw < text.size() && IsSpace(text[raw])) ++raw;
  }
  const std::string_view before = text.substr(0, raw);
  const size_t newline = before.rfind('\n');
  return {static_cast<int>(1 + std::count(before.begin(), before.end(), '\n')),
          static_cast<int>(newline == std::string_view::npos ? raw + 1 : raw - newline)};
}

}  // namespace slowburn::rules
