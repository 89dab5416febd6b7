#include "rules/template/format.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "rules/template/limits.h"

namespace slowburn::rules {
namespace {

using Kind = TemplateValue::Kind;

absl::Status TooLong() {
  return absl::ResourceExhaustedError(
      absl::StrCat("template output is longer than ", kMaxTemplateOutputBytes, " bytes"));
}

size_t RuneCount(std::string_view text) {
  size_t n = 0;
  while (!text.empty()) {
    text.remove_prefix(DecodeRune(text).length);
    ++n;
  }
  return n;
}

bool IsPrintable(uint32_t rune) {
  if (rune < 0x20 || rune == 0x7f) return false;
  if (rune < 0x7f) return true;
  if (rune < 0xa1 || rune == 0xad) return false;
  if (rune >= 0x2028 && rune <= 0x202e) return false;
  if (rune >= 0x200b && rune <= 0x200f) return false;
  if (rune >= 0xd800 && rune <= 0xf8ff) return false;
  return rune != 0xfeff && rune < 0x110000 && (rune & 0xfffe) != 0xfffe;
}

std::string QuoteWith(std::string_view text, char quote, bool ascii_only) {
  std::string out(1, quote);
  char hex[16];
  while (!text.empty()) {
    const DecodedRune d = DecodeRune(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    text.remove_prefix(d.length);
    if (d.rune == 0xFFFD && d.length == 1) {
      std::snprintf(hex, sizeof hex, "\\x%02x", byte);
      out += hex;
      continue;
    }
    if (d.rune == static_cast<unsigned char>(quote) || d.rune == '\\') {
      out += '\\';
      out += static_cast<char>(d.rune);
    } else if (IsPrintable(d.rune) && (!ascii_only || d.rune < 0x80)) {
      AppendRune(out, d.rune);
    } else {
      switch (d.rune) {
        case '\a':
          out += "\\a";
          break;
        case '\b':
          out += "\\b";
          break;
        case '\f':
          out += "\\f";
          break;
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        case '\v':
          out += "\\v";
          break;
        default:
          if (d.rune < 0x80) {
            std::snprintf(hex, sizeof hex, "\\x%02x", d.rune);
          } else if (d.rune < 0x10000) {
            std::snprintf(hex, sizeof hex, "\\u%04x", d.rune);
          } else {
            std::snprintf(hex, sizeof hex, "\\U%08x", d.rune);
          }
          out += hex;
      }
    }
  }
  out += quote;
  return out;
}

struct Flags {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  std::optional<int> width, precision;
};

// One Sprint or Sprintf under way.
class Printer {
 public:
  std::string Take() { return std::move(out_); }
  absl::Status status() const {
    return out_.size() > kMaxTemplateOutputBytes ? TooLong() : absl::OkStatus();
  }

  void Default(const TemplateValue& v) { Value(v, 'v', Flags{}, 0); }
  void Format(std::string_view format, TemplateArgs args);
  void Text(std::string_view text) { out_ += text; }

 private:
  bool Full() const { return out_.size() > kMaxTemplateOutputBytes; }
  void Pad(std::string_view text, const Flags& f);
  void Number(std::string text, const Flags& f);  // with sign, zero padding after it
  void Value(const TemplateValue& v, char32_t verb, const Flags& f, int depth);
  void Bad(const TemplateValue& v, char32_t verb);
  void Integer(const TemplateValue& v, char32_t verb, const Flags& f);
  void Float(const TemplateValue& v, char32_t verb, const Flags& f);
  void String(const TemplateValue& v, std::string_view text, char32_t verb, const Flags& f);
  void Sequence(const TemplateValue& v, char32_t verb, const Flags& f, int depth);

  std::string out_;
};

void Printer::Pad(std::string_view text, const Flags& f) {
  const size_t width = f.width ? static_cast<size_t>(*f.width) : 0;
  const size_t length = width > 0 ? RuneCount(text) : 0;
  const size_t fill = width > length ? width - length : 0;
  if (!f.minus) out_.append(fill, f.zero ? '0' : ' ');
  out_ += text;
  if (f.minus) out_.append(fill, ' ');
}

void Printer::Number(std::string text, const Flags& f) {
  const bool signed_text = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
  if (f.zero && !f.minus && f.width && static_cast<size_t>(*f.width) > text.size()) {
    text.insert(signed_text ? 1 : 0, static_cast<size_t>(*f.width) - text.size(), '0');
  }
  Flags plain = f;
  plain.zero = false;
  Pad(text, plain);
}

void Printer::Bad(const TemplateValue& v, char32_t verb) {
  out_ += "%!";
  AppendRune(out_, verb);
  out_ += '(';
  if (v.is_nil()) {
    out_ += "<nil>";
  } else {
    out_ += v.TypeName();
    out_ += '=';
    Value(v, 'v', Flags{}, 0);
  }
  out_ += ')';
}

std::string Radix(uint64_t magnitude, int base, bool upper) {
  char buffer[72];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr;
  std::string text(buffer, end);
  if (upper) {
    for (char& c : text) {
      if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
    }
  }
  return text;
}

void Printer::Integer(const TemplateValue& v, char32_t verb, const Flags& f) {
  const int64_t n = v.int_value();
  const uint64_t magnitude = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
  const bool upper = verb == 'X';
  std::string digits, prefix;
  switch (verb) {
    case 'v':
    case 'd':
      digits = Radix(magnitude, 10, false);
      break;
    case 'b':
      digits = Radix(magnitude, 2, false), prefix = f.sharp ? "0b" : "";
      break;
    case 'o':
      digits = Radix(magnitude, 8, false), prefix = f.sharp ? "0" : "";
      break;
    case 'O':
      digits = Radix(magnitude, 8, false), prefix = "0o";
      break;
    case 'x':
    case 'X':
      digits = Radix(magnitude, 16, upper), prefix = f.sharp ? (upper ? "0X" : "0x") : "";
      break;
    case 'c':
    case 'q': {
      std::string rune;
      AppendRune(rune, n < 0 || n > 0x10ffff ? 0xFFFD : static_cast<uint32_t>(n));
      Pad(verb == 'c' ? rune : QuoteWith(rune, '\'', f.plus), f);
      return;
    }
    case 'U': {
      std::string hex = Radix(magnitude, 16, true);
      if (hex.size() < 4) hex.insert(0, 4 - hex.size(), '0');
      Pad("U+" + hex, f);
      return;
    }
    default:
      Bad(v, verb);
      return;
  }
  Flags used = f;
  if (f.precision) {
    used.zero = false;
    if (*f.precision == 0 && n == 0) digits.clear();
    if (digits.size() < static_cast<size_t>(*f.precision)) {
      digits.insert(0, static_cast<size_t>(*f.precision) - digits.size(), '0');
    }
  }
  const std::string sign = n < 0 ? "-" : f.plus ? "+" : f.space ? " " : "";
  Number(sign + prefix + digits, used);
}

// C's %a has one exponent digit where Go has two, and no way to leave trailing zeros to a precision
// of -1.
std::string HexFloat(double value, std::optional<int> precision) {
  char buffer[2048];
  const int n = precision ? std::snprintf(buffer, sizeof buffer, "%.*a", *precision, value)
                          : std::snprintf(buffer, sizeof buffer, "%a", value);
  std::string text(buffer, static_cast<size_t>(std::min<int>(std::max(n, 0), sizeof buffer - 1)));
  const size_t p = text.find('p');
  if (p != std::string::npos && text.size() - p == 3) text.insert(p + 2, "0");
  return text;
}

std::string FiniteFloat(double value, char verb, std::optional<int> precision, bool sharp) {
  if (verb == 'x' || verb == 'X') {
    std::string text = HexFloat(value, precision);
    if (verb == 'X') {
      for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return text;
  }
  if ((verb == 'g' || verb == 'G') && !precision && !sharp) {
    std::string text = FormatV(value);
    if (verb == 'G') {
      for (char& c : text) c = c == 'e' ? 'E' : c;
    }
    return text;
  }
  const char format[] = {
      '%', sharp ? '#' : '.', sharp ? '.' : '*', sharp ? '*' : verb, sharp ? verb : '\0', '\0'};
  std::string text(512, '\0');
  const int wanted = precision.value_or(6);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  int n = std::snprintf(text.data(), text.size(), format, wanted, value);
  if (n >= static_cast<int>(text.size())) {
    text.resize(static_cast<size_t>(n) + 1);
    n = std::snprintf(text.data(), text.size(), format, wanted, value);
  }
#pragma GCC diagnostic pop
  text.resize(static_cast<size_t>(std::max(n, 0)));
  return text;
}

void Printer::Float(const TemplateValue& v, char32_t verb, const Flags& f) {
  char c = static_cast<char>(verb);
  if (verb == 'v') {
    c = 'g';
  } else if (verb == 'F') {
    c = 'f';
  } else if (verb == 0 || verb > 127 ||
             std::string_view("eEfgGxX").find(c) == std::string_view::npos) {
    Bad(v, verb);
    return;
  }
  const double value = v.float_value();
  Flags used = f;
  std::string text;
  if (std::isnan(value)) {
    text = f.plus ? "+NaN" : f.space ? " NaN" : "NaN";
    used.zero = false;
  } else if (std::isinf(value)) {
    text = value < 0 ? "-Inf" : f.space && !f.plus ? " Inf" : "+Inf";
    used.zero = false;
  } else {
    text = FiniteFloat(value, c, f.precision, f.sharp && verb != 'v');
    if (text[0] != '-' && (f.plus || f.space)) text.insert(0, f.plus ? "+" : " ");
  }
  Number(std::move(text), used);
}

void Printer::String(const TemplateValue& v, std::string_view text, char32_t verb, const Flags& f) {
  if (f.precision && (verb == 's' || verb == 'v' || verb == 'q')) {
    size_t bytes = 0;
    for (int i = 0; i < *f.precision && bytes < text.size(); ++i)
      bytes += DecodeRune(text.substr(bytes)).length;
    text = text.substr(0, bytes);
  }
  switch (verb) {
    case 'v':
    case 's':
      Pad(text, f);
      return;
    case 'q':
      Pad(f.sharp && text.find('`') == std::string_view::npos
              ? absl::StrCat("`", std::string(text), "`")
              : QuoteWith(text, '"', f.plus),
          f);
      return;
    case 'x':
    case 'X': {
      std::string hex;
      const char* digits = verb == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
      if (f.precision) text = text.substr(0, static_cast<size_t>(*f.precision));
      for (size_t i = 0; i < text.size(); ++i) {
        if (f.space && i > 0) hex += ' ';
        if (f.sharp && (f.space || i == 0)) hex += verb == 'x' ? "0x" : "0X";
        hex += digits[static_cast<unsigned char>(text[i]) >> 4];
        hex += digits[static_cast<unsigned char>(text[i]) & 15];
      }
      Pad(hex, f);
      return;
    }
    default:
      Bad(v, verb);
  }
}

void Printer::Sequence(const TemplateValue& v, char32_t verb, const Flags& f, int depth) {
  bool first = true;
  const auto separate = [&] {
    if (!first) out_ += ' ';
    first = false;
  };
  if (v.kind() == Kind::kList) {
    out_ += '[';
    for (const TemplateValue& item : v.items()) {
      if (Full()) return;
      separate();
      Value(item, verb, f, depth + 1);
    }
    out_ += ']';
    return;
  }
  const bool map = v.kind() == Kind::kMap;
  out_ += map ? "map[" : "{";
  for (const auto& [name, value] : map ? v.entries() : v.fields()) {
    if (Full()) return;
    separate();
    if (map) {
      Value(TemplateValue::String(name), verb, f, depth + 1);
      out_ += ':';
    } else if (f.plus && verb == 'v') {
      out_ += name;
      out_ += ':';
    }
    Value(value, verb, f, depth + 1);
  }
  out_ += map ? ']' : '}';
}

void Printer::Value(const TemplateValue& v, char32_t verb, const Flags& f, int depth) {
  if (depth > kMaxValueDepth || Full()) return;
  if (verb == 'T') {
    Pad(v.TypeName(), f);
    return;
  }
  if (v.type() != nullptr && v.type()->print &&
      (verb == 'v' || verb == 's' || verb == 'q' || verb == 'x' || verb == 'X')) {
    String(v, v.type()->print(v), verb, f);
    return;
  }
  switch (v.kind()) {
    case Kind::kNil:
      if (verb == 'v') {
        Pad("<nil>", f);
      } else {
        Bad(v, verb);
      }
      return;
    case Kind::kBool:
      if (verb == 't' || verb == 'v') {
        Pad(v.bool_value() ? "true" : "false", f);
      } else {
        Bad(v, verb);
      }
      return;
    case Kind::kInt:
      Integer(v, verb, f);
      return;
    case Kind::kFloat:
      Float(v, verb, f);
      return;
    case Kind::kString:
      String(v, v.string_value(), verb == 'v' && f.sharp ? U'q' : verb,
             verb == 'v' && f.sharp ? Flags{} : f);
      return;
    case Kind::kList:
    case Kind::kMap:
    case Kind::kStruct:
      Sequence(v, verb, f, depth);
      return;
    case Kind::kFunction:
      Pad("func", f);
      return;
  }
}

// Reads one directive after its '%'. Keeps which operand is next.
class Directive {
 public:
  Directive(std::string_view format, TemplateArgs args) : format_(format), args_(args) {}

  std::string_view format_;
  TemplateArgs args_;
  size_t at_ = 0;
  size_t next_ = 0;
  bool reordered_ = false;
  bool good_index_ = true;

  bool AtEnd() const { return at_ >= format_.size(); }

  // [n]: the operand with that number is next.
  void Index() {
    if (AtEnd() || format_[at_] != '[') return;
    reordered_ = true;
    const size_t close = format_.find(']', at_);
    if (close == std::string_view::npos) {
      good_index_ = false;
      ++at_;
      return;
    }
    size_t n = 0;
    const char* end = format_.data() + close;
    const auto [p, error] = std::from_chars(format_.data() + at_ + 1, end, n);
    at_ = close + 1;
    if (error != std::errc() || p != end || n < 1 || n > args_.size()) {
      good_index_ = false;
      return;
    }
    next_ = n - 1;
  }

  // Digits, or * for an int operand. nullopt: none there; `bad` is set when it is unusable.
  std::optional<int64_t> Count(bool& bad) {
    if (!AtEnd() && format_[at_] == '*') {
      ++at_;
      if (next_ >= args_.size() || args_[next_].kind() != Kind::kInt ||
          std::abs(args_[next_].int_value()) > kMaxFormatWidth) {
        bad = true;
        if (next_ < args_.size()) ++next_;
        return std::nullopt;
      }
      return args_[next_++].int_value();
    }
    int64_t n = 0;
    const size_t begin = at_;
    while (!AtEnd() && format_[at_] >= '0' && format_[at_] <= '9') {
      n = std::min<int64_t>(n * 10 + (format_[at_++] - '0'), kMaxFormatWidth + 1);
    }
    if (at_ == begin) return std::nullopt;
    if (n > kMaxFormatWidth) {
      bad = true;
      return std::nullopt;
    }
    return n;
  }
};

void ReadFlags(Directive& d, Flags& f) {
  for (; !d.AtEnd(); ++d.at_) {
    switch (d.format_[d.at_]) {
      case '+':
        f.plus = true;
        continue;
      case '-':
        f.minus = true, f.zero = false;
        continue;
      case '#':
        f.sharp = true;
        continue;
      case ' ':
        f.space = true;
        continue;
      case '0':
        f.zero = !f.minus;
        continue;
      default:
        return;
    }
  }
}

void Printer::Format(std::string_view format, TemplateArgs args) {
  Directive d(format, args);
  while (!d.AtEnd() && !Full()) {
    const size_t percent = std::min(format.find('%', d.at_), format.size());
    out_ += format.substr(d.at_, percent - d.at_);
    d.at_ = percent + 1;
    if (percent == format.size()) break;
    Flags f;
    d.good_index_ = true;
    ReadFlags(d, f);
    d.Index();
    bool bad_width = false, bad_precision = false;
    if (const auto width = d.Count(bad_width)) {
      f.width = static_cast<int>(std::abs(*width));
      if (*width < 0) f.minus = true, f.zero = false;
    }
    if (bad_width) out_ += "%!(BADWIDTH)";
    if (!d.AtEnd() && format[d.at_] == '.') {
      ++d.at_;
      d.Index();
      const auto precision = d.Count(bad_precision);
      if (precision && *precision < 0) bad_precision = true;
      if (!bad_precision) f.precision = static_cast<int>(precision.value_or(0));
      if (bad_precision) out_ += "%!(BADPREC)";
    }
    d.Index();
    if (d.AtEnd()) {
      out_ += "%!(NOVERB)";
      break;
    }
    const DecodedRune verb = DecodeRune(format.substr(d.at_));
    d.at_ += verb.length;
    if (verb.rune == '%') {
      out_ += '%';
    } else if (!d.good_index_) {
      out_ += "%!";
      AppendRune(out_, verb.rune);
      out_ += "(BADINDEX)";
    } else if (d.next_ >= args.size()) {
      out_ += "%!";
      AppendRune(out_, verb.rune);
      out_ += "(MISSING)";
    } else {
      Value(args[d.next_++], verb.rune, f, 0);
    }
  }
  if (!d.reordered_ && d.next_ < args.size()) {
    out_ += "%!(EXTRA ";
    for (size_t i = d.next_; i < args.size(); ++i) {
      if (i > d.next_) out_ += ", ";
      out_ += args[i].TypeName();
      if (!args[i].is_nil()) {
        out_ += '=';
        Default(args[i]);
      }
    }
    out_ += ')';
  }
}

absl::StatusOr<std::string> Finish(Printer& printer) {
  if (absl::Status s = printer.status(); !s.ok()) return s;
  return printer.Take();
}

}  // namespace

DecodedRune DecodeRune(std::string_view text) {
  if (text.empty()) return {};
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  const uint32_t b = byte(0);
  if (b < 0x80) return {b, 1};
  if (b >= 0xc2 && b < 0xe0 && continues(1)) return {(b & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (b >= 0xe0 && b < 0xf0 && continues(1) && continues(2)) {
    const uint32_t rune = (b & 0xf) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    if (rune >= 0x800 && (rune < 0xd800 || rune > 0xdfff)) return {rune, 3};
  }
  if (b >= 0xf0 && b < 0xf5 && continues(1) && continues(2) && continues(3)) {
    const uint32_t rune =
        (b & 7) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    if (rune >= 0x10000 && rune < 0x110000) return {rune, 4};
  }
  return {};
}

void AppendRune(std::string& out, uint32_t rune) {
  if (rune >= 0x110000 || (rune >= 0xd800 && rune < 0xe000)) rune = 0xFFFD;
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xc0 | rune >> 6);
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xe0 | rune >> 12);
    out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | rune >> 18);
    out += static_cast<char>(0x80 | (rune >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  }
}

std::string QuoteGo(std::string_view text) { return QuoteWith(text, '"', false); }

std::string FormatG(double value, int precision) {
  Printer printer;
  const TemplateValue arg = TemplateValue::Float(value);
  printer.Format(absl::StrCat("%.", precision, "g"), TemplateArgs(&arg, 1));
  return printer.Take();
}

std::string FormatV(double value) { return base::FormatFloat(value, base::FloatStyle::kGeneral); }

absl::StatusOr<std::string> Sprint(TemplateArgs args) {
  Printer printer;
  for (size_t i = 0; i < args.size(); ++i) {
    if (i > 0 && args[i].kind() != Kind::kString && args[i - 1].kind() != Kind::kString)
      printer.Text(" ");
    printer.Default(args[i]);
  }
  return Finish(printer);
}

absl::StatusOr<std::string> Sprintln(TemplateArgs args) {
  Printer printer;
  for (size_t i = 0; i < args.size(); ++i) {
    if (i > 0) printer.Text(" ");
    printer.Default(args[i]);
  }
  printer.Text("\n");
  return Finish(printer);
}

absl::StatusOr<std::string> Sprintf(std::string_view format, TemplateArgs args) {
  Printer printer;
  printer.Format(format, args);
  return Finish(printer);
}

absl::Status AppendAction(std::string& out, const TemplateValue& value) {
  if (value.is_nil()) {
    out += "<no value>";
  } else {
    Printer printer;
    printer.Default(value);
    if (absl::Status s = printer.status(); !s.ok()) return s;
    out += printer.Take();
  }
  return out.size() > kMaxTemplateOutputBytes ? TooLong() : absl::OkStatus();
}

}  // namespace slowburn::rules
