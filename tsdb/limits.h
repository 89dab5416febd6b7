// Limits of the store. Each has a default that a single machine survives, a counter, and an error
// that names it.
#ifndef SLOWBURN_TSDB_LIMITS_H_
#define SLOWBURN_TSDB_LIMITS_H_

#include <cstddef>

namespace slowburn::tsdb {

struct Limits {
  size_t active_series = 10'000'000;
  size_t labels_per_series = 128;
  size_t label_name_bytes = 1024;
  size_t label_value_bytes = 64 * 1024;
  size_t metadata_metrics = 100'000;  // metadata of further metrics is dropped
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_LIMITS_H_
