#include "base/number.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace slowburn::base {
namespace {

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool IsHexDigit(char c) { return IsDigit(c) || (Lower(c) >= 'a' && Lower(c) <= 'f'); }

bool EqualsIgnoreCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (Lower(text[i]) != lower[i]) return false;
  }
  return true;
}

std::string Quoted(std::string_view text) { return absl::StrCat("\"", Absl(text), "\""); }

// Checks Go's grammar of a float without its sign; `body` is then what from_chars shall read.
bool IsFloatSyntax(std::string_view s, bool& hex, std::string_view& body) {
  hex = s.size() > 2 && s[0] == '0' && Lower(s[1]) == 'x';
  if (hex) s.remove_prefix(2);
  body = s;
  size_t i = 0, digits = 0;
  bool dot = false;
  for (; i < s.size(); ++i) {
    if (s[i] == '.' && !dot) {
      dot = true;
    } else if (hex ? IsHexDigit(s[i]) : IsDigit(s[i])) {
      ++digits;
    } else {
      break;
    }
  }
  if (digits == 0) return false;
  if (i == s.size()) return !hex;  // Go wants an exponent on hexadecimal floats
  if (Lower(s[i]) != (hex ? 'p' : 'e')) return false;
  ++i;
  if (i < s.size() && (s[i] == '+' || s[i] == '-')) ++i;
  if (i == s.size()) return false;
  for (; i < s.size(); ++i) {
    if (!IsDigit(s[i])) return false;
  }
  return true;
}

struct Unit {
  std::string_view name;
  uint64_t ms;
};
// Longest first: the order in which they must stand.
constexpr Unit kUnits[] = {{"y", uint64_t{365} * kDay},
                           {"w", uint64_t{7} * kDay},
                           {"d", kDay},
                           {"h", kHour},
                           {"m", kMinute},
                           {"s", kSecond},
                           {"ms", 1}};
// Prometheus holds durations in int64 nanoseconds, so longer ones (about 292 years) are refused
// there and here.
constexpr uint64_t kMaxDurationMs = uint64_t{std::numeric_limits<int64_t>::max()} / 1'000'000;

