#include "notify/time_interval.h"

#include <algorithm>
#include <climits>
#include <optional>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "base/status_macros.h"

namespace slowburn::notify {
namespace {

using Range = TimeSpec::Range;
// Turns one end of a range into a number.
using Member = std::optional<int> (*)(const std::string& text);

constexpr std::string_view kDays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                      "thursday", "friday", "saturday"};
constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};

std::optional<int> Number(const std::string& text) {
  int value = 0;
  if (text.empty() || absl::ascii_isspace(text.front()) || absl::ascii_isspace(text.back()))
    return std::nullopt;
  if (!absl::SimpleAtoi(text, &value)) return std::nullopt;
  return value;
}

std::optional<int> Weekday(const std::string& text) {
  const auto it = std::find(std::begin(kDays), std::end(kDays), text);
  return it == std::end(kDays) ? std::nullopt : std::optional<int>(int(it - std::begin(kDays)));
}

std::optional<int> Month(const std::string& text) {
  const auto it = std::find(std::begin(kMonths), std::end(kMonths), text);
  return it == std::end(kMonths) ? Number(text)
                                 : std::optional<int>(int(it - std::begin(kMonths)) + 1);
}

// "a" or "a:b", in any case.
absl::StatusOr<Range> ParseRange(const base::YamlNode& node, Member member, std::string_view what) {
  ASSIGN_OR_RETURN(const std::string given, node.AsString());
  const std::string text = absl::AsciiStrToLower(given);
  const size_t colon = text.find(':');
  const std::optional<int> first = member(text.substr(0, colon));
  const std::optional<int> last =
      colon == std::string::npos ? first : member(text.substr(colon + 1));
  if (!first || !last) {
    return node.Error(
        absl::StrCat("\"", given, "\" is not a ", std::string(what), " nor a range of them (a:b)"));
  }
  return Range{*first, *last};
}

