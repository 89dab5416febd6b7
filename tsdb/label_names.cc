// What names may look like, and how text is quoted.
#include <cstdint>

#include "tsdb/labels.h"

namespace slowburn::tsdb {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Length of the valid UTF-8 sequence at the front of `text` (its code point in `rune`), 0 if there
// is none.
size_t DecodeRune(std::string_view text, uint32_t& rune) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return rune = lead, 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  rune = lead & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
    rune = rune << 6 | (at(i) & 0x3F);
  }
  const bool overlong = (length == 3 && rune < 0x800) || (length == 4 && rune < 0x10000);
  const bool surrogate = rune >= 0xD800 && rune <= 0xDFFF;
  return overlong || surrogate || rune > 0x10FFFF ? 0 : length;
}

// The code points above ASCII that Go writes as escapes, as far as they occur: controls,
// separators, marks of direction, the byte order mark and what is not assigned for interchange.
bool IsUnprintable(uint32_t rune) {
  return (rune >= 0x80 && rune <= 0xA0) || rune == 0xAD || (rune >= 0x2000 && rune <= 0x200F) ||
         (rune >= 0x2028 && rune <= 0x202F) || (rune >= 0x205F && rune <= 0x206F) ||
         rune == 0x3000 || (rune >= 0xE000 && rune <= 0xF8FF) || rune == 0xFEFF ||
         (rune >= 0xFFF0 && rune <= 0xFFFB) || (rune & 0xFFFE) == 0xFFFE || rune >= 0xE0000;
}

void AppendHex(std::string& out, uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += "0123456789abcdef"[value >> shift & 0xF];
}

void AppendAsciiEscaped(std::string& out, char c) {
  static constexpr std::string_view kLetters = "abtnvfr";  // of the bytes 7 to 13
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c >= 7 && c <= 13) {
    out += '\\';
    out += kLetters[static_cast<size_t>(c - 7)];
  } else if (c < 0x20 || c == 0x7F) {
    out += "\\x";
    AppendHex(out, static_cast<unsigned char>(c), 2);
  } else {
    out += c;
  }
}

}  // namespace

bool IsLegacyLabelName(std::string_view name) {
  if (name.empty() || !IsLetter(name[0])) return false;
  for (const char c : name) {
    if (!IsLetter(c) && !IsDigit(c)) return false;
  }
  return true;
}

bool IsLegacyMetricName(std::string_view name) {
  if (name.empty() || IsDigit(name[0])) return false;
  for (const char c : name) {
    if (!IsLetter(c) && !IsDigit(c) && c != ':') return false;
  }
  return true;
}

bool IsValidUtf8(std::string_view text) {
  uint32_t rune = 0;
  while (!text.empty()) {
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const size_t length = DecodeRune(text, rune);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    uint32_t rune = 0;
    const size_t length = DecodeRune(text, rune);
    if (length == 1) {
      AppendAsciiEscaped(out, text[0]);
    } else if (length == 0) {
      out += "\\x";
      AppendHex(out, static_cast<unsigned char>(text[0]), 2);
    } else if (IsUnprintable(rune)) {
      out += rune > 0xFFFF ? "\\U" : "\\u";
      AppendHex(out, rune, rune > 0xFFFF ? 8 : 4);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

}  // namespace slowburn::tsdb
