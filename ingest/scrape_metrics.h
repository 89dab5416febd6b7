// Counters about scraping, under Prometheus' names. One object for all pools. Threads: thread-safe.
#ifndef SLOWBURN_INGEST_SCRAPE_METRICS_H_
#define SLOWBURN_INGEST_SCRAPE_METRICS_H_

#include "base/metrics.h"

namespace slowburn::ingest {

struct ScrapeMetrics {
  explicit ScrapeMetrics(prometheus::Registry& registry);

  prometheus::Registry& registry;
  prometheus::Counter& scrapes_failed;
  prometheus::Counter& out_of_order;
  prometheus::Counter& duplicate;
  prometheus::Counter& out_of_bounds;
  prometheus::Counter& refused_series;
  prometheus::Counter& sample_limit;
  prometheus::Counter& body_limit;
  prometheus::Counter& label_limits;
  prometheus::Counter& target_limit;
  prometheus::Counter& cache_flush_forced;
  prometheus::Counter& exemplars_refused;
  prometheus::Counter& commit_failures;
  prometheus::Counter& samples;
  prometheus::Gauge& pools;
  prometheus::Counter& pools_created;
  prometheus::Counter& pool_reloads;
  prometheus::Counter& file_errors;
  prometheus::Histogram& duration;
};

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_SCRAPE_METRICS_H_
