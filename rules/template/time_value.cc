#include "rules/template/time_value.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace slowburn::rules {
namespace {

using base::TimestampMs;
using Kind = TemplateValue::Kind;

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

struct Civil {
  int64_t year = 1970;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0, ms = 0, weekday = 4, year_day = 1;
};

bool IsLeap(int64_t y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }

// Proleptic Gregorian calendar, by eras of 400 years that begin in March.
Civil ToCivil(TimestampMs t) {
  int64_t days = t / base::kDay;
  int64_t rest = t % base::kDay;
  if (rest < 0) rest += base::kDay, --days;
  Civil c;
  c.ms = static_cast<int>(rest % 1000);
  c.second = static_cast<int>(rest / 1000 % 60);
  c.minute = static_cast<int>(rest / base::kMinute % 60);
  c.hour = static_cast<int>(rest / base::kHour);
  c.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);  // from March
  const int64_t month = (5 * day_of_year + 2) / 153;
  c.day = static_cast<int>(day_of_year - (153 * month + 2) / 5 + 1);
  c.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  c.year = year_of_era + era * 400 + (c.month <= 2 ? 1 : 0);
  constexpr int kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  c.year_day = kBefore[c.month - 1] + c.day + (c.month > 2 && IsLeap(c.year) ? 1 : 0);
  return c;
}

std::string Padded(int64_t n, int width, char fill = '0') {
  std::string text = absl::StrCat(n < 0 ? -n : n);
  if (static_cast<int>(text.size()) < width)
    text.insert(0, static_cast<size_t>(width) - text.size(), fill);
  return n < 0 ? "-" + text : text;
}

// ".000" and ",999": a fraction of as many digits; with nines without trailing zeros.
std::string Fraction(int ms, std::string_view layout) {
  std::string digits = Padded(ms, 3);
  digits.resize(std::min<size_t>(layout.size() - 1, 9), '0');
  if (layout[1] == '9') {
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) return "";
  }
  return std::string(1, layout[0]) + digits;
}

// The layout element at the front, longest first; its length, and what it stands for in `out`.
size_t Element(std::string_view layout, const Civil& c, std::string& out) {
  const auto starts = [&](std::string_view p) { return layout.substr(0, p.size()) == p; };
  const auto number = [&](size_t length, int64_t n, int width, char fill = '0') {
    out += Padded(n, width, fill);
    return length;
  };
  const auto word = [&](size_t length, std::string_view text) {
    out += text;
    return length;
  };
  const int hour12 = c.hour % 12 == 0 ? 12 : c.hour % 12;
  const std::string_view month = kMonths[static_cast<size_t>(c.month - 1)];
  const std::string_view day = kDays[static_cast<size_t>(c.weekday)];
  if (starts("January")) return word(7, month);
  if (starts("Jan")) return word(3, month.substr(0, 3));
  if (starts("Monday")) return word(6, day);
  if (starts("Mon")) return word(3, day.substr(0, 3));
  if (starts("MST")) return word(3, "UTC");
  if (starts("2006")) return number(4, c.year, 4);
  if (starts("__2")) return number(3, c.year_day, 3, ' ');
  if (starts("002")) return number(3, c.year_day, 3);
  if (starts("_2006")) {
    out += '_';
    return 1;
  }
  if (starts("_2")) return number(2, c.day, 2, ' ');
  if (starts("01")) return number(2, c.month, 2);
  if (starts("02")) return number(2, c.day, 2);
  if (starts("03")) return number(2, hour12, 2);
  if (starts("04")) return number(2, c.minute, 2);
  if (starts("05")) return number(2, c.second, 2);
  if (starts("06")) return number(2, c.year % 100, 2);
  if (starts("15")) return number(2, c.hour, 2);
  if (starts("PM")) return word(2, c.hour >= 12 ? "PM" : "AM");
  if (starts("pm")) return word(2, c.hour >= 12 ? "pm" : "am");
  for (const std::string_view zone : {"Z07:00:00", "Z07:00", "Z070000", "Z0700", "Z07"}) {
    if (starts(zone)) return word(zone.size(), "Z");
  }
  if (starts("-07:00:00")) return word(9, "+00:00:00");
  if (starts("-07:00")) return word(6, "+00:00");
  if (starts("-070000")) return word(7, "+000000");
  if (starts("-0700")) return word(5, "+0000");
  if (starts("-07")) return word(3, "+00");
  if ((layout[0] == '.' || layout[0] == ',') && layout.size() > 1 &&
      (layout[1] == '0' || layout[1] == '9')) {
    size_t n = 1;
    while (n < layout.size() && layout[n] == layout[1]) ++n;
    if (n == layout.size() || layout[n] < '0' || layout[n] > '9') {
      out += Fraction(c.ms, layout.substr(0, n));
      return n;
    }
  }
  switch (layout[0]) {
    case '1':
      return number(1, c.month, 1);
    case '2':
      return number(1, c.day, 1);
    case '3':
      return number(1, hour12, 1);
    case '4':
      return number(1, c.minute, 1);
    case '5':
      return number(1, c.second, 1);
    default:
      out += layout[0];
      return 1;
  }
}

