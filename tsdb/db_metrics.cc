#include "tsdb/db_metrics.h"

namespace slowburn::tsdb {
namespace {

const base::MetricLabels kFloat = {{"type", "float"}};
const base::MetricLabels kHistogram = {{"type", "histogram"}};

}  // namespace

DbMetrics::DbMetrics(prometheus::Registry& r)
    : float_samples(base::AddCounter(r, "prometheus_tsdb_head_samples_appended_total",
                                     "Samples stored, by type.", kFloat)),
      histogram_samples(base::AddCounter(r, "prometheus_tsdb_head_samples_appended_total",
                                         "Samples stored, by type.", kHistogram)),
      exemplars(base::AddCounter(r, "prometheus_tsdb_exemplar_exemplars_appended_total",
                                 "Exemplars stored.")),
      out_of_order_floats(base::AddCounter(r, "prometheus_tsdb_out_of_order_samples_total",
                                           "Samples refused as out of order, the window being 0.",
                                           kFloat)),
      out_of_order_histograms(
          base::AddCounter(r, "prometheus_tsdb_out_of_order_samples_total",
                           "Samples refused as out of order, the window being 0.", kHistogram)),
      too_old_floats(base::AddCounter(r, "prometheus_tsdb_too_old_samples_total",
                                      "Samples refused as older than the out-of-order window.",
                                      kFloat)),
      too_old_histograms(base::AddCounter(r, "prometheus_tsdb_too_old_samples_total",
                                          "Samples refused as older than the out-of-order window.",
                                          kHistogram)),
      out_of_bounds_floats(base::AddCounter(r, "prometheus_tsdb_out_of_bound_samples_total",
                                            "Samples refused as older than the retention.",
                                            kFloat)),
      out_of_bounds_histograms(base::AddCounter(r, "prometheus_tsdb_out_of_bound_samples_total",
                                                "Samples refused as older than the retention.",
                                                kHistogram)),
      too_far_in_future(base::AddCounter(r, "slowburn_tsdb_too_far_in_future_samples_total",
                                         "Samples refused as too far ahead of now.")),
      duplicates(
          base::AddCounter(r, "slowburn_tsdb_duplicate_samples_total",
                           "Samples refused because another value is stored at their time.")),
      unknown_series(
          base::AddCounter(r, "slowburn_tsdb_unknown_series_samples_total",
                           "Samples refused because their series was dropped meanwhile.")),
      late_samples(base::AddCounter(r, "prometheus_tsdb_head_out_of_order_samples_appended_total",
                                    "Samples stored out of order.", kFloat)),
      out_of_order_exemplars(
          base::AddCounter(r, "prometheus_tsdb_exemplar_out_of_order_exemplars_total",
                           "Exemplars refused as out of order.")),
      series_created(
          base::AddCounter(r, "prometheus_tsdb_head_series_created_total", "Series created.")),
      series_removed(base::AddCounter(r, "prometheus_tsdb_head_series_removed_total",
                                      "Series dropped by retention.")),
      commits(base::AddCounter(r, "slowburn_tsdb_commits_total",
                               "Commits, whether or not they stored anything.")),
      log_writes(base::AddCounter(r, "slowburn_tsdb_log_writes_total",
                                  "Writes to the log; concurrent commits share one.")),
      log_write_failures(base::AddCounter(r, "prometheus_tsdb_wal_writes_failed_total",
                                          "Failed writes to the log.")),
      log_bytes(base::AddCounter(r, "slowburn_tsdb_log_written_bytes_total",
                                 "Bytes of records given to the log.")),
      log_unreadable(base::AddCounter(
          r, "slowburn_tsdb_log_unreadable_records_total",
          "Records of the log that could not be read at start and were left out.")),
      fsync_seconds(base::AddHistogram(
          r, "prometheus_tsdb_wal_fsync_duration_seconds", "How long syncing the log to disk took.",
          {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5})),
      series(base::AddGauge(r, "prometheus_tsdb_head_series", "Series in memory.")),
      chunks(base::AddGauge(r, "prometheus_tsdb_head_chunks", "Chunks in memory.")),
      min_time(base::AddGauge(r, "prometheus_tsdb_head_min_time",
                              "Time of the oldest sample, in milliseconds.")),
      max_time(base::AddGauge(r, "prometheus_tsdb_head_max_time",
                              "Time of the newest sample, in milliseconds.")),
      stored_exemplars(base::AddGauge(r, "prometheus_tsdb_exemplar_exemplars_in_storage",
                                      "Exemplars in memory.")),
      samples(base::AddGauge(r, "slowburn_tsdb_head_samples", "Samples in memory.")),
      log_size(base::AddGauge(r, "prometheus_tsdb_wal_storage_size_bytes", "Size of the log.")),
      retention_seconds(base::AddGauge(r, "prometheus_tsdb_retention_limit_seconds",
                                       "How long samples are kept.")),
      replay_seconds(base::AddGauge(r, "prometheus_tsdb_data_replay_duration_seconds",
                                    "How long reading the log at start took.")) {}

}  // namespace slowburn::tsdb
