#include "app/flags_cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>

#include "base/number.h"

namespace slowburn::app {
namespace {

// Flags of Prometheus 3 that configure what we do not have or do by ourselves.
constexpr std::array kIgnoredWithValue = {"storage.tsdb.min-block-duration",
                                          "storage.tsdb.max-block-duration",
                                          "storage.tsdb.max-block-chunk-segment-size",
                                          "storage.tsdb.wal-segment-size",
                                          "storage.tsdb.head-chunks-write-queue-size",
                                          "storage.tsdb.samples-per-chunk",
                                          "storage.tsdb.retention.percentage",
                                          "storage.tsdb.delay-compact-file.path",
                                          "storage.tsdb.block-reload-interval",
                                          "storage.remote.flush-deadline",
                                          "rules.alert.for-outage-tolerance",
                                          "rules.alert.for-grace-period",
                                          "rules.max-concurrent-evals",
                                          "scrape.timestamp-tolerance",
                                          "scrape.name-escaping-scheme",
                                          "scrape.discovery-reload-interval",
                                          "web.user-assets",
                                          "web.console.templates",
                                          "web.console.libraries",
                                          "web.page-title",
                                          "web.max-notifications-subscribers",
                                          "web.remote-write-receiver.accepted-protobuf-messages",
                                          "alertmanager.timeout",
                                          "alertmanager.notification-batch-size"};
constexpr std::array kIgnoredSwitches = {"web.enable-remote-write-receiver",
                                         "web.enable-otlp-receiver",
                                         "storage.tsdb.no-lockfile",
                                         "storage.tsdb.allow-overlapping-blocks",
                                         "storage.tsdb.wal-compression",
                                         "storage.tsdb.wal-compression-type",
                                         "scrape.adjust-timestamps",
                                         "alertmanager.drain-notification-queue-on-shutdown",
                                         "auto-gomaxprocs",
                                         "auto-gomemlimit"};

// A size flag: takes 512MB and stores bytes.
CLI::Option* AddBytes(CLI::App& command, const std::string& name, uint64_t& value,
                      const std::string& help) {
  const CLI::Validator is_size(
      [](std::string& text) {
        uint64_t ignored = 0;
        return base::ParseBytes(text, ignored) ? std::string() : "not a size such as 10GB: " + text;
      },
      "SIZE");
  return command
      .add_option_function<std::string>(
          name, [&value](const std::string& text) { base::ParseBytes(text, value); }, help)
      ->check(is_size)
      ->default_str(base::FormatBytes(value))
      ->type_name("");
}

void AddSwitch(CLI::App& command, const std::string& name, bool& value, const std::string& help) {
  command.add_flag("--" + name + ",!--no-" + name, value, help)
      ->default_str(value ? "true" : "false");
}

}  // namespace

CLI::Option* AddDuration(CLI::App& command, const std::string& name, DurationMs& value,
                         const std::string& help) {
  const CLI::Validator is_duration(
      [](std::string& text) {
        const absl::StatusOr<DurationMs> parsed = base::ParseDuration(text);
        return parsed.ok() ? std::string() : std::string(parsed.status().message());
      },
      "DURATION");
  return command
      .add_option_function<std::string>(
          name,
          [&value](const std::string& text) { value = base::ParseDuration(text).value_or(value); },
          help)
      ->check(is_duration)
      ->default_str(base::FormatDuration(value))
      ->type_name("");
}

bool ServeFlags::HasFeature(const std::string& name) const {
  return std::find(features.begin(), features.end(), name) != features.end();
}

void AddServeFlags(CLI::App& command, ServeFlags& flags) {
  const auto text = [&](const std::string& name, std::string& value, const std::string& help) {
    return command.add_option(name, value, help)->capture_default_str()->type_name("TEXT");
  };
  text("--config.file", flags.config_file,
       "Prometheus configuration; without one at the default place we scrape ourselves");
  text("--alertmanager.config.file", flags.alertmanager_config_file,
       "Alertmanager configuration: routes, receivers, inhibition");
  text("--slowburn.config.file", flags.slowburn_config_file, "our own settings (optional)");
  command.add_option("--slo.files", flags.slo_files, "glob of SLO files; may be repeated")
      ->type_name("GLOB");
  text("--storage.path,--storage.tsdb.path", flags.storage_path, "folder of the data");
  text("--storage.wal-sync", flags.wal_sync,
       "when the log is synced: always, interval (200 ms) or os")
      ->check(CLI::IsMember({"always", "interval", "os"}));
  AddDuration(command, "--storage.tsdb.retention.time", flags.retention_ms,
              "how long samples are kept; 0s: for ever. Without it and without a size: 15d");
  AddBytes(command, "--storage.tsdb.retention.size", flags.retention_bytes,
           "how much blocks and log may take, such as 10GB; 0: any");
  command
      .add_option("--web.listen-address", flags.listen_addresses,
                  "HOST:PORT of HTTP; may be repeated")
      ->capture_default_str();
  text("--grpc.listen-address", flags.grpc_listen_address, "HOST:PORT of gRPC, or off");
  text("--web.external-url", flags.external_url, "URL under which people reach this server");
  text("--web.route-prefix", flags.route_prefix,
       "prefix of all paths; default: the path of --web.external-url");
  text("--web.cors.origin", flags.cors_origin, "regex of allowed CORS origins");
  command.add_option("--web.max-connections", flags.max_connections, "connections at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddDuration(command, "--web.read-timeout", flags.read_timeout_ms,
              "longest time to read a request, and idle time");
  AddSwitch(command, "web.enable-lifecycle", flags.enable_lifecycle, "allow /-/reload and /-/quit");
  AddSwitch(command, "web.enable-admin-api", flags.enable_admin_api,
            "allow deleting series at /api/v1/admin/tsdb");
  command
      .add_option("--web.search.max-limit", flags.search_max_limit, "results of a search; 0: any")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  AddDuration(command, "--query.timeout", flags.query_timeout_ms, "longest run of a query");
  AddDuration(command, "--query.lookback-delta", flags.query_lookback_ms,
              "how far back an instant selector looks");
  command.add_option("--query.max-concurrency", flags.query_max_concurrency, "queries at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddBytes(command, "--query.result-cache-size", flags.result_cache_bytes,
           "memory for answers of range queries that are kept; 0: none are");
  command.add_option("--query.max-samples", flags.query_max_samples, "samples a query may hold")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--storage.remote.read-sample-limit", flags.read_sample_limit,
                  "samples of one remote read answer (SAMPLES); 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--storage.remote.read-concurrent-limit", flags.read_concurrent_limit,
                  "remote reads at once; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--storage.remote.read-max-bytes-in-frame", flags.read_max_bytes_in_frame,
                  "size of a frame of a streamed remote read")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddDuration(command, "--query.slow-log-threshold", flags.slow_query_ms,
              "a query that takes longer is logged; 0s: none");
  AddDuration(command, "--rules.alert.resend-delay", flags.alert_resend_delay_ms,
              "time between two sends of one alert");
  command
      .add_option("--alertmanager.notification-queue-capacity", flags.alert_queue_capacity,
                  "alerts waiting for outside Alertmanagers")
      ->capture_default_str();
  command
      .add_option("--enable-feature", flags.features, "names, separated by commas; may be repeated")
      ->delimiter(',');
  text("--log.level", flags.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  text("--log.format", flags.log_format, "logfmt or json")
      ->check(CLI::IsMember({"logfmt", "json"}));
  command.add_option("--web.config.file", flags.web_config_file, "not built yet: refused")
      ->check(CLI::Validator(
          [](std::string&) {
            return std::string(
                "TLS and logins are not built yet; starting without them would leave the server "
                "open: put a proxy in "
                "front of it and drop the flag");
          },
          ""));
  AddDuration(command, "--config.auto-reload-interval", flags.auto_reload_interval_ms,
              "reload changed files this often; 0s: never");
  for (const char* name : kIgnoredWithValue)
    command.add_option(std::string("--") + name, "")->group("");
  const std::string undescribed;
  for (const char* name : kIgnoredSwitches) {
    command.add_flag("--" + std::string(name) + ",!--no-" + name, undescribed)->group("");
  }
}

void FinishServeFlags(const CLI::App& command, ServeFlags& flags) {
  flags.config_file_named = command.count("--config.file") > 0;
  if (flags.grpc_listen_address == "off") flags.grpc_listen_address.clear();
  flags.retention_named = command.count("--storage.tsdb.retention.time") > 0;
  flags.retention_size_named = command.count("--storage.tsdb.retention.size") > 0;
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_single_name();
    if (name == "help" || name.empty()) continue;
    if (option->get_group().empty()) {
      // The receivers are always on here, so these two ask for what is there already.
      const bool harmless = name == "web.enable-remote-write-receiver";
      if (option->count() > 0 && !harmless) flags.ignored.push_back(name);
      continue;
    }
    std::string value = option->get_default_str();
    if (option->count() > 0) {
      value.clear();
      for (const std::string& one : option->results()) value += (value.empty() ? "" : ",") + one;
    }
    if (value.size() > 1 && value.front() == '[' && value.back() == ']')
      value = value.substr(1, value.size() - 2);
    flags.all.emplace_back(name, value);
  }
  std::sort(flags.all.begin(), flags.all.end());
}

}  // namespace slowburn::app
