// The flags of `slowburn serve`: Prometheus' names, defaults and meanings wherever Prometheus has
// the flag.
#ifndef SLOWBURN_APP_FLAGS_H_
#define SLOWBURN_APP_FLAGS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace slowburn::app {

using base::DurationMs;

struct ServeFlags {
  std::string config_file = "prometheus.yml";
  bool config_file_named = false;  // by the user: then it must exist
  std::string alertmanager_config_file;
  std::string slowburn_config_file;
  std::vector<std::string> slo_files;  // globs
  std::string storage_path = "data";
  std::string wal_sync = "interval";
  DurationMs retention_ms = 15 * base::kDay;  // 0: for ever
  bool retention_named = false;
  uint64_t retention_bytes = 0;  // 0: any
  bool retention_size_named = false;
  std::vector<std::string> listen_addresses = {"0.0.0.0:9090"};
  std::string grpc_listen_address = "127.0.0.1:10901";  // empty: off
  std::string external_url;
  std::string route_prefix;
  std::string cors_origin = ".*";
  int64_t max_connections = 512;
  DurationMs read_timeout_ms = 5 * base::kMinute;
  bool enable_lifecycle = false;
  bool enable_admin_api = false;
  int64_t search_max_limit = 10'000;  // --web.search.max-limit; 0: any
  std::string web_config_file;        // refused until it is built
  DurationMs query_timeout_ms = 2 * base::kMinute;
  DurationMs query_lookback_ms = 5 * base::kMinute;
  int64_t query_max_concurrency = 20;
  int64_t query_max_samples = 50'000'000;
  uint64_t result_cache_bytes = uint64_t{64} << 20;  // --query.result-cache-size, ours; 0: off
  int64_t read_sample_limit = 50'000'000;            // --storage.remote.read-*
  int64_t read_concurrent_limit = 10;
  uint64_t read_max_bytes_in_frame = uint64_t{1} << 20;
  DurationMs slow_query_ms = 10 * base::kSecond;  // --query.slow-log-threshold, ours; 0: off
  DurationMs alert_resend_delay_ms = base::kMinute;
  int64_t alert_queue_capacity = 10'000;
  std::vector<std::string> features;  // --enable-feature, split at commas
  std::string log_level = "info";
  std::string log_format = "logfmt";
  DurationMs auto_reload_interval_ms = 0;  // 0: off
  // Prometheus' flags that mean nothing here: accepted so that existing unit files start, each with
  // one warning.
  std::vector<std::string> ignored;
  // Every flag and its value in force, sorted by name: /api/v1/status/flags.
  std::vector<std::pair<std::string, std::string>> all;

  bool HasFeature(const std::string& name) const;
};

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_FLAGS_H_
