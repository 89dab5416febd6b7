// Limits of the store. Each has a default that a single machine survives, a counter
// (slowburn_tsdb_limit_refusals_total), and an error that names it.
#ifndef SLOWBURN_TSDB_LIMITS_H_
#define SLOWBURN_TSDB_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace slowburn::tsdb {

struct Limits {
  // Of those in memory: a series counts until it got nothing for two hours.
  size_t active_series = 10'000'000;
  size_t active_series_per_job = 0;  // of one value of the label `job`; 0: no limit
  size_t labels_per_series = 128;
  size_t label_name_bytes = 1024;
  size_t label_value_bytes = 64 * 1024;
  size_t metadata_metrics = 100'000;  // metadata of further metrics is dropped
  // Of series and of samples that are not in blocks yet, about. At three quarters samples are
  // sealed early; at the limit no series is made, and commits are refused while more than a quarter
  // of it is samples.
  uint64_t head_bytes = uint64_t{4} << 30;
  // With less space on the disk commits are refused, so that what is there can still be sealed.
  uint64_t min_free_bytes = uint64_t{256} << 20;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_LIMITS_H_