absl::Status BadDuration(std::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("not a valid duration string: ", Quoted(text)));
}

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back (Howard Hinnant's
// "days_from_civil").
int64_t DaysFromCivil(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

struct Date {
  int64_t year;
  int month, day;
};

Date CivilFromDays(int64_t z) {
  z += 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t doe = z - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  return {yoe + era * 400 + (month <= 2), month, static_cast<int>(doy - (153 * mp + 2) / 5 + 1)};
}

int DaysInMonth(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

void AppendPadded(std::string& out, int64_t value, int width) {
  if (value < 0) {
    out += '-';
    value = -value;
  }
  const std::string digits = std::to_string(value);
  for (int i = static_cast<int>(digits.size()); i < width; ++i) out += '0';
  out += digits;
}

// Reads fixed-width fields of a timestamp.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool Number(size_t width, int64_t& out) {
    if (rest_.size() < width) return false;
    out = 0;
    for (size_t i = 0; i < width; ++i) {
      if (!IsDigit(rest_[i])) return false;
      out = out * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    return true;
  }
  bool Literal(char c) {
    if (rest_.empty() || Lower(rest_[0]) != Lower(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // The fraction's digits, cut to milliseconds. At least one digit.
  bool Fraction(int64_t& ms) {
    size_t n = 0;
    ms = 0;
    for (; n < rest_.size() && IsDigit(rest_[n]); ++n) {
      if (n < 3) ms = ms * 10 + (rest_[n] - '0');
    }
    for (size_t i = n; i < 3; ++i) ms *= 10;
    rest_.remove_prefix(n);
    return n > 0;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// Beyond 2^53 Go writes the shortest digits and fills up with zeros, where to_chars writes the
// exact value.
void AppendLargeFixed(std::string& out, double value) {
  char buffer[32];
  const char* end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const char* exponent = std::find(static_cast<const char*>(buffer), end, 'e');
  int digits = -1;  // after the first
  for (const char* c = buffer; c != exponent; ++c) {
    if (*c == '.') continue;
    out += *c;
    digits += IsDigit(*c) ? 1 : 0;
  }
  int power = 0;
  std::from_chars(exponent + 2, end, power);  // after "e+"
  out.append(static_cast<size_t>(power - digits), '0');
}

// Most values are whole, or have up to three decimals: those are written as integers. At most 15
// digits that read back to the value are the shortest, since no two such numbers are one double.
// Null where `value` is no such number.
char* WriteShortDecimal(char* out, double value) {
  constexpr size_t kRoom = 24;
  const double magnitude = std::fabs(value);
  if (!(magnitude < 1e12) || magnitude == 0) return nullptr;
  const auto whole = static_cast<int64_t>(value);
  if (static_cast<double>(whole) == value) return std::to_chars(out, out + kRoom, whole).ptr;
  const auto thousandths = static_cast<int64_t>(magnitude * 1000 + 0.5);
  if (static_cast<double>(thousandths) / 1000 != magnitude) return nullptr;
  if (value < 0) *out++ = '-';
  out = std::to_chars(out, out + kRoom, thousandths / 1000).ptr;
  int64_t decimals = thousandths % 1000;
  *out++ = '.';
  for (int64_t unit = 100; decimals > 0; decimals %= unit, unit /= 10) {
    *out++ = static_cast<char>('0' + decimals / unit);
  }
  return out;
}

}  // namespace

void AppendFloat(std::string& out, double value, FloatStyle style) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  const double magnitude = std::fabs(value);
  bool exponent = false;
  switch (style) {
    case FloatStyle::kJson:
      exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
      break;
    case FloatStyle::kGeneral:
      exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
      break;
    case FloatStyle::kFixed:
      break;
    case FloatStyle::kExponent:
      exponent = true;
      break;
  }
  if (!exponent && magnitude >= 0x1p53) {
    AppendLargeFixed(out, value);
    return;
  }
  char buffer[400];  // the longest fixed form, -2.2250738585072014e-308, takes 327
  if (!exponent) {
    if (char* end = WriteShortDecimal(buffer, value); end != nullptr) {
      out.append(buffer, end);
      return;
    }
  }
  const auto result =
      std::to_chars(buffer, buffer + sizeof buffer, value,
                    exponent ? std::chars_format::scientific : std::chars_format::fixed);
  out.append(buffer, result.ptr);
}

char* WriteJsonFloat(char* out, double value) {
  if (char* end = WriteShortDecimal(out, value); end != nullptr) return end;
  const double magnitude = std::fabs(value);
  if (magnitude >= 1e-6 && magnitude < 0x1p53) {
    return std::to_chars(out, out + kMaxJsonFloat, value, std::chars_format::fixed).ptr;
  }
  const std::string text = FormatFloat(value);
  return std::copy(text.begin(), text.end(), out);
}

std::string FormatFloat(double value, FloatStyle style) {
  std::string out;
  AppendFloat(out, value, style);
  return out;
}

bool ParseFloat(std::string_view text, double& value) {
  std::string_view s = text;
  bool negative = false, has_sign = false;
  if (!s.empty() && (s[0] == '+' || s[0] == '-')) {
    negative = s[0] == '-';
    has_sign = true;
    s.remove_prefix(1);
  }
  const double sign = negative ? -1.0 : 1.0;
  if (s.empty()) return false;
  if (Lower(s[0]) == 'i') {
    if (!EqualsIgnoreCase(s, "inf") && !EqualsIgnoreCase(s, "infinity")) return false;
    value = sign * std::numeric_limits<double>::infinity();
    return true;
  }
  if (Lower(s[0]) == 'n') {
    if (has_sign || !EqualsIgnoreCase(s, "nan")) return false;
    // Go's NaN, which is what Prometheus stores.
    value = std::bit_cast<double>(uint64_t{0x7ff8000000000001});
    return true;
  }
  bool hex = false;
  std::string_view body;
  if (!IsFloatSyntax(s, hex, body)) return false;
  double parsed = 0;
  const auto result = std::from_chars(body.data(), body.data() + body.size(), parsed,
                                      hex ? std::chars_format::hex : std::chars_format::general);
  if (result.ec == std::errc::result_out_of_range) {
    // from_chars does not say whether it was too large or too small; strtod gives infinity or zero.
    parsed = std::strtod(std::string(s).c_str(), nullptr);
  } else if (result.ec != std::errc() || result.ptr != body.data() + body.size()) {
    return false;
  }
  value = std::copysign(parsed, sign);
  return true;
}

absl::StatusOr<DurationMs> ParseDuration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return absl::InvalidArgumentError("empty duration string");
  uint64_t total = 0;
  const Unit* next_unit = std::begin(kUnits);
  for (std::string_view s = text; !s.empty();) {
    uint64_t number = 0;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), number);
    if (ec != std::errc()) return BadDuration(text);
    s.remove_prefix(static_cast<size_t>(end - s.data()));
    size_t length = 0;
    while (length < s.size() && !IsDigit(s[length])) ++length;
    if (length == 0) return BadDuration(text);
    const std::string_view name = s.substr(0, length);
    s.remove_prefix(length);
    const Unit* unit = std::begin(kUnits);
    while (unit != std::end(kUnits) && unit->name != name) ++unit;
    if (unit == std::end(kUnits)) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown unit ", Quoted(name), " in duration ", Quoted(text)));
    }
    if (unit < next_unit) return BadDuration(text);
    next_unit = unit + 1;
    if (number > kMaxDurationMs / unit->ms || (total += number * unit->ms) > kMaxDurationMs) {
      return absl::InvalidArgumentError(absl::StrCat("duration out of range: ", Quoted(text)));
    }
  }
  return static_cast<DurationMs>(total);
}

bool ParseBytes(std::string_view text, uint64_t& bytes) {
  struct Unit {
    std::string_view name;
    double factor;
  };
  static constexpr Unit kUnits[] = {{"", 1},        {"B", 1},        {"KB", 0x1p10}, {"KiB", 0x1p10},
                                    {"MB", 0x1p20}, {"MiB", 0x1p20}, {"GB", 0x1p30}, {"GiB", 0x1p30},
                                    {"TB", 0x1p40}, {"TiB", 0x1p40}, {"PB", 0x1p50}, {"PiB", 0x1p50},
                                    {"EB", 0x1p60}, {"EiB", 0x1p60}};
  const size_t number_end = text.find_first_not_of("0123456789.");
  const std::string_view name =
      number_end == std::string_view::npos ? std::string_view() : text.substr(number_end);
  double number = 0;
  if (!ParseFloat(text.substr(0, number_end), number)) return false;
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    const double product = number * unit.factor;
    if (product >= 0x1p63) return false;
    bytes = static_cast<uint64_t>(product);
    return true;
  }
  return false;
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::string out;
  for (size_t i = std::size(kUnits); i-- > 0;) {
    const uint64_t count = bytes >> 10 * i & (i + 1 == std::size(kUnits) ? UINT64_MAX : 1023);
    if (count > 0) absl::StrAppend(&out, count, kUnits[i]);
  }
  return out.empty() ? "0B" : out;
}