const TemplateType& TimeType();
const TemplateType& DurationType();

TimestampMs MsOf(const TemplateValue& v) { return v.fields()[0].second.int_value(); }

TemplateFunction TimeInt(int64_t (*get)(TimestampMs)) {
  return {"", [get](TemplateArgs a) { return TemplateValue::Int(get(MsOf(a[0]))); }};
}

TemplateFunction Compare(bool (*compare)(TimestampMs, TimestampMs)) {
  return {"o", [compare](TemplateArgs a) -> absl::StatusOr<TemplateValue> {
            TimestampMs other = 0;
            if (!TimeOf(a[1], other)) return absl::InvalidArgumentError("expected time.Time");
            return TemplateValue::Bool(compare(MsOf(a[0]), other));
          }};
}

// January and Sunday print as words, and are ints.
const TemplateType& MonthType() {
  static const TemplateType* const type =
      new TemplateType{.name = "time.Month",
                       .zero_is_string = false,
                       .methods = {},
                       .print = [](const TemplateValue& v) {
                         return std::string(kMonths[static_cast<size_t>(v.int_value() - 1) % 12]);
                       }};
  return *type;
}
const TemplateType& WeekdayType() {
  static const TemplateType* const type =
      new TemplateType{.name = "time.Weekday",
                       .zero_is_string = false,
                       .methods = {},
                       .print = [](const TemplateValue& v) {
                         return std::string(kDays[static_cast<size_t>(v.int_value()) % 7]);
                       }};
  return *type;
}

TemplateFunctions TimeMethods() {
  const TemplateFunction same = {"", [](TemplateArgs a) { return a[0]; }};
  return {
      {"Format",
       {"s",
        [](TemplateArgs a) {
          return TemplateValue::String(FormatGoTime(MsOf(a[0]), a[1].string_value()));
        }}},
      {"String",
       {"", [](TemplateArgs a) { return TemplateValue::String(a[0].type()->print(a[0])); }}},
      {"Unix", TimeInt([](TimestampMs t) { return t / 1000 - (t % 1000 < 0 ? 1 : 0); })},
      {"UnixMilli", TimeInt([](TimestampMs t) { return t; })},
      {"UnixNano", TimeInt([](TimestampMs t) {
         return static_cast<int64_t>(static_cast<uint64_t>(t) * 1'000'000);
       })},
      {"Year", TimeInt([](TimestampMs t) { return ToCivil(t).year; })},
      {"Month",
       {"",
        [](TemplateArgs a) {
          return TemplateValue::Int(ToCivil(MsOf(a[0])).month, &MonthType());
        }}},
      {"Weekday",
       {"",
        [](TemplateArgs a) {
          return TemplateValue::Int(ToCivil(MsOf(a[0])).weekday, &WeekdayType());
        }}},
      {"Day", TimeInt([](TimestampMs t) { return int64_t{ToCivil(t).day}; })},
      {"Hour", TimeInt([](TimestampMs t) { return int64_t{ToCivil(t).hour}; })},
      {"Minute", TimeInt([](TimestampMs t) { return int64_t{ToCivil(t).minute}; })},
      {"Second", TimeInt([](TimestampMs t) { return int64_t{ToCivil(t).second}; })},
      {"Nanosecond", TimeInt([](TimestampMs t) { return int64_t{ToCivil(t).ms} * 1'000'000; })},
      {"YearDay", TimeInt([](TimestampMs t) { return int64_t{ToCivil(t).year_day}; })},
      {"UTC", same},
      {"Local", same},
      {"IsZero", {"", [](TemplateArgs) { return TemplateValue::Bool(false); }}},
      {"Before", Compare([](TimestampMs a, TimestampMs b) { return a < b; })},
      {"After", Compare([](TimestampMs a, TimestampMs b) { return a > b; })},
      {"Equal", Compare([](TimestampMs a, TimestampMs b) { return a == b; })},
      {"Sub",
       {"o",
        [](TemplateArgs a) -> absl::StatusOr<TemplateValue> {
          TimestampMs other = 0;
          if (!TimeOf(a[1], other)) return absl::InvalidArgumentError("expected time.Time");
          return DurationValue(static_cast<int64_t>(
              (static_cast<uint64_t>(MsOf(a[0])) - static_cast<uint64_t>(other)) * 1'000'000));
        }}},
      {"Add",
       {"i", [](TemplateArgs a) { return TimeValue(MsOf(a[0]) + a[1].int_value() / 1'000'000); }}},
  };
}