absl::Status CheckOrder(const base::YamlNode& node, const Range& range, int smallest, int largest) {
  if (range.first < smallest || range.last > largest) {
    return node.Error(absl::StrCat(range.first, ":", range.last, " is out of range, want ",
                                   smallest, " to ", largest));
  }
  if (range.first > range.last) {
    return node.Error(
        absl::StrCat("the range ends (", range.last, ") before it begins (", range.first, ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckDayOfMonth(const base::YamlNode& node, const Range& range) {
  for (const int day : {range.first, range.last}) {
    if (day == 0 || day < -31 || day > 31) {
      return node.Error(absl::StrCat(day, " is not a day of the month, want 1 to 31 or -31 to -1"));
    }
  }
  if (range.first < 0 && range.last > 0) {
    return node.Error("the last day must be negative when the first one is");
  }
  // In the shortest month; longer ones are clamped when evaluated.
  const auto from_start = [](int day) { return day < 0 ? 28 + day : day; };
  if (from_start(range.first) > from_start(range.last)) {
    return node.Error(absl::StrCat("day ", range.last, " always comes before day ", range.first));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> ParseMinute(const base::YamlNode& parent, const std::string& text) {
  const auto digit = [&](size_t i) { return absl::ascii_isdigit(text[i]); };
  if (text.size() == 5 && text[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4)) {
    const int hour = (text[0] - '0') * 10 + (text[1] - '0');
    const int minute = (text[3] - '0') * 10 + (text[4] - '0');
    if ((hour < 24 && minute < 60) || (hour == 24 && minute == 0)) return hour * 60 + minute;
  }
  return parent.Error(
      absl::StrCat("\"", text, "\" is not a time of day, want HH:MM from 00:00 to 24:00"));
}

absl::StatusOr<Range> ParseTimes(const base::YamlNode& node) {
  base::YamlReader reader(node);
  std::string start, end;
  reader.String("start_time", start);
  reader.String("end_time", end);
  RETURN_IF_ERROR(reader.Finish("times"));
  if (start.empty() || end.empty()) return node.Error("start_time and end_time must both be given");
  ASSIGN_OR_RETURN(const int first, ParseMinute(node, start));
  ASSIGN_OR_RETURN(const int last, ParseMinute(node, end));
  if (first >= last) {
    return node.Error(absl::StrCat("start_time ", start, " must come before end_time ", end,
                                   "; an interval over midnight is written as two"));
  }
  return Range{first, last};
}

absl::Status ForEach(base::YamlReader& reader, std::string_view key, TimeSpec::Field& out,
                     absl::StatusOr<Range> (*parse)(const base::YamlNode&)) {
  const base::YamlNode* list = reader.Find(key);
  if (list == nullptr) return absl::OkStatus();
  if (list->kind != base::YamlNode::Kind::kSequence)
    return list->Error(absl::StrCat(std::string(key), ": want a list"));
  out.emplace();
  for (const base::YamlNode& item : list->items) {
    ASSIGN_OR_RETURN(const Range range, parse(item));
    out->push_back(range);
  }
  return absl::OkStatus();
}

absl::StatusOr<Range> ParseWeekday(const base::YamlNode& node) {
  ASSIGN_OR_RETURN(const Range range, ParseRange(node, Weekday, "weekday"));
  RETURN_IF_ERROR(CheckOrder(node, range, 0, 6));
  return range;
}

absl::StatusOr<Range> ParseDayOfMonth(const base::YamlNode& node) {
  ASSIGN_OR_RETURN(const Range range, ParseRange(node, Number, "day of the month"));
  RETURN_IF_ERROR(CheckDayOfMonth(node, range));
  return range;
}

absl::StatusOr<Range> ParseMonth(const base::YamlNode& node) {
  ASSIGN_OR_RETURN(const Range range, ParseRange(node, Month, "month"));
  RETURN_IF_ERROR(CheckOrder(node, range, INT_MIN, INT_MAX));
  return range;
}

absl::StatusOr<Range> ParseYear(const base::YamlNode& node) {
  ASSIGN_OR_RETURN(const Range range, ParseRange(node, Number, "year"));
  RETURN_IF_ERROR(CheckOrder(node, range, INT_MIN, INT_MAX));
  return range;
}

absl::StatusOr<absl::TimeZone> ParseLocation(const base::YamlNode& node) {
  ASSIGN_OR_RETURN(const std::string name, node.AsString());
  if (name.empty() || name == "UTC") return absl::UTCTimeZone();
  if (name == "Local") return absl::LocalTimeZone();
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) {
    return node.Error(absl::StrCat("unknown time zone \"", name,
                                   "\", want a name of the IANA database, Local or UTC"));
  }
  return zone;
}

absl::StatusOr<TimeSpec> ParseSpec(const base::YamlNode& node) {
  base::YamlReader reader(node);
  TimeSpec spec;
  RETURN_IF_ERROR(ForEach(reader, "times", spec.minutes, ParseTimes));
  RETURN_IF_ERROR(ForEach(reader, "weekdays", spec.weekdays, ParseWeekday));
  RETURN_IF_ERROR(ForEach(reader, "days_of_month", spec.days_of_month, ParseDayOfMonth));
  RETURN_IF_ERROR(ForEach(reader, "months", spec.months, ParseMonth));
  RETURN_IF_ERROR(ForEach(reader, "years", spec.years, ParseYear));
  if (const base::YamlNode* location = reader.Find("location")) {
    ASSIGN_OR_RETURN(spec.zone, ParseLocation(*location));
  }
  RETURN_IF_ERROR(reader.Finish("time interval"));
  return spec;
}

bool InAny(const TimeSpec::Field& ranges, int value) {
  return !ranges || std::any_of(ranges->begin(), ranges->end(), [&](const Range& r) {
    return value >= r.first && value <= r.last;
  });
}

bool InMinutes(const TimeSpec::Field& ranges, int minute) {
  return !ranges || std::any_of(ranges->begin(), ranges->end(), [&](const Range& r) {
    return minute >= r.first && minute < r.last;
  });
}

bool InDays(const TimeSpec::Field& ranges, const absl::CivilSecond& local) {
  if (!ranges) return true;
  const absl::CivilMonth month(local);
  const int days = int(absl::CivilDay(month + 1) - absl::CivilDay(month));
  for (const Range& range : *ranges) {
    const int first = range.first < 0 ? days + range.first + 1 : range.first;
    const int last = range.last < 0 ? days + range.last + 1 : range.last;
    if (first > days) continue;  // this month has no such day
    if (local.day() >= std::min(first, days) && local.day() <= std::min(last, days)) return true;
  }
  return false;
}

int WeekdayNumber(const absl::CivilSecond& local) {
  // absl counts from Monday.
  return (static_cast<int>(absl::GetWeekday(local)) + 1) % 7;
}

}  // namespace

bool TimeSpec::Contains(base::TimestampMs time) const {
  const absl::CivilSecond local = absl::ToCivilSecond(absl::FromUnixMillis(time), zone);
  return InMinutes(minutes, local.hour() * 60 + local.minute()) && InDays(days_of_month, local) &&
         InAny(months, local.month()) && InAny(weekdays, WeekdayNumber(local)) &&
         InAny(years, int(local.year()));
}

bool TimeInterval::Contains(base::TimestampMs time) const {
  return std::any_of(specs.begin(), specs.end(),
                     [&](const TimeSpec& spec) { return spec.Contains(time); });
}

absl::StatusOr<TimeInterval> ParseTimeInterval(const base::YamlNode& node) {
  base::YamlReader reader(node);
  TimeInterval interval;
  reader.String("name", interval.name);
  if (const base::YamlNode* specs = reader.Find("time_intervals")) {
    if (specs->kind != base::YamlNode::Kind::kSequence)
      return specs->Error("time_intervals: want a list");
    for (const base::YamlNode& item : specs->items) {
      ASSIGN_OR_RETURN(TimeSpec spec, ParseSpec(item));
      interval.specs.push_back(std::move(spec));
    }
  }
  RETURN_IF_ERROR(reader.Finish("time interval"));
  if (interval.name.empty()) return node.Error("missing name in time interval");
  return interval;
}

}  // namespace slowburn::notify
