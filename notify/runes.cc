#include "notify/runes.h"

#include <iterator>

namespace slowburn::notify {
namespace {

struct Range {
  char32_t first, last;
};

constexpr bool InAny(const Range* begin, const Range* end, char32_t rune) {
  for (const Range* r = begin; r != end; ++r) {
    if (rune >= r->first && rune <= r->last) return true;
  }
  return false;
}

// Controls, formats, separators other than the blank, surrogates, private use.
constexpr Range kUnprintable[] = {
    {0x00, 0x1F},        {0x7F, 0xA0},       {0xAD, 0xAD},       {0x600, 0x605},
    {0x61C, 0x61C},      {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x1680, 0x1680},
    {0x180E, 0x180E},    {0x2000, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F},
    {0x3000, 0x3000},    {0xD800, 0xF8FF},   {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},
    {0xFFFE, 0xFFFF},    {0x110BD, 0x110BD}, {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF},
    {0xE01F0, 0x10FFFF},
};

}  // namespace

Rune DecodeRune(std::string_view text, size_t offset) {
  if (offset >= text.size()) return {0, 0, true};
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const size_t width = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  constexpr Rune kBad{kBadRune, 1, false};
  if (lead < 0xC2 || lead > 0xF4 || offset + width > text.size()) return kBad;
  char32_t value = lead & (0xFFu >> (width + 1));
  for (size_t i = 1; i < width; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kBad;
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[width] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
    return kBad;
  return {value, width, true};
}

void AppendRune(std::string& out, char32_t rune) {
  if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) rune = kBadRune;
  if (rune < 0x80) {
    out += char(rune);
  } else if (rune < 0x800) {
    out += {char(0xC0 | (rune >> 6)), char(0x80 | (rune & 0x3F))};
  } else if (rune < 0x10000) {
    out +=
        {char(0xE0 | (rune >> 12)), char(0x80 | ((rune >> 6) & 0x3F)), char(0x80 | (rune & 0x3F))};
  } else {
    out += {char(0xF0 | (rune >> 18)), char(0x80 | ((rune >> 12) & 0x3F)),
            char(0x80 | ((rune >> 6) & 0x3F)), char(0x80 | (rune & 0x3F))};
  }
}

bool IsSpaceRune(char32_t rune) {
  constexpr Range kSpaces[] = {
      {'\t', '\r'},     {' ', ' '},       {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
      {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
  return InAny(std::begin(kSpaces), std::end(kSpaces), rune);
}

bool IsPrintableRune(char32_t rune) {
  return !InAny(std::begin(kUnprintable), std::end(kUnprintable), rune);
}

}  // namespace slowburn::notify