TemplateFunction DurationFloat(double unit) {
  return {"", [unit](TemplateArgs a) {
            return TemplateValue::Float(static_cast<double>(a[0].int_value()) / unit);
          }};
}
TemplateFunction DurationInt(int64_t unit) {
  return {"", [unit](TemplateArgs a) { return TemplateValue::Int(a[0].int_value() / unit); }};
}

const TemplateType& TimeType() {
  static const TemplateType* const type =
      new TemplateType{.name = "time.Time",
                       .zero_is_string = false,
                       .methods = TimeMethods(),
                       .print = [](const TemplateValue& v) {
                         return FormatGoTime(MsOf(v), "2006-01-02 15:04:05.999999999 -0700 MST");
                       }};
  return *type;
}

const TemplateType& DurationType() {
  static const TemplateType* const type = new TemplateType{
      .name = "time.Duration",
      .zero_is_string = false,
      .methods = {{"Seconds", DurationFloat(1e9)},
                  {"Minutes", DurationFloat(60e9)},
                  {"Hours", DurationFloat(3600e9)},
                  {"Milliseconds", DurationInt(1'000'000)},
                  {"Microseconds", DurationInt(1'000)},
                  {"Nanoseconds", DurationInt(1)},
                  {"String",
                   {"",
                    [](TemplateArgs a) {
                      return TemplateValue::String(FormatGoDuration(a[0].int_value()));
                    }}}},
      .print = [](const TemplateValue& v) { return FormatGoDuration(v.int_value()); }};
  return *type;
}

}  // namespace

TemplateValue TimeValue(TimestampMs t) {
  return TemplateValue::Struct({{"", TemplateValue::Int(t)}}, &TimeType());
}
TemplateValue DurationValue(int64_t nanoseconds) {
  return TemplateValue::Int(nanoseconds, &DurationType());
}

bool TimeOf(const TemplateValue& value, TimestampMs& t) {
  if (value.type() != &TimeType()) return false;
  t = MsOf(value);
  return true;
}
bool IsDurationValue(const TemplateValue& value) { return value.type() == &DurationType(); }

std::string FormatGoTime(TimestampMs t, std::string_view layout) {
  const Civil civil = ToCivil(t);
  std::string out;
  while (!layout.empty()) layout.remove_prefix(Element(layout, civil, out));
  return out;
}

std::string FormatGoDuration(int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  const bool negative = nanoseconds < 0;
  const uint64_t n =
      negative ? 0 - static_cast<uint64_t>(nanoseconds) : static_cast<uint64_t>(nanoseconds);
  // `value` of 10^-digits units, without trailing zeros.
  const auto decimal = [](uint64_t value, int digits) {
    uint64_t scale = 1;
    for (int i = 0; i < digits; ++i) scale *= 10;
    std::string text = absl::StrCat(value / scale);
    std::string fraction = absl::StrCat(value % scale);
    fraction.insert(0,
                    static_cast<size_t>(digits) -
                        std::min<size_t>(fraction.size(), static_cast<size_t>(digits)),
                    '0');
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return fraction.empty() ? text : absl::StrCat(text, ".", fraction);
  };
  std::string out = negative ? "-" : "";
  if (n < 1'000) return absl::StrCat(out, n, "ns");
  if (n < 1'000'000) return absl::StrCat(out, decimal(n, 3), "µs");
  if (n < 1'000'000'000) return absl::StrCat(out, decimal(n, 6), "ms");
  const uint64_t seconds = n / 1'000'000'000;
  if (seconds >= 3600) absl::StrAppend(&out, seconds / 3600, "h");
  if (seconds >= 60) absl::StrAppend(&out, seconds / 60 % 60, "m");
  return absl::StrCat(out, decimal(n % 60'000'000'000, 9), "s");
}

}  // namespace slowburn::rules
