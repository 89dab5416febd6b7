// Parts of URLs, escaped as Go's net/url escapes them.
#ifndef SLOWBURN_BASE_URL_H_
#define SLOWBURN_BASE_URL_H_

#include <string>
#include <string_view>

namespace slowburn::base {

// Everything but letters, digits, -_.~ and what is in `safe`, in hexadecimal.
void AppendEscaped(std::string& out, std::string_view text, std::string_view safe = "");
// url.QueryEscape: the same with nothing safe, and a space is '+'.
std::string EscapeQuery(std::string_view text);

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_URL_H_
