#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "app/serve_commands.h"
#include "app/server.h"
#include "app/signals.h"
#include "base/log.h"
#include "base/version.h"

namespace slowburn::app {

int RunServe(ServeFlags flags) {
  Signals signals;
  base::Info("starting Slowburn", {{"version", base::kVersion},
                                   {"revision", base::kRevision},
                                   {"storage", flags.storage_path}});
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start(std::move(flags), {.add_routes = {}, .quit = Signals::RequestStop});
  if (!server.ok()) {
    std::fprintf(stderr, "slowburn cannot start: %s\n",
                 std::string(server.status().message()).c_str());
    return 1;
  }
  base::Info("ready", {{"http", (*server)->url()}, {"grpc", (*server)->grpc_address()}});
  while (signals.Wait() == Signals::kReload)
    (*server)->Reload().IgnoreError();  // logged by the server
  base::Info("stopping");
  (*server)->Stop();
  return 0;
}

}  // namespace slowburn::app
