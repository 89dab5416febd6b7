// slowburn.yml: our own settings, kept out of prometheus.yml and alertmanager.yml so that promtool
// and amtool go on accepting those.
//
//   slo_files: ['slo/*.yml']          # relative to this file; added to --slo.files
//   limits:                          # see tsdb/limits.h
//     active_series: 10000000
//     active_series_per_job: 0       # none
//     labels_per_series: 128
//     label_name_bytes: 1KiB
//     label_value_bytes: 64KiB
//     query_memory_bytes: 2GiB          # of one query
//     query_memory_total_bytes: 4GiB    # of all queries and the answers that are being sent
//     head_bytes: 4GiB
//     min_free_bytes: 256MiB
//     ahead_of_now: 10m
//
// Keys that are planned but not built (notify, tenants) are refused: ignoring them could lose a
// page or mix up tenants. Threads: values. Errors: kInvalidArgument with file:line:column,
// kNotFound when the file is not there.
#ifndef SLOWBURN_APP_SLOWBURN_CONFIG_H_
#define SLOWBURN_APP_SLOWBURN_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "query/limits.h"
#include "tsdb/limits.h"

namespace slowburn::app {

struct QueryLimits {
  uint64_t memory_bytes = query::kDefaultQueryMemoryBytes;
  uint64_t memory_total_bytes = query::kDefaultQueryMemoryTotalBytes;
};

struct SlowburnConfig {
  std::vector<std::string> slo_files;
  tsdb::Limits limits;
  QueryLimits query_limits;
  base::DurationMs max_ahead_ms = 10 * base::kMinute;  // of now, for samples
};

absl::StatusOr<SlowburnConfig> ParseSlowburnConfig(std::string_view text, const std::string& path);
absl::StatusOr<SlowburnConfig> LoadSlowburnConfig(const std::string& path);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_SLOWBURN_CONFIG_H_
