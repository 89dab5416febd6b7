#include "ingest/letter_case.h"

#include <locale.h>
#include <wctype.h>
#include <cstdint>

#include "absl/strings/ascii.h"

namespace slowburn::ingest {
namespace {

// The C.UTF-8 locale is part of glibc itself; its tables are Unicode's. Null on a system without
// it: ASCII then.
locale_t Unicode() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

// Length of the character at the start of `text`, 0 when it is not valid.
size_t Decode(std::string_view text, uint32_t& out) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80       ? 1
                        : first >> 5 == 6  ? 2
                        : first >> 4 == 14 ? 3
                        : first >> 3 == 30 ? 4
                                           : 0;
  if (length == 0 || length > text.size()) return 0;
  out = length == 1 ? first : first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) return 0;
    out = out << 6 | (byte(i) & 0x3f);
  }
  return length;
}

void Encode(uint32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

template <typename AsciiMap, typename WideMap>
std::string Map(std::string_view text, AsciiMap ascii, WideMap wide) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    uint32_t c = 0;
    const size_t length = Decode(text.substr(i), c);
    if (length <= 1 || Unicode() == nullptr) {
      out += length == 1 ? ascii(static_cast<unsigned char>(text[i])) : text[i];
      ++i;
      continue;
    }
    Encode(static_cast<uint32_t>(wide(static_cast<wint_t>(c), Unicode())), out);
    i += length;
  }
  return out;
}

}  // namespace

std::string ToLowerUtf8(std::string_view text) {
  return Map(text, absl::ascii_tolower, towlower_l);
}

std::string ToUpperUtf8(std::string_view text) {
  return Map(text, absl::ascii_toupper, towupper_l);
}

}  // namespace slowburn::ingest
