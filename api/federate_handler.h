// /federate: the newest sample of every series that a match[] selects, for another Prometheus to
// scrape.
//
// A sample is at most the lookback old; stale series are left out. The external labels are added
// where a series does not have them, and an empty `instance`, so that the scraper's own does not
// take its place. Without match[] the answer is empty; errors are plain text.
// Threads: any. Lifetimes: what the deps refer to outlives the router.
#ifndef SLOWBURN_API_FEDERATE_HANDLER_H_
#define SLOWBURN_API_FEDERATE_HANDLER_H_

#include <functional>

#include "api/http.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "tsdb/labels.h"
#include "tsdb/storage.h"

namespace slowburn::api {

struct FederateDeps {
  tsdb::Storage& storage;
  const base::Clock& clock;
  prometheus::Registry& registry;
  tsdb::DurationMs lookback_ms = 5 * base::kMinute;
  std::function<tsdb::Labels()> external_labels;
};

void RegisterFederation(Router& router, FederateDeps deps);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_FEDERATE_HANDLER_H_
