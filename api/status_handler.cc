#include "api/status_handler.h"

#include <unistd.h>

#include <array>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "api/envelope.h"
#include "base/json.h"
#include "base/number.h"
#include "base/version.h"

namespace slowburn::api {
namespace {

constexpr const char* kMetricsContentType =
    "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

std::string Hostname() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string WorkingDirectory() {
  std::array<char, 4096> path{};
  return getcwd(path.data(), path.size()) != nullptr ? path.data() : "";
}

// No "features" key: a non-empty one makes Grafana believe that this is Mimir, with its ruler API.
std::string BuildInfoJson() {
  std::string out;
  base::JsonWriter json(out);
  json.BeginObject();
  json.Field("version", base::kVersion);
  json.Field("revision", base::kRevision);
  json.Field("branch", "");
  json.Field("buildUser", "");
  json.Field("buildDate", "");
  json.Field("goVersion", base::kCompiler);
  json.EndObject();
  return out;
}

std::string RuntimeInfoJson(const StatusDeps& deps, base::TimestampMs started) {
  const StatusDeps::LastReload reload = deps.last_reload();
  std::string out;
  base::JsonWriter json(out);
  json.BeginObject();
  json.Field("startTime", base::FormatRfc3339(started, 9));
  json.Field("CWD", WorkingDirectory());
  json.Field("hostname", Hostname());
  json.Field("serverTime", base::FormatRfc3339(deps.clock.Now(), 9));
  json.Field("reloadConfigSuccess", reload.ok);
  json.Field("lastConfigTime", base::FormatRfc3339(reload.loaded_at, 0));
  json.Field("corruptionCount", int64_t{0});
  json.Field("goroutineCount", int64_t{0});
  json.Field("GOMAXPROCS", int64_t(std::thread::hardware_concurrency()));
  json.Field("GOMEMLIMIT", int64_t{0});
  json.Field("GOGC", "");
  json.Field("GODEBUG", "");
  json.Field("storageRetention", deps.retention);
  json.EndObject();
  return out;
}

std::string FlagsJson(const StatusDeps& deps) {
  std::string out;
  base::JsonWriter json(out);
  json.StringMap(deps.flags);
  return out;
}

// What whoever looks at the page should know.
std::string NotificationsJson(const StatusDeps& deps) {
  const StatusDeps::LastReload reload = deps.last_reload();
  std::string out;
  base::JsonWriter json(out);
  json.BeginArray();
  if (!reload.ok) {
    json.BeginObject();
    json.Field("text", "Configuration reload has failed.");
    json.Field("date", base::FormatRfc3339(reload.failed_at, 9));
    json.Field("active", true);
    json.EndObject();
  }
  json.EndArray();
  return out;
}

Response Lifecycle(const StatusDeps& deps, const std::function<Response()>& action) {
  if (!deps.lifecycle_enabled) return Response::Text(403, "Lifecycle API is not enabled.");
  return action();
}

}  // namespace

void RegisterStatusApi(Router& router, StatusDeps given) {
  // Shared by the handlers; immutable.
  const auto deps = std::make_shared<const StatusDeps>(std::move(given));
  const base::TimestampMs started = deps->clock.Now();

  router.Add({"GET", "HEAD"}, "/-/healthy",
             [](const Request&) { return Response::Text(200, "Slowburn is Healthy.\n"); });
  router.Add({"GET", "HEAD"}, "/-/ready", [deps](const Request&) {
    return deps->ready() ? Response::Text(200, "Slowburn is Ready.\n")
                         : Response::Text(503, "Service Unavailable");
  });
  router.Add({"POST", "PUT"}, "/-/reload", [deps](const Request&) {
    return Lifecycle(*deps, [&] {
      const absl::Status status = deps->reload();
      return status.ok()
                 ? Response::Text(200, "")
                 : Response::Text(
                       500, absl::StrCat("failed to reload config: ", status.message(), "\n"));
    });
  });
  router.Add({"POST", "PUT"}, "/-/quit", [deps](const Request&) {
    return Lifecycle(*deps, [&] {
      deps->quit();
      return Response::Text(200, "Requesting termination... Goodbye!");
    });
  });
  for (const char* path : {"/-/reload", "/-/quit"}) {
    router.Add({"GET"}, path, [](const Request&) {
      return Response::Text(405, "Only POST or PUT requests allowed");
    });
  }
  router.Add({"GET"}, "/metrics", [deps](const Request&) {
    deps->before_metrics();
    Response response{.content_type = kMetricsContentType,
                      .body = base::ExposeText(deps->registry)};
    return response;
  });
  // As Prometheus, which does not say that it is JSON.
  router.Add({"GET"}, "/version",
             [](const Request&) { return Response::Text(200, BuildInfoJson() + "\n"); });

  router.Add({"GET"}, "/api/v1/status/buildinfo",
             [](const Request&) { return Success(BuildInfoJson()); });
  router.Add({"GET"}, "/api/v1/status/flags",
             [deps](const Request&) { return Success(FlagsJson(*deps)); });
  router.Add({"GET"}, "/api/v1/status/runtimeinfo",
             [deps, started](const Request&) { return Success(RuntimeInfoJson(*deps, started)); });
  router.Add({"GET"}, "/api/v1/status/config", [deps](const Request&) {
    std::string out;
    base::JsonWriter json(out);
    json.BeginObject();
    json.Field("yaml", deps->config_yaml());
    json.EndObject();
    return Success(out);
  });
  router.Add({"GET"}, "/api/v1/notifications",
             [deps](const Request&) { return Success(NotificationsJson(*deps)); });
  router.Add({"GET"}, "/api/v1/status/walreplay", [deps](const Request&) {
    const ReplayProgress progress = deps->replay();
    return Success(
        absl::StrCat("{\"min\":0,\"max\":", progress.total, ",\"current\":", progress.done, "}"));
  });
}

}  // namespace slowburn::api
