// Go's time.Time and time.Duration as template values, with the methods that templates use. All
// times are UTC.
#ifndef SLOWBURN_RULES_TEMPLATE_TIME_VALUE_H_
#define SLOWBURN_RULES_TEMPLATE_TIME_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "rules/template/value.h"

namespace slowburn::rules {

// Prints "2006-01-02 15:04:05.999 +0000 UTC". Methods: Format Unix UnixMilli UnixNano Year Month
// Day Hour Minute Second Nanosecond Weekday YearDay UTC Local String IsZero Before After Equal Sub
// Add.
TemplateValue TimeValue(base::TimestampMs t);
// An int of nanoseconds that prints "1h30m0s". Methods: Seconds Minutes Hours Milliseconds
// Nanoseconds String.
TemplateValue DurationValue(int64_t nanoseconds);

// The time of a value that TimeValue made; false for others.
bool TimeOf(const TemplateValue& value, base::TimestampMs& t);
bool IsDurationValue(const TemplateValue& value);

// Layouts as "Jan 2, 2006 at 3:04pm (MST)".
std::string FormatGoTime(base::TimestampMs t, std::string_view layout);
std::string FormatGoDuration(int64_t nanoseconds);  // "1h30m0s", "1.5ms"

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_TIME_VALUE_H_
