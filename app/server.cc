#include "app/server.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/admin_handler.h"
#include "api/alertmanager_handler.h"
#include "api/features_handler.h"
#include "api/federate_handler.h"
#include "api/grpc_service.h"
#include "api/http_server.h"
#include "api/notify_handler.h"
#include "api/query_handler.h"
#include "api/read_handler.h"
#include "api/rules_handler.h"
#include "api/search_handler.h"
#include "api/slo_handler.h"
#include "api/status_handler.h"
#include "api/targets_handler.h"
#include "api/write_handler.h"
#include "app/alertmanager_targets.h"
#include "app/process_metrics.h"
#include "app/settings.h"
#include "app/web_handler.h"
#include "base/executor.h"
#include "base/http_client.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "ingest/remote_write.h"
#include "ingest/scrape_manager.h"
#include "notify/notifier.h"
#include "query/engine.h"
#include "rules/alertmanager_sink.h"
#include "rules/fanout_sink.h"
#include "rules/rule_manager.h"
#include "slo/slo_manager.h"
#include "tsdb/db.h"

namespace slowburn::app {
namespace {

constexpr base::DurationMs kDrain = 10 * base::kSecond;
constexpr int kTimerThreads = 4;  // scraping, notifying, budgets: short tasks
constexpr int kRuleThreads = 4;   // evaluations, which wait for queries

std::string HostOf(const std::string& address) {
  const size_t colon = address.rfind(':');
  return colon == std::string::npos ? address : address.substr(0, colon);
}

// Where others reach us, when --web.external-url does not say: the listen address, or this
// machine's name.
std::string DefaultExternalUrl(const std::string& listen_address) {
  std::string host = HostOf(listen_address);
  if (host.empty() || host == "0.0.0.0" || host == "[::]") {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    host = name.data();
  }
  return absl::StrCat("http://", host, listen_address.substr(HostOf(listen_address).size()));
}

// --web.route-prefix, else the path of --web.external-url.
std::string RoutePrefix(const ServeFlags& flags) {
  std::string prefix = flags.route_prefix;
  if (prefix.empty() && !flags.external_url.empty()) {
    const size_t host = flags.external_url.find("://");
    const size_t slash = host == std::string::npos ? host : flags.external_url.find('/', host + 3);
    if (slash != std::string::npos) prefix = flags.external_url.substr(slash);
  }
  while (prefix.ends_with('/')) prefix.pop_back();
  return prefix;
}

// Flags win over the file. As in Prometheus, the default time is for those who set neither time nor
// size.
void SettleRetention(const PrometheusConfig& config, ServeFlags& flags) {
  if (!flags.retention_size_named && config.retention_bytes > 0)
    flags.retention_bytes = config.retention_bytes;
  if (flags.retention_named) return;
  if (config.retention_ms > 0)
    flags.retention_ms = config.retention_ms;
  else if (flags.retention_bytes > 0)
    flags.retention_ms = 0;
}

// As Prometheus' runtimeinfo says it.
std::string RetentionText(const ServeFlags& flags) {
  std::string text;
  if (flags.retention_ms > 0) text = base::FormatDuration(flags.retention_ms);
  if (flags.retention_bytes > 0)
    absl::StrAppend(&text, text.empty() ? "" : " or ", base::FormatBytes(flags.retention_bytes));
  return text;
}

tsdb::DbOptions DbOptionsOf(const ServeFlags& flags, const Settings& settings) {
  tsdb::DbOptions options;
  options.path = flags.storage_path;
  options.wal_sync = flags.wal_sync == "always" ? tsdb::WalSync::kAlways
                     : flags.wal_sync == "os"   ? tsdb::WalSync::kOs
                                                : tsdb::WalSync::kInterval;
  options.retention_ms = flags.retention_ms;
  options.retention_bytes = flags.retention_bytes;
  options.out_of_order_window_ms = settings.prometheus.out_of_order_time_window_ms;
  options.max_exemplars = size_t(std::max<int64_t>(0, settings.prometheus.max_exemplars));
  options.limits = settings.own.limits;
  options.max_future_ms = settings.own.max_ahead_ms;
  return options;
}

query::EngineOptions EngineOptionsOf(const ServeFlags& flags, const Settings& settings) {
  query::EngineOptions options;
  options.lookback_ms = flags.query_lookback_ms;
  options.timeout_ms = flags.query_timeout_ms;
  options.default_subquery_step_ms = settings.prometheus.global.evaluation_interval_ms;
  options.max_samples = flags.query_max_samples;
  options.max_concurrency = int(flags.query_max_concurrency);
  options.query_memory_bytes = settings.own.query_limits.memory_bytes;
  options.query_memory_total_bytes = settings.own.query_limits.memory_total_bytes;
  options.slow_query_ms = flags.slow_query_ms;
  options.result_cache_bytes = flags.result_cache_bytes;
  options.parser = ParserOptionsOf(flags);
  options.per_step_stats = flags.HasFeature("promql-per-step-stats");
  options.delayed_name_removal = flags.HasFeature("promql-delayed-name-removal");
  options.use_start_timestamps = flags.HasFeature("use-start-timestamps");
  options.type_and_unit_labels = flags.HasFeature("type-and-unit-labels");
  return options;
}

// Tells how far the log has been read, on the terminal and through /api/v1/status/walreplay.
struct Replay {
  std::atomic<uint64_t> done{0}, total{0};
};

}  // namespace

struct Server::Impl {
  Impl(ServeFlags given_flags, ServerHooks given_hooks)
      : flags(std::move(given_flags)), hooks(std::move(given_hooks)) {}

