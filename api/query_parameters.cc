#include "api/query_parameters.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "query/parser/parser.h"
#include "query/parser/quote.h"

namespace slowburn::api {
namespace {

// What Prometheus takes for the first and last moment where a request names none, and how it writes
// them.
constexpr int64_t kYearOneSeconds = 62135596801;
constexpr tsdb::TimestampMs kFirstMoment =
    (std::numeric_limits<int64_t>::min() / 1000 + kYearOneSeconds) * 1000;
constexpr tsdb::TimestampMs kLastMoment =
    (std::numeric_limits<int64_t>::max() / 1000 - kYearOneSeconds) * 1000 + 999;
constexpr std::string_view kFirstMomentText = "-292273086-05-16T16:47:06Z";
constexpr std::string_view kLastMomentText = "292277025-08-18T07:12:54.999999999Z";

absl::Status Invalid(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

// One code point in hexadecimal between underscores, as _2e_; `pos` is behind the first underscore.
std::optional<uint32_t> TakeCodePoint(std::string_view name, size_t& pos) {
  constexpr size_t kMaxDigits = 6;
  const size_t end = name.find('_', pos);
  if (end == name.npos || end == pos || end - pos > kMaxDigits) return std::nullopt;
  uint32_t code = 0;
  const auto [stop, error] = std::from_chars(name.data() + pos, name.data() + end, code, 16);
  if (error != std::errc() || stop != name.data() + end) return std::nullopt;
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return std::nullopt;
  pos = end;
  return code;
}

// As Go reads numbers: underscores between digits are no part of them.
bool ParseNumber(std::string_view text, double& value) {
  if (text.find('_') == text.npos) return base::ParseFloat(text, value);
  const auto is_digit = [&](size_t i) {
    return i < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[i]));
  };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || !is_digit(i - 1) || !is_digit(i + 1)) {
      return false;
    }
  }
  return base::ParseFloat(plain, value);
}

}  // namespace

absl::StatusOr<tsdb::TimestampMs> ParseTime(std::string_view text) {
  double seconds = 0;
  if (ParseNumber(text, seconds)) {
    constexpr double kLimit = double(kLastMoment) / 1000;
    if (!std::isfinite(seconds))
      return Invalid("cannot parse " + query::GoQuote(text) + " to a valid timestamp");
    if (seconds >= kLimit) return kLastMoment;
    if (seconds <= -kLimit) return kFirstMoment;
    double whole = 0;
    const double fraction = std::modf(seconds, &whole);
    return int64_t(whole) * 1000 + std::llround(fraction * 1000);
  }
  if (absl::StatusOr<tsdb::TimestampMs> t = base::ParseRfc3339(text); t.ok()) return t;
  if (text == kFirstMomentText) return kFirstMoment;
  if (text == kLastMomentText) return kLastMoment;
  return Invalid("cannot parse " + query::GoQuote(text) + " to a valid timestamp");
}

absl::StatusOr<tsdb::DurationMs> ParseQueryDuration(std::string_view text) {
  double seconds = 0;
  if (ParseNumber(text, seconds)) {
    constexpr double kLimit = double(std::numeric_limits<int64_t>::max()) / 1e9;
    if (!(seconds <= kLimit && seconds >= -kLimit)) {
      return Invalid("cannot parse " + query::GoQuote(text) +
                     " to a valid duration. It overflows int64");
    }
    return int64_t(seconds * 1000);
  }
  if (absl::StatusOr<tsdb::DurationMs> ms = base::ParseDuration(text); ms.ok()) return ms;
  return Invalid("cannot parse " + query::GoQuote(text) + " to a valid duration");
}

absl::Status ForParameter(std::string_view name, const absl::Status& status) {
  if (status.ok()) return status;
  return Invalid("invalid parameter " + query::GoQuote(name) + ": " +
                 std::string(status.message()));
}

absl::StatusOr<tsdb::TimestampMs> TimeParameter(const Params& params, std::string_view name) {
  absl::StatusOr<tsdb::TimestampMs> t = ParseTime(params.Get(name));
  if (!t.ok()) return ForParameter(name, t.status());
  return t;
}

absl::StatusOr<tsdb::TimestampMs> TimeParameter(const Params& params, std::string_view name,
                                                tsdb::TimestampMs fallback) {
  const std::string_view text = params.Get(name);
  if (text.empty()) return fallback;
  absl::StatusOr<tsdb::TimestampMs> t = ParseTime(text);
  if (t.ok()) return t;
  return ForParameter(name, Invalid("invalid time value for '" + std::string(name) +
                                    "': " + std::string(t.status().message())));
}

absl::StatusOr<size_t> LimitParameter(const Params& params) {
  const std::string_view text = params.Get("limit");
  if (text.empty()) return size_t{0};
  const auto fail = [&](std::string_view why) {
    return ForParameter("limit", Invalid("strconv.Atoi: parsing " + query::GoQuote(text) + ": " +
                                         std::string(why)));
  };
  int64_t limit = 0;
  const char* begin = text.data() + (text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), limit);
  if (error == std::errc::result_out_of_range) return fail("value out of range");
  if (error != std::errc() || end != text.data() + text.size()) return fail("invalid syntax");
  if (limit < 0) return ForParameter("limit", Invalid("limit must be non-negative"));
  return size_t(limit);
}

absl::StatusOr<tsdb::TimeRange> RangeParameters(const Params& params) {
  tsdb::TimeRange range;
  ASSIGN_OR_RETURN(range.start, TimeParameter(params, "start", kFirstMoment));
  ASSIGN_OR_RETURN(const tsdb::TimestampMs last, TimeParameter(params, "end", kLastMoment));
  range.end = last + 1;
  return range;
}

absl::StatusOr<std::vector<tsdb::Matchers>> MatchParameters(const Params& params,
                                                            query::Selecting what) {
  std::vector<tsdb::Matchers> out;
  for (const std::string_view text : params.All("match[]")) {
    ASSIGN_OR_RETURN(tsdb::Matchers matchers, query::ParseSelector(text, what));
    out.push_back(std::move(matchers));
  }
  return out;
}

std::optional<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

absl::StatusOr<bool> BoolParameter(const Params& params, std::string_view name) {
  const std::string_view text = params.Get(name);
  if (text.empty()) return false;
  if (const std::optional<bool> value = ParseBool(text)) return *value;
  return ForParameter(name, Invalid("unable to parse boolean: strconv.ParseBool: parsing " +
                                    query::GoQuote(text) + ": invalid syntax"));
}

std::string UnescapeLabelName(std::string_view name) {
  constexpr std::string_view kPrefix = "U__";
  if (!name.starts_with(kPrefix)) return std::string(name);
  std::string out;
  for (size_t pos = kPrefix.size(); pos < name.size(); ++pos) {
    if (name[pos] != '_') {
      out += name[pos];
      continue;
    }
    ++pos;
    if (pos < name.size() && name[pos] == '_') {
      out += '_';
      continue;
    }
    const std::optional<uint32_t> code = TakeCodePoint(name, pos);
    if (!code.has_value()) return std::string(name);
    query::AppendRune(out, *code);
  }
  return out;
}

}  // namespace slowburn::api
