// The queries that wait or run now, and their end:
//
//   GET /api/v1/status/queries           {"queries":[{"id":17,"query":"…","kind":"range",
//                                        "state":"running",…}]}, the oldest first
//   DELETE /api/v1/status/queries/{id}   kills it; its client is answered 499 `canceled`
//
// Ours: Prometheus has no such paths. Threads: any. Lifetimes: the registry outlives the router.
#ifndef SLOWBURN_API_RUNNING_QUERIES_HANDLER_H_
#define SLOWBURN_API_RUNNING_QUERIES_HANDLER_H_

#include "api/http.h"
#include "query/query_registry.h"

namespace slowburn::api {

void RegisterRunningQueriesApi(Router& router, query::QueryRegistry& running);

// Who sent a request, for the list and the logs of queries.
query::QueryOrigin OriginOf(const Request& request);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_RUNNING_QUERIES_HANDLER_H_
