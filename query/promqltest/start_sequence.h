// The sequences of @st lines: where each sample's start timestamp lies, relative to the sample.
//
//   item := _ | _xN | DUR | DURxN | DUR+DURxN | DUR-DURxN        DUR may have a sign
//
// Internal to query/promqltest. Threads: stateless.
#ifndef SLOWBURN_QUERY_PROMQLTEST_START_SEQUENCE_H_
#define SLOWBURN_QUERY_PROMQLTEST_START_SEQUENCE_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/sample.h"

namespace slowburn::query {

// nullopt: no start timestamp at this place. kInvalidArgument: what is wrong with which item.
absl::StatusOr<std::vector<std::optional<tsdb::DurationMs>>> ParseStartSequence(
    std::string_view text);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_START_SEQUENCE_H_
