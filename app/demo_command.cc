// The demo writes a day of the shop's history straight into a store, then starts the whole server
// on it, which scrapes the shop's live part from itself and sends pages to itself: every step but
// the first is the product's own.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "app/assets.h"
#include "app/serve_commands.h"
#include "app/server.h"
#include "app/shop.h"
#include "app/signals.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "tsdb/db.h"

namespace slowburn::app {
namespace {

constexpr base::DurationMs kHistory = base::kDay;
constexpr base::DurationMs kHistoryStep = 15 * base::kSecond;
constexpr base::DurationMs kRetention = 3 * base::kDay;

// The shop, advanced to now whenever it is scraped.
class LiveShop {
 public:
  LiveShop(Shop shop, const base::Clock& clock) : clock_(clock), shop_(std::move(shop)) {}
  std::string Expose() {
    base::MutexLock lock(mu_);
    shop_.AdvanceTo(clock_.Now());
    return shop_.Expose();
  }

 private:
  const base::Clock& clock_;
  base::Mutex mu_;
  Shop shop_ ABSL_GUARDED_BY(mu_);
};

absl::Status AppendRow(const Shop& shop, tsdb::Db& db, const std::string& instance,
                       base::TimestampMs t, std::vector<tsdb::SeriesRef>& refs) {
  const std::unique_ptr<tsdb::Appender> appender = db.NewAppender();
  absl::Status status;
  size_t i = 0;
  const auto append = [&](const tsdb::Labels& labels, double value) {
    if (i == refs.size()) {
      tsdb::LabelsBuilder builder(labels);
      builder.Set("job", "shop").Set("instance", instance);
      const absl::StatusOr<tsdb::SeriesRef> ref = appender->Resolve(builder.Build(), nullptr);
      if (!ref.ok()) {
        status = ref.status();
        return;
      }
      refs.push_back(*ref);
    }
    appender->Append(refs[i++], t, value);
  };
  append({{tsdb::kMetricName, "up"}}, 1);
  if (status.ok()) shop.Visit(append);
  RETURN_IF_ERROR(status);
  ASSIGN_OR_RETURN(const tsdb::CommitResult result, appender->Commit());
  if (!result.rejected.empty()) {
    return absl::InternalError(absl::StrCat(
        "history was refused: ", std::string(tsdb::Describe(result.rejected.front().reason))));
  }
  return absl::OkStatus();
}

// A day of the shop, as if it had been scraped.
absl::Status Backfill(Shop& shop, const ServeFlags& flags, const base::Clock& clock,
                      base::TimestampMs from, base::TimestampMs until) {
  prometheus::Registry registry;
  tsdb::DbOptions options;
  options.path = flags.storage_path;
  options.retention_ms = flags.retention_ms;
  ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::Db> db, tsdb::Db::Open(options, clock, registry));
  std::vector<tsdb::SeriesRef> refs;
  int shown = -1;
  for (base::TimestampMs t = from; t < until; t += kHistoryStep) {
    shop.AdvanceTo(t);
    RETURN_IF_ERROR(AppendRow(shop, *db, flags.listen_addresses.front(), t, refs));
    const int percent = int((t - from) * 100 / (until - from));
    if (percent / 10 != shown / 10 || shown < 0)
      std::fprintf(stderr, "\r  writing a day of history … %3d %%", shown = percent);
  }
  std::fprintf(stderr, "\r  a day of history: %zu series, %lld scrapes each\n", refs.size(),
               static_cast<long long>((until - from) / kHistoryStep));
  return db->Flush();
}

absl::Status WriteFiles(const std::string& folder, const std::string& address) {
  for (const Asset& file : DemoFiles()) {
    const std::string text = absl::StrReplaceAll(std::string(file.bytes), {{"@ADDRESS@", address}});
    RETURN_IF_ERROR(base::WriteFileAtomic(folder + std::string(file.path), text));
  }
  return absl::OkStatus();
}

// What arrives at the demo's on-call webhook, on the terminal.
void PrintNotification(const std::string& receiver, const std::string& body) {
  const absl::StatusOr<base::JsonValue> message = base::ParseJson(body);
  if (!message.ok()) return;
  const bool firing = message->StringAt("status") == "firing";
  const base::JsonValue* alerts = message->Find("alerts");
  if (alerts == nullptr) return;
  for (const base::JsonValue& alert : alerts->items) {
    const base::JsonValue* labels = alert.Find("labels");
    const base::JsonValue* annotations = alert.Find("annotations");
    const auto label = [&](const char* name) {
      return labels == nullptr ? "" : std::string(labels->StringAt(name));
    };
    std::string text = annotations == nullptr ? "" : std::string(annotations->StringAt("summary"));
    const std::time_t now = std::time_t(base::RealClock().Now() / 1000);
    char clock[16] = "";
    std::tm local{};
    std::strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &local));
    std::printf("%s  %s%s\033[0m  %s  %s  %s  %s\n", clock, firing ? "\033[1;31m" : "\033[1;32m",
                firing ? (receiver == "pager" ? "PAGE    " : "TICKET  ") : "RESOLVED",
                label("severity").c_str(), label("service").c_str(), label("alertname").c_str(),
                text.c_str());
  }
  std::fflush(stdout);
}

