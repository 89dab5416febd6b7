// Strings of PromQL, written and read as Go writes and reads its own.
//
// Threads: stateless.
#ifndef SLOWBURN_QUERY_PARSER_QUOTE_H_
#define SLOWBURN_QUERY_PARSER_QUOTE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace slowburn::query {

struct Rune {
  char32_t code = 0xFFFD;
  size_t size = 1;     // bytes; 0 at the end of the text
  bool valid = false;  // false: not UTF-8, one byte is skipped
};
// The first rune of `text`.
Rune DecodeRune(std::string_view text);

// As UTF-8. REQUIRES: a valid code point.
void AppendRune(std::string& out, char32_t code);

// "…" with Go's escapes: \n, \x00, \u2028; bytes that are no UTF-8 become \xff.
std::string GoQuote(std::string_view text);
// One rune in single quotes, as %q prints it; '�' for what is no UTF-8.
std::string GoQuoteRune(std::string_view text);

// The value of a literal with its quotes: "…" and '…' with escapes, `…` without. nullopt when it is
// malformed. \x and octal escapes give single bytes, so the value may be no UTF-8.
std::optional<std::string> GoUnquote(std::string_view literal);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_QUOTE_H_
