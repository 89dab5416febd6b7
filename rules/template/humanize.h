// Numbers for people: the humanize functions of Prometheus' templates. Inf and NaN print as such.
#ifndef SLOWBURN_RULES_TEMPLATE_HUMANIZE_H_
#define SLOWBURN_RULES_TEMPLATE_HUMANIZE_H_

#include <string>

#include "absl/status/statusor.h"

namespace slowburn::rules {

std::string Humanize(double v);            // 1.235M, 12m
std::string Humanize1024(double v);        // 1.177Mi
std::string HumanizeDuration(double v);    // 1d 2h 3m 4s, 899.9ms
std::string HumanizePercentage(double v);  // 12.35%
// "2015-06-23 13:19:44.128 +0000 UTC". kInvalidArgument: beyond what nanoseconds in 64 bits hold.
absl::StatusOr<std::string> HumanizeTimestamp(double v);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_HUMANIZE_H_
