// What the server says about itself: /api/v1/status/*, /-/healthy, /-/ready, /-/reload, /-/quit,
// /metrics, /version.
//
// Threads: the functions in StatusDeps are called from server threads. Lifetimes: what they capture
// outlives the router.
#ifndef SLOWBURN_API_STATUS_HANDLER_H_
#define SLOWBURN_API_STATUS_HANDLER_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "api/http.h"
#include "base/clock.h"
#include "base/metrics.h"

namespace slowburn::api {

struct ReplayProgress {
  uint64_t done = 0, total = 0;
};

struct StatusDeps {
  const base::Clock& clock;
  const prometheus::Registry& registry;
  std::vector<std::pair<std::string, std::string>> flags;  // name, value
  std::string retention;                                   // "1d"
  bool lifecycle_enabled = false;
  std::function<bool()> ready;
  std::function<void()> before_metrics;  // brings gauges up to date
  std::function<ReplayProgress()> replay;
  std::function<std::string()> config_yaml;  // secrets redacted
  std::function<absl::Status()> reload;      // everything; keeps the old on error
  struct LastReload {
    bool ok = true;
    base::TimestampMs loaded_at = 0;  // the configuration that is in force
    base::TimestampMs failed_at = 0;  // if not ok
  };
  std::function<LastReload()> last_reload;
  std::function<void()> quit;
};

void RegisterStatusApi(Router& router, StatusDeps deps);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_STATUS_HANDLER_H_
