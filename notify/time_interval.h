// Time intervals: when a route is muted or active. Parsed strictly and evaluated exactly, because
// ignoring one sends a page at the wrong time or not at all.
//
// Within one field any range may match, all fields given must match, and an interval contains what
// any of its specifications contains. Times are HH:MM in [00:00, 24:00], the end excluded; all
// other ranges include both ends. Threads: immutable.
#ifndef SLOWBURN_NOTIFY_TIME_INTERVAL_H_
#define SLOWBURN_NOTIFY_TIME_INTERVAL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/yaml.h"

namespace slowburn::notify {

struct TimeSpec {
  struct Range {
    int first = 0, last = 0;
  };
  // A field that is not given matches everything, an empty list nothing.
  using Field = std::optional<std::vector<Range>>;
  Field minutes;        // of the day, [first, last)
  Field weekdays;       // Sunday is 0
  Field days_of_month;  // negative: from the end, -1 is the last
  Field months, years;
  absl::TimeZone zone = absl::UTCTimeZone();

  bool Contains(base::TimestampMs time) const;
};

struct TimeInterval {
  std::string name;
  std::vector<TimeSpec> specs;
  bool Contains(base::TimestampMs time) const;
};

// {name: …, time_intervals: [{times: …, weekdays: …, …}]}
absl::StatusOr<TimeInterval> ParseTimeInterval(const base::YamlNode& node);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_TIME_INTERVAL_H_
