#include "query/parser/quote.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>

namespace slowburn::query {
namespace {

struct RuneRange {
  char32_t first, last;
};

// What Go's strconv.IsPrint refuses beyond ASCII, by block: controls, separators other than the
// ASCII space, format characters, surrogates, private use and non-characters. Single unassigned
// code points inside blocks count as printable.
constexpr RuneRange kNotPrintable[] = {
    {0x80, 0xA0},       {0xAD, 0xAD},        {0x600, 0x605},     {0x61C, 0x61C},
    {0x6DD, 0x6DD},     {0x70F, 0x70F},      {0x1680, 0x1680},   {0x180E, 0x180E},
    {0x2000, 0x200F},   {0x2028, 0x202F},    {0x205F, 0x206F},   {0x3000, 0x3000},
    {0xD800, 0xF8FF},   {0xFEFF, 0xFEFF},    {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},
    {0x110BD, 0x110BD}, {0x1D173, 0x1D17A},  {0x1FFFE, 0x1FFFF}, {0x2FFFE, 0x2FFFF},
    {0x323B0, 0xE00FF}, {0xE01F0, 0x10FFFF},
};

bool IsPrintable(char32_t rune) {
  if (rune < 0x80) return rune >= 0x20 && rune != 0x7F;
  return std::none_of(std::begin(kNotPrintable), std::end(kNotPrintable),
                      [&](const RuneRange& r) { return rune >= r.first && rune <= r.last; });
}

void AppendHex(std::string& out, const char* format, uint32_t value) {
  char buffer[16];
  out.append(buffer, size_t(std::snprintf(buffer, sizeof buffer, format, value)));
}

// The letter after the backslash, 0 if the character has no short escape.
char ShortEscape(char32_t rune) {
  switch (rune) {
    case '\a':
      return 'a';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\v':
      return 'v';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

void AppendQuoted(std::string& out, std::string_view text, const Rune& rune, char quote) {
  if (!rune.valid) {
    AppendHex(out, "\\x%02x", uint8_t(text[0]));
  } else if (rune.code == char32_t(quote)) {
    out += {'\\', quote};
  } else if (const char letter = ShortEscape(rune.code); letter != 0) {
    out += {'\\', letter};
  } else if (IsPrintable(rune.code)) {
    out += text.substr(0, rune.size);
  } else if (rune.code < 0x80) {
    AppendHex(out, "\\x%02x", uint32_t(rune.code));
  } else if (rune.code < 0x10000) {
    AppendHex(out, "\\u%04x", uint32_t(rune.code));
  } else {
    AppendHex(out, "\\U%08x", uint32_t(rune.code));
  }
}

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

// Reads `digits` digits at `pos` and moves it; false when there are not as many.
bool ReadDigits(std::string_view text, size_t& pos, int digits, int base, uint32_t& value) {
  value = 0;
  for (int i = 0; i < digits; ++i, ++pos) {
    if (pos >= text.size() || DigitValue(text[pos]) >= base) return false;
    value = value * uint32_t(base) + uint32_t(DigitValue(text[pos]));
  }
  return true;
}

// text[pos] is the character after the backslash.
bool AppendEscape(std::string& out, std::string_view text, size_t& pos, char quote) {
  if (pos >= text.size()) return false;
  const char c = text[pos];
  uint32_t value = 0;
  if (c >= '0' && c <= '7') {
    if (!ReadDigits(text, pos, 3, 8, value) || value > 255) return false;
    out += char(value);
    return true;
  }
  ++pos;
  switch (c) {
    case 'a':
      out += '\a';
      return true;
    case 'b':
      out += '\b';
      return true;
    case 'f':
      out += '\f';
      return true;
    case 'n':
      out += '\n';
      return true;
    case 'r':
      out += '\r';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'v':
      out += '\v';
      return true;
    case '\\':
      out += '\\';
      return true;
    case 'x':
      if (!ReadDigits(text, pos, 2, 16, value)) return false;
      out += char(value);
      return true;
    case 'u':
    case 'U':
      if (!ReadDigits(text, pos, c == 'u' ? 4 : 8, 16, value)) return false;
      if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return false;
      AppendRune(out, char32_t(value));
      return true;
    default:
      if (c != quote) return false;
      out += c;
      return true;
  }
}

}  // namespace

void AppendRune(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += char(code);
  } else if (code < 0x800) {
    out += {char(0xC0 | (code >> 6)), char(0x80 | (code & 0x3F))};
  } else if (code < 0x10000) {
    out +=
        {char(0xE0 | (code >> 12)), char(0x80 | ((code >> 6) & 0x3F)), char(0x80 | (code & 0x3F))};
  } else {
    out += {char(0xF0 | (code >> 18)), char(0x80 | ((code >> 12) & 0x3F)),
            char(0x80 | ((code >> 6) & 0x3F)), char(0x80 | (code & 0x3F))};
  }
}

Rune DecodeRune(std::string_view text) {
  if (text.empty()) return {0, 0, false};
  const auto byte = [&](size_t i) { return uint8_t(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
  char32_t code = lead & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {};
  return {code, size, true};
}

std::string GoQuote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  while (!text.empty()) {
    const Rune rune = DecodeRune(text);
    AppendQuoted(out, text, rune, '"');
    text.remove_prefix(rune.size);
  }
  out += '"';
  return out;
}

std::string GoQuoteRune(std::string_view text) {
  std::string out = "'";
  const Rune rune = DecodeRune(text);
  if (rune.valid) {
    AppendQuoted(out, text, rune, '\'');
  } else {
    AppendRune(out, 0xFFFD);
  }
  out += '\'';
  return out;
}

std::optional<std::string> GoUnquote(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != literal.back()) return std::nullopt;
  const char quote = literal.front();
  const std::string_view inner = literal.substr(1, literal.size() - 2);
  if (quote == '`') {
    if (inner.find('`') != std::string_view::npos) return std::nullopt;
    return std::string(inner);
  }
  if (quote != '"' && quote != '\'') return std::nullopt;
  std::string out;
  out.reserve(inner.size());
  for (size_t pos = 0; pos < inner.size();) {
    const char c = inner[pos];
    if (c == quote || c == '\n') return std::nullopt;
    ++pos;
    if (c != '\\') {
      out += c;
    } else if (!AppendEscape(out, inner, pos, quote)) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace slowburn::query