  absl::Status Open(Settings settings);
  absl::Status StartServing();
  absl::Status Apply(Settings settings);
  absl::Status Reload();
  void RegisterRoutes();
  void ScheduleRetention();
  void WatchFiles();
  void Stop();

  ServeFlags flags;
  const ServerHooks hooks;
  const base::RealClock clock;
  prometheus::Registry registry;
  const base::TimestampMs started_at = clock.Now();
  std::string external_url;
  Replay replay;
  ProcessMetrics process_metrics{registry, started_at};
  prometheus::Gauge& reload_ok =
      base::AddGauge(registry, "prometheus_config_last_reload_successful",
                     "Whether the last configuration reload attempt was successful.");
  prometheus::Gauge& reloaded_at =
      base::AddGauge(registry, "prometheus_config_last_reload_success_timestamp_seconds",
                     "Timestamp of the last successful configuration reload.");

  base::Mutex reload_mu;  // one reload at a time
  base::Mutex mu;
  std::string config_yaml ABSL_GUARDED_BY(mu);
  tsdb::Labels external_labels ABSL_GUARDED_BY(mu);
  api::StatusDeps::LastReload last_reload ABSL_GUARDED_BY(mu);
  std::atomic<bool> ready{false}, stopping{false};
  bool stopped = false;  // only Stop's thread

