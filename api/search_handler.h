// /api/v1/search/metric_names, label_names and label_values: what editors ask while somebody types.
// Lines of JSON, as Prometheus 3.13 and later answer behind --enable-feature=search-api.
//
// Threads: any. Lifetimes: what the deps refer to outlives the router.
#ifndef SLOWBURN_API_SEARCH_HANDLER_H_
#define SLOWBURN_API_SEARCH_HANDLER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "api/http.h"
#include "base/clock.h"
#include "tsdb/storage.h"

namespace slowburn::api {

struct SearchDeps {
  tsdb::Storage& storage;
  const base::Clock& clock;
  bool enabled = false;        // search-api
  int64_t max_limit = 10'000;  // --web.search.max-limit; 0: any
  // What is known of each metric, for include_metadata.
  std::function<std::map<std::string, tsdb::Metadata>()> metadata;
};

void RegisterSearchApi(Router& router, SearchDeps deps);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_SEARCH_HANDLER_H_
