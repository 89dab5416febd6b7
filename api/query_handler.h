// Queries over HTTP, in Prometheus' parameters and JSON: /api/v1/query, query_range,
// query_exemplars, format_query, parse_query, labels, label/:name/values, series, status/tsdb,
// and the list of running queries (running_queries_handler.h).
//
//   RegisterQueryApi(router, {.storage = db, .engine = engine, .clock = clock,
//                             .tsdb_stats = [&](size_t limit) { return db.Stats(limit); }});
//
// Threads: any; a query runs on the thread of its request and stops when the client goes away.
// Lifetimes: what the deps refer to outlives the router.
#ifndef SLOWBURN_API_QUERY_HANDLER_H_
#define SLOWBURN_API_QUERY_HANDLER_H_

#include <cstddef>
#include <functional>

#include "api/http.h"
#include "base/clock.h"
#include "query/engine.h"
#include "tsdb/db.h"
#include "tsdb/storage.h"

namespace slowburn::api {

struct QueryApiDeps {
  tsdb::Storage& storage;
  query::Engine& engine;
  const base::Clock& clock;
  std::function<tsdb::DbStats(size_t limit)> tsdb_stats;  // empty: no /api/v1/status/tsdb
};

void RegisterQueryApi(Router& router, QueryApiDeps deps);

// What /api/v1/status/tsdb shows of each list at most.
inline constexpr size_t kMaxTsdbStatsLimit = 10'000;

}  // namespace slowburn::api

#endif  // SLOWBURN_API_QUERY_HANDLER_H_
