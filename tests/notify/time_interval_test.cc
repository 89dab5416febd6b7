#include "notify/time_interval.h"

#include <gtest/gtest.h>

#include "base/number.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

absl::StatusOr<TimeInterval> Parse(const std::string& specs) {
  auto node = base::ParseYaml("{name: t, time_intervals: [" + specs + "]}", "t.yml");
  if (!node.ok()) return node.status();
  return ParseTimeInterval(*node);
}

struct Case {
  std::string specs;
  std::string time;  // RFC 3339
  bool want;
};

TEST(TimeInterval, Contains) {
  const Case cases[] = {
      {"{}", "2026-03-04T05:06:07Z", true},
      {"{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-03-04T09:00:00Z", true},
      {"{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-03-04T16:59:59Z", true},
      {"{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-03-04T17:00:00Z", false},
      {"{times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: "
       "'06:00'}]}",
       "2026-03-04T23:59:00Z", true},
      {"{weekdays: ['monday:friday']}", "2026-03-04T00:00:00Z", true},  // a Wednesday
      {"{weekdays: ['saturday', Sunday]}", "2026-03-08T00:00:00Z", true},
      {"{weekdays: ['monday:friday']}", "2026-03-08T00:00:00Z", false},
      {"{days_of_month: ['1:7']}", "2026-03-08T00:00:00Z", false},
      {"{days_of_month: ['-1']}", "2026-02-28T00:00:00Z", true},
      {"{days_of_month: ['-1']}", "2028-02-28T00:00:00Z", false},
      {"{days_of_month: ['-1']}", "2028-02-29T00:00:00Z", true},
      {"{days_of_month: ['29:31']}", "2026-02-28T00:00:00Z", false},  // begins after the month
      {"{days_of_month: ['28:31']}", "2026-02-28T00:00:00Z", true},   // clamped
      {"{days_of_month: ['1:-3']}", "2026-02-26T00:00:00Z", true},
      {"{days_of_month: ['1:-3']}", "2026-02-27T00:00:00Z", false},
      {"{months: ['january:march', 12]}", "2026-12-01T00:00:00Z", true},
      {"{months: ['january:march', 12]}", "2026-11-01T00:00:00Z", false},
      {"{years: ['2025:2026']}", "2026-11-01T00:00:00Z", true},
      {"{years: [2025]}", "2026-11-01T00:00:00Z", false},
      // All fields must match.
      {"{weekdays: [monday], months: [march]}", "2026-03-03T00:00:00Z", false},
      // Any specification.
      {"{weekdays: [monday]}, {weekdays: [tuesday]}", "2026-03-03T00:00:00Z", true},
      {"{weekdays: []}", "2026-03-03T00:00:00Z", false},  // an empty list is not an absent one
      // Time zones: 23:30 UTC on Tuesday is Wednesday in Sydney.
      {"{weekdays: [wednesday], location: Australia/Sydney}", "2026-03-03T23:30:00Z", true},
      {"{weekdays: [tuesday], location: UTC}", "2026-03-03T23:30:00Z", true},
      // 02:30 in Berlin exists twice on 2026-10-25.
      {"{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}",
       "2026-10-25T00:30:00Z", true},
      {"{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}",
       "2026-10-25T01:30:00Z", true},
      {"{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}",
       "2026-10-25T02:30:00Z", false},
      // The month with a change of the clock keeps its number of days.
      {"{days_of_month: ['-1'], location: America/New_York}", "2026-03-31T12:00:00Z", true},
      {"{days_of_month: ['-1'], location: America/New_York}", "2026-11-30T12:00:00Z", true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.specs + " at " + c.time);
    ASSERT_OK_AND_ASSIGN(const TimeInterval interval, Parse(c.specs));
    ASSERT_OK_AND_ASSIGN(const base::TimestampMs time, base::ParseRfc3339(c.time));
    EXPECT_EQ(interval.Contains(time), c.want);
  }
}

TEST(TimeInterval, RefusesWithPosition) {
  const std::pair<std::string, std::string> cases[] = {
      {"{times: [{start_time: '09:00', end_time: '09:00'}]}", "must come before"},
      {"{times: [{start_time: '22:00', end_time: '06:00'}]}", "must come before"},
      {"{times: [{start_time: '9:00', end_time: '10:00'}]}", "not a time of day"},
      {"{times: [{start_time: '23:00', end_time: '24:01'}]}", "not a time of day"},
      {"{times: [{start_time: '23:00'}]}", "must both be given"},
      {"{times: [{start: '23:00', end_time: '24:00'}]}", "start"},
      {"{weekdays: [funday]}", "not a weekday"},
      {"{weekdays: ['friday:monday']}", "before it begins"},
      {"{weekdays: ['a:b:c']}", "not a weekday"},
      {"{days_of_month: [0]}", "not a day of the month"},
      {"{days_of_month: [32]}", "not a day of the month"},
      {"{days_of_month: ['-3:2']}", "must be negative"},
      {"{days_of_month: ['10:5']}", "always comes before"},
      {"{days_of_month: ['-1:-3']}", "always comes before"},
      {"{months: ['march:january']}", "before it begins"},
      {"{months: [janvier]}", "not a month"},
      {"{years: ['2027:2026']}", "before it begins"},
      {"{location: Mars/Olympus}", "unknown time zone"},
      {"{hours: ['1']}", "hours"},
      {"{weekdays: monday}", "want a list"},
  };
  for (const auto& [specs, want] : cases) {
    SCOPED_TRACE(specs);
    EXPECT_THAT(Parse(specs), testing::IsCode(absl::StatusCode::kInvalidArgument, want));
    EXPECT_THAT(Parse(specs), testing::IsCode(absl::StatusCode::kInvalidArgument, "t.yml:1:"));
  }
}

}  // namespace
}  // namespace slowburn::notify