std::string FormatDuration(DurationMs ms) {
  if (ms == 0) return "0s";
  std::string out;
  uint64_t rest = static_cast<uint64_t>(ms);
  if (ms < 0) {
    out += '-';
    rest = -rest;
  }
  for (const Unit& unit : kUnits) {
    // Years and weeks only when they are the whole of it: 10d stays 10d.
    if ((unit.name == "y" || unit.name == "w") && rest % unit.ms != 0) continue;
    if (rest / unit.ms == 0) continue;
    absl::StrAppend(&out, rest / unit.ms, Absl(unit.name));
    rest %= unit.ms;
  }
  return out;
}

std::string FormatRfc3339(TimestampMs t, int fraction_digits) {
  int64_t seconds = t / 1000;
  int64_t ms = t % 1000;
  if (ms < 0) ms += 1000, --seconds;
  int64_t days = seconds / 86400;
  int64_t second = seconds % 86400;
  if (second < 0) second += 86400, --days;
  const Date date = CivilFromDays(days);
  std::string out;
  out.reserve(32);
  AppendPadded(out, date.year, 4);
  out += '-';
  AppendPadded(out, date.month, 2);
  out += '-';
  AppendPadded(out, date.day, 2);
  out += 'T';
  AppendPadded(out, second / 3600, 2);
  out += ':';
  AppendPadded(out, second / 60 % 60, 2);
  out += ':';
  AppendPadded(out, second % 60, 2);
  if (fraction_digits > 0) {
    out += '.';
    AppendPadded(out, ms, 3);
    out.append(fraction_digits > 3 ? static_cast<size_t>(fraction_digits) - 3 : 0, '0');
  }
  out += 'Z';
  return out;
}

absl::StatusOr<TimestampMs> ParseRfc3339(std::string_view text) {
  const absl::Status error = absl::InvalidArgumentError(
      absl::StrCat("cannot parse time ", Quoted(text), ": want RFC 3339, as 2006-01-02T15:04:05Z"));
  Scanner in(text);
  int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0;
  const bool shape = in.Number(4, year) && in.Literal('-') && in.Number(2, month) &&
                     in.Literal('-') && in.Number(2, day) && in.Literal('T') &&
                     in.Number(2, hour) && in.Literal(':') && in.Number(2, minute) &&
                     in.Literal(':') && in.Number(2, second);
  if (!shape || month < 1 || month > 12 || day < 1 ||
      day > DaysInMonth(year, static_cast<int>(month)) || hour > 23 || minute > 59 || second > 59) {
    return error;
  }
  if (in.Literal('.') && !in.Fraction(ms)) return error;
  int64_t offset_minutes = 0;
  if (!in.Literal('Z')) {
    const bool plus = in.Literal('+');
    if (!plus && !in.Literal('-')) return error;
    int64_t h = 0, m = 0;
    if (!in.Number(2, h) || !in.Literal(':') || !in.Number(2, m) || h > 23 || m > 59) return error;
    offset_minutes = plus ? h * 60 + m : -(h * 60 + m);
  }
  if (!in.done()) return error;
  const int64_t seconds = DaysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 +
                          second - offset_minutes * 60;
  return seconds * 1000 + ms;
}

}  // namespace slowburn::base
