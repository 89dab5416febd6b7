#include "ingest/scrape_metrics.h"

namespace slowburn::ingest {

ScrapeMetrics::ScrapeMetrics(prometheus::Registry& r)
    : registry(r),
      scrapes_failed(base::AddCounter(r, "slowburn_target_scrapes_failed_total",
                                      "Scrapes that failed: no answer, a bad one, or a limit.")),
      out_of_order(
          base::AddCounter(r, "prometheus_target_scrapes_sample_out_of_order_total",
                           "Total number of samples rejected due to not being out of the expected "
                           "order.")),
      duplicate(base::AddCounter(
          r, "prometheus_target_scrapes_sample_duplicate_timestamp_total",
          "Total number of samples rejected due to duplicate timestamps but different "
          "values.")),
      out_of_bounds(base::AddCounter(
          r, "prometheus_target_scrapes_sample_out_of_bounds_total",
          "Total number of samples rejected due to timestamp falling outside of the "
          "time bounds.")),
      refused_series(
          base::AddCounter(r, "slowburn_target_scrapes_refused_series_total",
                           "Series left out of a scrape because of a limit of the store.")),
      sample_limit(
          base::AddCounter(r, "prometheus_target_scrapes_exceeded_sample_limit_total",
                           "Total number of scrapes that hit the sample limit and were rejected.")),
      body_limit(base::AddCounter(r, "prometheus_target_scrapes_exceeded_body_size_limit_total",
                                  "Total number of scrapes that hit the body size limit")),
      label_limits(base::AddCounter(
          r, "prometheus_target_scrape_pool_exceeded_label_limits_total",
          "Total number of times scrape pools hit the label limits, during sync or "
          "config reload.")),
      target_limit(base::AddCounter(
          r, "prometheus_target_scrape_pool_exceeded_target_limit_total",
          "Total number of times scrape pools hit the target limit, during sync or "
          "config reload.")),
      cache_flush_forced(
          base::AddCounter(r, "prometheus_target_scrapes_cache_flush_forced_total",
                           "How many times a scrape cache was flushed due to getting big while "
                           "scrapes are failing.")),
      exemplars_refused(
          base::AddCounter(r, "prometheus_target_scrapes_exemplar_out_of_order_total",
                           "Total number of exemplar rejected due to not being out of the "
                           "expected order.")),
      commit_failures(
          base::AddCounter(r, "slowburn_target_scrapes_commit_failures_total",
                           "Scrapes that the store could not log: their samples are lost.")),
      samples(base::AddCounter(r, "slowburn_target_scrapes_samples_total",
                               "Samples stored by scraping.")),
      pools(base::AddGauge(r, "slowburn_target_scrape_pools",
                           "Scrape pools: jobs of the configuration.")),
      pools_created(base::AddCounter(r, "prometheus_target_scrape_pools_total",
                                     "Total number of scrape pool creation attempts.")),
      pool_reloads(base::AddCounter(r, "prometheus_target_scrape_pool_reloads_total",
                                    "Total number of scrape pool reloads.")),
      file_errors(base::AddCounter(r, "prometheus_sd_file_read_errors_total",
                                   "The number of File-SD read errors.")),
      duration(base::AddHistogram(r, "slowburn_target_scrape_duration_seconds",
                                  "Time from the request to the commit of one scrape.",
                                  {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10})) {}

}  // namespace slowburn::ingest
