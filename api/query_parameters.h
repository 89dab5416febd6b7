// The parameters of Prometheus' query endpoints: times, durations, limits, selectors, escaped label
// names.
//
// Errors are kInvalidArgument with Prometheus' words; those of the first three begin `invalid
// parameter "NAME": `. Threads: stateless.
#ifndef SLOWBURN_API_QUERY_PARAMETERS_H_
#define SLOWBURN_API_QUERY_PARAMETERS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "api/http.h"
#include "query/parser/parser.h"
#include "tsdb/matcher.h"
#include "tsdb/sample.h"

namespace slowburn::api {

// Unix seconds with a fraction, or RFC 3339. Prometheus' own first and last moment count as such.
absl::StatusOr<tsdb::TimestampMs> ParseTime(std::string_view text);
// Seconds with a fraction, or 1h30m. Cut to milliseconds.
absl::StatusOr<tsdb::DurationMs> ParseQueryDuration(std::string_view text);

// Required (an empty text is no time).
absl::StatusOr<tsdb::TimestampMs> TimeParameter(const Params& params, std::string_view name);
// `fallback` where the parameter is absent or empty.
absl::StatusOr<tsdb::TimestampMs> TimeParameter(const Params& params, std::string_view name,
                                                tsdb::TimestampMs fallback);
// 0: no limit.
absl::StatusOr<size_t> LimitParameter(const Params& params);

// start and end of label and series requests, both inclusive, both optional.
absl::StatusOr<tsdb::TimeRange> RangeParameters(const Params& params);
// Every match[].
absl::StatusOr<std::vector<tsdb::Matchers>> MatchParameters(
    const Params& params, query::Selecting what = query::Selecting::kSomething);

// As Go's strconv.ParseBool.
std::optional<bool> ParseBool(std::string_view text);
// false where the parameter is absent or empty.
absl::StatusOr<bool> BoolParameter(const Params& params, std::string_view name);

// U__http_2e_status is http.status: how names that are no path segments are written into one.
// Anything that does not decode stays as it is.
std::string UnescapeLabelName(std::string_view name);

// `invalid parameter "NAME": ` before the message.
absl::Status ForParameter(std::string_view name, const absl::Status& status);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_QUERY_PARAMETERS_H_
