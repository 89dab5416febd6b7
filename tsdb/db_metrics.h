// What the store counts about itself. Names are Prometheus' where it has the metric.
#ifndef SLOWBURN_TSDB_DB_METRICS_H_
#define SLOWBURN_TSDB_DB_METRICS_H_

#include "base/metrics.h"

namespace slowburn::tsdb {

// Threads: thread-safe. Lifetimes: the registry outlives it.
struct DbMetrics {
  explicit DbMetrics(prometheus::Registry& registry);

  prometheus::Counter &float_samples, &histogram_samples, &exemplars;
  prometheus::Counter &out_of_order_floats, &out_of_order_histograms;
  prometheus::Counter &too_old_floats, &too_old_histograms, &out_of_bounds_floats,
      &out_of_bounds_histograms;
  prometheus::Counter &too_far_in_future, &duplicates, &unknown_series, &late_samples,
      &out_of_order_exemplars;
  prometheus::Counter &series_created, &series_removed;
  prometheus::Counter &commits, &log_writes, &log_write_failures, &log_bytes, &log_unreadable;
  prometheus::Histogram& fsync_seconds;
  prometheus::Gauge &series, &chunks, &min_time, &max_time, &stored_exemplars, &samples;
  prometheus::Gauge &log_size, &retention_seconds, &retention_bytes, &replay_seconds;
  prometheus::Counter &seals, &seal_failures, &compactions, &compaction_failures;
  prometheus::Counter &head_truncations, &time_retentions, &size_retentions;
  prometheus::Histogram &seal_seconds, &compaction_seconds, &head_gc_seconds, &tombstone_seconds;
  prometheus::Gauge &blocks, &blocks_quarantined, &block_bytes, &head_bytes;
  prometheus::Gauge &lowest_time, &lowest_seconds;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_DB_METRICS_H_
