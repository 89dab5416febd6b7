// Classic histograms (x_bucket, x_count, x_sum) to native ones with custom bounds (x), as
// load_with_nhcb wants them. Internal to query/promqltest. Threads: stateless.
#ifndef SLOWBURN_QUERY_PROMQLTEST_CLASSIC_TO_NATIVE_H_
#define SLOWBURN_QUERY_PROMQLTEST_CLASSIC_TO_NATIVE_H_

#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "query/promqltest/test_script.h"

namespace slowburn::query {

using LoadedSeries = std::map<tsdb::Labels, std::vector<LoadedSample>>;

// Only the converted series. kInvalidArgument: the counts do not make a histogram.
absl::StatusOr<LoadedSeries> ClassicToNative(const LoadedSeries& series);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_CLASSIC_TO_NATIVE_H_
