// Runes: UTF-8 text one code point at a time, as Go's `range` over a string sees it.
#ifndef SLOWBURN_NOTIFY_RUNES_H_
#define SLOWBURN_NOTIFY_RUNES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slowburn::notify {

inline constexpr char32_t kBadRune = 0xFFFD;

struct Rune {
  char32_t value = 0;
  size_t width = 0;   // bytes; 0 at the end of the text
  bool valid = true;  // false: a stray byte, read as kBadRune of width 1
};
Rune DecodeRune(std::string_view text, size_t offset);
void AppendRune(std::string& out, char32_t rune);
bool IsSpaceRune(char32_t rune);      // Go's unicode.IsSpace
bool IsPrintableRune(char32_t rune);  // Go's strconv.IsPrint, coarse above Latin-1

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_RUNES_H_