  // In order of construction: each uses what stands above it.
  std::unique_ptr<base::HttpClient> client = base::NewCurlHttpClient();
  base::ThreadPoolExecutor timers{clock, kTimerThreads};
  base::ThreadPoolExecutor rule_threads{clock, kRuleThreads};
  std::unique_ptr<tsdb::Db> db;
  std::unique_ptr<query::Engine> engine;
  std::unique_ptr<notify::Notifier> notifier;
  rules::AlertmanagerSink outside_alertmanagers{*client, clock, registry};
  std::unique_ptr<rules::FanoutSink> sink;
  rules::RuleMetrics rule_metrics{registry};
  std::unique_ptr<rules::RuleManager> rule_manager;
  std::unique_ptr<slo::SloManager> slo_manager;
  std::unique_ptr<ingest::ScrapeManager> scrape_manager;
  std::unique_ptr<ingest::RemoteWriteIngester> ingester;
  std::unique_ptr<api::WriteHandler> write_handler;
  api::Router router;
  std::unique_ptr<api::HttpServer> http;
  std::unique_ptr<api::GrpcServer> grpc;
};

absl::Status Server::Impl::Open(Settings settings) {
  flags.route_prefix = RoutePrefix(flags);
  external_url = flags.external_url.empty() ? DefaultExternalUrl(flags.listen_addresses.front())
                                            : flags.external_url;
  while (external_url.ends_with('/')) external_url.pop_back();
  SettleRetention(settings.prometheus, flags);
  tsdb::DbOptions options = DbOptionsOf(flags, settings);
  options.on_replay = [this](uint64_t done, uint64_t total) {
    replay.done = done, replay.total = total;
  };
  ASSIGN_OR_RETURN(db, tsdb::Db::Open(std::move(options), clock, registry));
  query::EngineOptions engine_options = EngineOptionsOf(flags, settings);
  engine_options.changes = &db->changes();
  engine = std::make_unique<query::Engine>(*db, clock, std::move(engine_options), registry);
  ASSIGN_OR_RETURN(notifier, notify::Notifier::Create({.store = db->state(),
                                                       .executor = timers,
                                                       .clock = clock,
                                                       .http = *client,
                                                       .registry = registry,
                                                       .external_url = external_url},
                                                      settings.alertmanager));
  sink = std::make_unique<rules::FanoutSink>(
      std::vector<rules::AlertSink*>{notifier.get(), &outside_alertmanagers});
  rule_manager = std::make_unique<rules::RuleManager>(
      rule_threads, rules::RuleServices{.clock = clock,
                                        .storage = *db,
                                        .query = rules::EngineRuleQuery(*engine),
                                        .sink = *sink,
                                        .state = &db->state(),
                                        .metrics = rule_metrics,
                                        .options = {.resend_delay = flags.alert_resend_delay_ms,
                                                    .external_url = external_url}});
  slo_manager = std::make_unique<slo::SloManager>(
      slo::SloManager::DepsOf(*db, clock, timers, *sink, registry),
      slo::SloManagerOptions{.late_window_ms = settings.prometheus.out_of_order_time_window_ms,
                             .external_url = external_url});
  scrape_manager = std::make_unique<ingest::ScrapeManager>(*db, clock, timers, *client, registry);
  ingester = std::make_unique<ingest::RemoteWriteIngester>(*db, ingest::RemoteWriteLimits{}, clock,
                                                           registry);
  write_handler =
      std::make_unique<api::WriteHandler>(*ingester, api::WriteHandlerOptions{}, registry);
  // Budgets first: they must see every sample that arrives.
  RETURN_IF_ERROR(slo_manager->Start(settings.slos));
  RegisterRoutes();
  RETURN_IF_ERROR(StartServing());
  RETURN_IF_ERROR(Apply(std::move(settings)));
  ready = true;
  ScheduleRetention();
  WatchFiles();
  return absl::OkStatus();
}

absl::Status Server::Impl::StartServing() {
  api::HttpServerOptions options;
  options.listen_addresses = flags.listen_addresses;
  options.max_connections = size_t(flags.max_connections);
  options.read_timeout_ms = flags.read_timeout_ms;
  options.answer.route_prefix = flags.route_prefix;
  options.answer.cors_origin = flags.cors_origin;
  options.answer.registry = &registry;
  options.answer.readiness = [this] {
    if (stopping) return api::Readiness::kStopping;
    return ready ? api::Readiness::kReady : api::Readiness::kStarting;
  };
  http = std::make_unique<api::HttpServer>(std::move(options));
  RETURN_IF_ERROR(http->Start(router));
  if (!flags.grpc_listen_address.empty()) {
    ASSIGN_OR_RETURN(grpc, api::GrpcServer::Start({.listen_address = flags.grpc_listen_address},
                                                  *ingester, *engine, clock, registry));
  }
  return absl::OkStatus();
}

// Everything that a reload may change. What can fail for a reason that lies in the files comes
// first.
absl::Status Server::Impl::Apply(Settings settings) {
  RETURN_IF_ERROR(engine->SetQueryLogFile(settings.prometheus.global.query_log_file));
  for (const std::string& warning : settings.warnings) base::Warn(warning);
  base::AddGauge(registry, "slowburn_config_warnings",
                 "Settings that have no effect here, each told in the log at the last reload.")
      .Set(double(settings.warnings.size()));
  const PrometheusConfig& config = settings.prometheus;
  db->SetOutOfOrderWindow(config.out_of_order_time_window_ms);
  slo_manager->SetLateWindow(config.out_of_order_time_window_ms);
  notifier->ApplyConfig(settings.alertmanager);
  outside_alertmanagers.SetTargets(AlertmanagerTargets(config.alerting, clock.Now()));
  RETURN_IF_ERROR(slo_manager->ApplySpecs(std::move(settings.slos)));
  RETURN_IF_ERROR(
      rule_manager->Update({.groups = std::move(settings.rule_groups),
                            .evaluation_interval = config.global.evaluation_interval_ms,
                            .query_offset = config.global.rule_query_offset_ms,
                            .external_labels = config.global.external_labels,
                            .relabel = AlertRelabelOf(config.alerting.alert_relabel_rules)}));
  scrape_manager->ApplyConfig(config.scrape_configs, config.global.external_labels);
  base::MutexLock lock(mu);
  config_yaml = config.redacted_yaml;
  external_labels = config.global.external_labels;
  last_reload = {.ok = true, .loaded_at = clock.Now()};
  reload_ok.Set(1);
  reloaded_at.Set(double(last_reload.loaded_at) / 1000);
  return absl::OkStatus();
}

absl::Status Server::Impl::Reload() {
  base::MutexLock one(reload_mu);
  absl::StatusOr<Settings> settings = LoadSettings(flags);
  const absl::Status status = settings.ok() ? Apply(*std::move(settings)) : settings.status();
  if (status.ok()) {
    base::Info("configuration reloaded");
    return status;
  }
  base::Error("configuration not reloaded, the old one stays in force", {{"err", status}});
  notifier->ReportBadConfig();
  base::MutexLock lock(mu);
  last_reload.ok = false;
  last_reload.failed_at = clock.Now();
  reload_ok.Set(0);
  return status;
}

void Server::Impl::RegisterRoutes() {
  api::RegisterStatusApi(
      router, {.clock = clock,
               .registry = registry,
               .flags = flags.all,
               .retention = RetentionText(flags),
               .lifecycle_enabled = flags.enable_lifecycle,
               .ready = [this] { return ready && !stopping; },
               .before_metrics = [this] { process_metrics.Update(), notifier->UpdateMetrics(); },
               .replay =
                   [this] {
                     return api::ReplayProgress{replay.done, replay.total};
                   },
               .config_yaml =
                   [this] {
                     base::MutexLock lock(mu);
                     return config_yaml;
                   },
               .reload = [this] { return Reload(); },
               .last_reload =
                   [this] {
                     base::MutexLock lock(mu);
                     return last_reload;
                   },
               .quit = hooks.quit});
  api::RegisterQueryApi(router, {.storage = *db,
                                 .engine = *engine,
                                 .clock = clock,
                                 .tsdb_stats = [this](size_t limit) { return db->Stats(limit); }});
  const auto current_external_labels = [this] {
    base::MutexLock lock(mu);
    return external_labels;
  };
  api::RegisterFederation(router, {.storage = *db,
                                   .clock = clock,
                                   .registry = registry,
                                   .lookback_ms = flags.query_lookback_ms,
                                   .external_labels = current_external_labels});
  api::RegisterRemoteRead(router, {.storage = *db,
                                   .clock = clock,
                                   .registry = registry,
                                   .limits = {.samples = flags.read_sample_limit,
                                              .concurrent = int(flags.read_concurrent_limit),
                                              .frame_bytes = size_t(flags.read_max_bytes_in_frame)},
                                   .external_labels = current_external_labels,
                                   .new_memory = [this] { return engine->NewMemory(); }});
  api::RegisterAdminApi(
      router, {.enabled = flags.enable_admin_api,
               .delete_series =
                   [this](const std::vector<tsdb::Matchers>& any_of, tsdb::TimeRange range) {
                     return db->Delete(any_of, range).status();
                   },
               .clean_tombstones = [this] { return db->CleanTombstones(); },
               .seal =
                   [this] {
                     return db->Seal(tsdb::Db::SealWhat::kAll, tsdb::Db::OldReaders::kWait);
                   },
               .snapshot = [this](tsdb::SnapshotHead head) -> absl::StatusOr<std::string> {
                 ASSIGN_OR_RETURN(const tsdb::TakenSnapshot taken, db->Snapshot(head, {}));
                 base::Info("snapshot taken", {{"name", taken.name},
                                               {"files", taken.stats.files},
                                               {"bytes", taken.stats.bytes}});
                 return taken.name;
               }});
  api::RegisterTargetsApi(router, {.scraping = *scrape_manager,
                                   .storage = *db,
                                   .listen_address = flags.listen_addresses.front(),
                                   .external_url = external_url});
  api::RegisterSearchApi(
      router, {.storage = *db,
               .clock = clock,
               .enabled = flags.HasFeature("search-api"),
               .max_limit = flags.search_max_limit,
               .metadata = [this] { return api::MetadataOfMetrics(*scrape_manager, *db); }});
  api::RegisterFeaturesApi(
      router, {.enabled = [this](const std::string& name) { return flags.HasFeature(name); },
               .admin = flags.enable_admin_api,
               .lifecycle = flags.enable_lifecycle,
               .auto_reload = flags.auto_reload_interval_ms > 0});
  api::RegisterRulesApi(router, *rule_manager,
                        [this] { return outside_alertmanagers.ActiveUrls(); });
  api::RegisterSloApi(router, *slo_manager, clock);
  api::RegisterAlertmanagerApi(router, *notifier);
  api::RegisterNotifyApi(router, *notifier);
  write_handler->Register(router);
  RegisterWebPage(router);
  if (hooks.add_routes) hooks.add_routes(router);
}

void Server::Impl::ScheduleRetention() {
  timers.RunAt(clock.Now() + base::kMinute, [this] {
    if (const absl::Status status = db->ApplyRetention(); !status.ok())
      base::Error("cannot drop old samples", {{"err", status}});
    ScheduleRetention();
  });
}

// --config.auto-reload-interval.
void Server::Impl::WatchFiles() {
  if (flags.auto_reload_interval_ms <= 0) return;
  timers.RunAt(clock.Now() + flags.auto_reload_interval_ms, [this] {
    Reload().IgnoreError();  // logged, and shown by prometheus_config_last_reload_successful
    WatchFiles();
  });
}

void Server::Impl::Stop() {
  if (std::exchange(stopped, true)) return;
  stopping = true;
  if (http != nullptr) http->Stop(kDrain);
  if (grpc != nullptr) grpc->Stop(kDrain);
  if (scrape_manager != nullptr) scrape_manager->Stop();
  if (rule_manager != nullptr) rule_manager->Stop();
  if (slo_manager != nullptr) slo_manager->Stop();
  outside_alertmanagers.Drain(kDrain);
  if (notifier != nullptr) notifier->Drain(kDrain);
  timers.Stop();
  rule_threads.Stop();
  if (db != nullptr) {
    if (const absl::Status status = db->Flush(); !status.ok())
      base::Error("cannot sync the log", {{"err", status}});
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { Stop(); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServeFlags flags, ServerHooks hooks) {
  ASSIGN_OR_RETURN(Settings settings, LoadSettings(flags));
  for (const std::string& name : flags.ignored)
    base::Warn("this flag has no effect here", {{"flag", name}});
  auto impl = std::make_unique<Impl>(std::move(flags), std::move(hooks));
  if (absl::Status status = impl->Open(std::move(settings)); !status.ok()) {
    impl->Stop();
    return status;
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

absl::Status Server::Reload() { return impl_->Reload(); }
void Server::Stop() { impl_->Stop(); }

std::string Server::url() const {
  std::string host = HostOf(impl_->flags.listen_addresses.front());
  if (host.empty() || host == "0.0.0.0" || host == "[::]") host = "127.0.0.1";
  return absl::StrCat("http://", host, ":", impl_->http->port(), impl_->flags.route_prefix);
}

std::string Server::grpc_address() const {
  if (impl_->grpc == nullptr) return "";
  return absl::StrCat(HostOf(impl_->flags.grpc_listen_address), ":", impl_->grpc->port());
}

}  // namespace slowburn::app
