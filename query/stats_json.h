// The statistics of a query as Prometheus writes them, in answers and in its query log:
// {"timings":{…},"samples":{…}}. Threads: stateless.
#ifndef SLOWBURN_QUERY_STATS_JSON_H_
#define SLOWBURN_QUERY_STATS_JSON_H_

#include <string>

#include "query/value.h"

namespace slowburn::query {

void AppendStatsJson(std::string& out, const QueryStats& stats);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_STATS_JSON_H_
