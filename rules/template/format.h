// Go's fmt for template values: Sprint, Sprintln and Sprintf with its verbs and its way of printing
// mistakes (%!d(string=hi), %!(EXTRA int=1)).
//
// Errors: kResourceExhausted when the text would be longer than kMaxTemplateOutputBytes.
// Threads: stateless.
#ifndef SLOWBURN_RULES_TEMPLATE_FORMAT_H_
#define SLOWBURN_RULES_TEMPLATE_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "rules/template/value.h"

namespace slowburn::rules {

// Spaces between operands that are no strings.
absl::StatusOr<std::string> Sprint(TemplateArgs args);
absl::StatusOr<std::string> Sprintln(TemplateArgs args);  // spaces between all
absl::StatusOr<std::string> Sprintf(std::string_view format, TemplateArgs args);

// As an action {{value}} writes it: Sprint, but nil is "<no value>".
absl::Status AppendAction(std::string& out, const TemplateValue& value);

// Go's %.4g and %v of a float.
std::string FormatG(double value, int precision);
std::string FormatV(double value);

// A Go string literal with double quotes (strconv.Quote).
std::string QuoteGo(std::string_view text);

// One UTF-8 sequence from the front of `text`: its code point and length. Bad bytes give 0xFFFD and
// length 1.
struct DecodedRune {
  uint32_t rune = 0xFFFD;
  size_t length = 1;
};
DecodedRune DecodeRune(std::string_view text);
void AppendRune(std::string& out, uint32_t rune);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_FORMAT_H_
