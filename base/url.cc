#include "base/url.h"

#include "absl/strings/ascii.h"

namespace slowburn::base {

void AppendEscaped(std::string& out, std::string_view text, std::string_view safe) {
  constexpr std::string_view kHex = "0123456789ABCDEF", kUnreserved = "-_.~";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || kUnreserved.find(c) != kUnreserved.npos ||
        safe.find(c) != safe.npos) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
}

std::string EscapeQuery(std::string_view text) {
  std::string out;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t blank = text.find(' ', begin);
    AppendEscaped(out, text.substr(begin, blank - begin));
    if (blank == text.npos) break;
    out += '+';
    begin = blank + 1;
  }
  return out;
}

}  // namespace slowburn::base
