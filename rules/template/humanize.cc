#include "rules/template/humanize.h"

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "rules/template/format.h"
#include "rules/template/time_value.h"

namespace slowburn::rules {
namespace {

constexpr std::string_view kLarge[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::string_view kLarge1024[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
constexpr std::string_view kSmall[] = {"m", "u", "n", "p", "f", "a", "z", "y"};

std::string Digits(double v) { return FormatG(v, 4); }

template <size_t kCount>
std::string Divided(double v, double unit, const std::string_view (&prefixes)[kCount]) {
  std::string_view prefix;
  for (const std::string_view p : prefixes) {
    if (std::fabs(v) < unit) break;
    prefix = p;
    v /= unit;
  }
  return absl::StrCat(Digits(v), std::string(prefix));
}

std::string Multiplied(double v) {
  std::string_view prefix;
  for (const std::string_view p : kSmall) {
    if (std::fabs(v) >= 1) break;
    prefix = p;
    v *= 1000;
  }
  return absl::StrCat(Digits(v), std::string(prefix));
}

}  // namespace

std::string Humanize(double v) {
  if (v == 0 || !std::isfinite(v)) return Digits(v);
  return std::fabs(v) >= 1 ? Divided(v, 1000, kLarge) : Multiplied(v);
}

std::string Humanize1024(double v) {
  if (std::fabs(v) <= 1 || !std::isfinite(v)) return Digits(v);
  return Divided(v, 1024, kLarge1024);
}

std::string HumanizeDuration(double v) {
  if (!std::isfinite(v)) return Digits(v);
  if (v == 0) return Digits(v) + "s";
  if (std::fabs(v) < 1) return Multiplied(v) + "s";
  const std::string sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  if (v < 60) return absl::StrCat(sign, Digits(v), "s");
  // From minutes on seconds are whole.
  const auto whole = v < 9.2e18 ? static_cast<int64_t>(v) : INT64_MAX;
  const int64_t seconds = whole % 60, minutes = whole / 60 % 60, hours = whole / 3600 % 24,
                days = whole / 86400;
  std::string out = sign;
  if (days != 0) absl::StrAppend(&out, days, "d ");
  if (days != 0 || hours != 0) absl::StrAppend(&out, hours, "h ");
  return absl::StrCat(out, minutes, "m ", seconds, "s");
}

std::string HumanizePercentage(double v) { return Digits(v * 100) + "%"; }

absl::StatusOr<std::string> HumanizeTimestamp(double v) {
  if (!std::isfinite(v)) return Digits(v);
  const double nanoseconds = v * 1e9;
  if (nanoseconds > 9.223372036854775807e18 || nanoseconds < -9.223372036854775808e18) {
    return absl::InvalidArgumentError(absl::StrCat(
        FormatV(v), " cannot be represented as a nanoseconds timestamp since it overflows int64"));
  }
  return FormatGoTime(static_cast<int64_t>(nanoseconds / 1e6),
                      "2006-01-02 15:04:05.999999999 -0700 MST");
}

}  // namespace slowburn::rules
