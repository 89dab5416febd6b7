#include "query/functions/float_functions.h"

#include <cmath>
#include <cstdint>
#include <numbers>

namespace slowburn::query {
namespace {

constexpr int64_t kSecondsPerDay = 86400;

struct Civil {
  int64_t year;
  int64_t month, day;   // from 1
  int64_t day_of_year;  // from 1
};

bool IsLeap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int64_t DaysInMonth(int64_t year, int64_t month) {
  constexpr int64_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

// Days since 1970-01-01 to a date of the Gregorian calendar. Years are taken to begin in March, so
// that the leap day is their last.
Civil ToCivil(int64_t days) {
  constexpr int64_t kDaysPerEra = 146097, kFromMarch0000 = 719468;
  days += kFromMarch0000;
  const int64_t era = (days >= 0 ? days : days - kDaysPerEra + 1) / kDaysPerEra;
  const int64_t day_of_era = days - era * kDaysPerEra;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  Civil c;
  c.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  c.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  c.year = year_of_era + era * 400 + (c.month <= 2 ? 1 : 0);
  c.day_of_year = c.day;
  for (int64_t m = 1; m < c.month; ++m) c.day_of_year += DaysInMonth(c.year, m);
  return c;
}

struct Moment {
  int64_t days;    // since the epoch
  int64_t second;  // of the day
};

Moment At(double v) {
  constexpr double kLimit = 9.2e18;
  // Go's conversion of what does not fit, NaN included, ends at 2^63 seconds.
  if (!(std::fabs(v) < kLimit)) return {106751991167300, 55808};
  const auto seconds = int64_t(v);
  const int64_t second = (seconds % kSecondsPerDay + kSecondsPerDay) % kSecondsPerDay;
  return {(seconds - second) / kSecondsPerDay, second};
}

Civil Date(double v) { return ToCivil(At(v).days); }

// The epoch was a Thursday.
double DayOfWeek(double v) { return double(((At(v).days + 4) % 7 + 7) % 7); }
double DayOfMonth(double v) { return double(Date(v).day); }
double DayOfYear(double v) { return double(Date(v).day_of_year); }
double Month(double v) { return double(Date(v).month); }
double Year(double v) { return double(Date(v).year); }
double DaysInItsMonth(double v) {
  const Civil date = Date(v);
  return double(DaysInMonth(date.year, date.month));
}
double Hour(double v) { return double(At(v).second / 3600); }
double Minute(double v) { return double(At(v).second % 3600 / 60); }

double Sign(double v) { return v < 0 ? -1 : v > 0 ? 1 : v; }
double Degrees(double v) { return v * 180 / std::numbers::pi; }
double Radians(double v) { return v * std::numbers::pi / 180; }

}  // namespace

FloatFunction FindFloatFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kAbs:
      return [](double v) { return std::fabs(v); };
    case FunctionId::kAcos:
      return [](double v) { return std::acos(v); };
    case FunctionId::kAcosh:
      return [](double v) { return std::acosh(v); };
    case FunctionId::kAsin:
      return [](double v) { return std::asin(v); };
    case FunctionId::kAsinh:
      return [](double v) { return std::asinh(v); };
    case FunctionId::kAtan:
      return [](double v) { return std::atan(v); };
    case FunctionId::kAtanh:
      return [](double v) { return std::atanh(v); };
    case FunctionId::kCeil:
      return [](double v) { return std::ceil(v); };
    case FunctionId::kCos:
      return [](double v) { return std::cos(v); };
    case FunctionId::kCosh:
      return [](double v) { return std::cosh(v); };
    case FunctionId::kDeg:
      return Degrees;
    case FunctionId::kExp:
      return [](double v) { return std::exp(v); };
    case FunctionId::kFloor:
      return [](double v) { return std::floor(v); };
    case FunctionId::kLn:
      return [](double v) { return std::log(v); };
    case FunctionId::kLog10:
      return [](double v) { return std::log10(v); };
    case FunctionId::kLog2:
      return [](double v) { return std::log2(v); };
    case FunctionId::kRad:
      return Radians;
    case FunctionId::kSgn:
      return Sign;
    case FunctionId::kSin:
      return [](double v) { return std::sin(v); };
    case FunctionId::kSinh:
      return [](double v) { return std::sinh(v); };
    case FunctionId::kSqrt:
      return [](double v) { return std::sqrt(v); };
    case FunctionId::kTan:
      return [](double v) { return std::tan(v); };
    case FunctionId::kTanh:
      return [](double v) { return std::tanh(v); };
    default:
      return nullptr;
  }
}

FloatFunction FindTimeFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kDayOfMonth:
      return DayOfMonth;
    case FunctionId::kDayOfWeek:
      return DayOfWeek;
    case FunctionId::kDayOfYear:
      return DayOfYear;
    case FunctionId::kDaysInMonth:
      return DaysInItsMonth;
    case FunctionId::kHour:
      return Hour;
    case FunctionId::kMinute:
      return Minute;
    case FunctionId::kMonth:
      return Month;
    case FunctionId::kYear:
      return Year;
    default:
      return nullptr;
  }
}

double RoundTo(double v, double inverse_of_multiple) {
  return std::floor(v * inverse_of_multiple + 0.5) / inverse_of_multiple;
}

}  // namespace slowburn::query