void AddDemoRoutes(api::Router& router, LiveShop& shop) {
  router.Add({"GET"}, "/demo/metrics", [&shop](const api::Request&) {
    return api::Response{.content_type = "text/plain; version=0.0.4", .body = shop.Expose()};
  });
  router.Add({"POST"}, "/demo/:receiver", [](const api::Request& request) {
    PrintNotification(request.path_params.find("receiver")->second, request.body);
    return api::Response::Text(200, "");
  });
}

// A folder of its own under the system's temporary one, or what --storage.path names.
absl::StatusOr<std::string> DemoFolder(const ServeFlags& flags) {
  if (flags.storage_path != ServeFlags().storage_path) {
    RETURN_IF_ERROR(base::MakeDirectories(flags.storage_path));
    if (!std::filesystem::is_empty(flags.storage_path)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the demo wants an empty folder, and ", flags.storage_path,
                       " holds something; `serve` goes on with it"));
    }
    return flags.storage_path;
  }
  std::string folder = (std::filesystem::temp_directory_path() / "slowburn-demo-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr)
    return absl::UnavailableError(absl::StrCat("cannot make the folder ", folder));
  return folder;
}

void PrintWelcome(const Server& server, const std::string& folder) {
  std::printf(
      "\n  \033[1;38;5;208mSlowburn\033[0m demo is up\n\n"
      "    page      %s/\n"
      "    PromQL    %s/api/v1/query?query=service:http_requests:rate5m\n"
      "    gRPC      %s\n"
      "    files     %s\n\n"
      "  In a few seconds checkout begins to fail: watch its budget burn; the page arrives within "
      "two minutes.\n"
      "  Ctrl-C ends it.\n\n",
      server.url().c_str(), server.url().c_str(), server.grpc_address().c_str(), folder.c_str());
  std::fflush(stdout);
}

absl::Status Demo(ServeFlags flags, const std::string& folder, Signals& signals) {
  const base::RealClock clock;
  flags.storage_path = folder + "/data";
  flags.retention_ms = kRetention;
  flags.retention_named = true;
  RETURN_IF_ERROR(base::MakeDirectories(flags.storage_path));
  RETURN_IF_ERROR(WriteFiles(folder, flags.listen_addresses.front()));
  flags.config_file = folder + "/prometheus.yml";
  flags.config_file_named = true;
  flags.alertmanager_config_file = folder + "/alertmanager.yml";
  flags.slo_files = {folder + "/slo.yml"};

  const base::TimestampMs now = clock.Now();
  Shop shop(now - kHistory - kHistoryStep, now);
  RETURN_IF_ERROR(Backfill(shop, flags, clock, now - kHistory, now));
  LiveShop live(std::move(shop), clock);
  ServerHooks hooks{.add_routes = [&live](api::Router& router) { AddDemoRoutes(router, live); },
                    .quit = Signals::RequestStop};
  ASSIGN_OR_RETURN(const std::unique_ptr<Server> server,
                   Server::Start(std::move(flags), std::move(hooks)));
  PrintWelcome(*server, folder);
  while (signals.Wait() == Signals::kReload)
    server->Reload().IgnoreError();  // logged by the server
  server->Stop();
  return absl::OkStatus();
}

}  // namespace

int RunDemo(ServeFlags flags) {
  Signals signals;
  base::SetLogLevel(base::LogLevel::kWarn);
  if (flags.listen_addresses == ServeFlags().listen_addresses)
    flags.listen_addresses = {"127.0.0.1:9090"};
  const bool temporary = flags.storage_path == ServeFlags().storage_path;
  absl::StatusOr<std::string> folder = DemoFolder(flags);
  const absl::Status status =
      folder.ok() ? Demo(std::move(flags), *folder, signals) : folder.status();
  if (temporary && folder.ok()) {
    std::error_code ignored;  // what is left in the temporary folder harms nobody
    std::filesystem::remove_all(*folder, ignored);
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "the demo cannot run: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace slowburn::app
