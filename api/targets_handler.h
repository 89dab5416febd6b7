// What is scraped: /api/v1/targets, /api/v1/targets/metadata, /api/v1/metadata,
// /api/v1/scrape_pools, in Prometheus' JSON.
//
// /api/v1/metadata answers what the active targets say, as Prometheus, and for metrics that no
// target exposes what remote write brought. Threads: any. Lifetimes: what the deps refer to
// outlives the router.
#ifndef SLOWBURN_API_TARGETS_HANDLER_H_
#define SLOWBURN_API_TARGETS_HANDLER_H_

#include <map>
#include <string>
#include <string_view>

#include "api/http.h"
#include "ingest/scrape_manager.h"
#include "tsdb/storage.h"

namespace slowburn::api {

struct TargetsDeps {
  const ingest::ScrapeManager& scraping;
  const tsdb::Storage& storage;
  std::string listen_address;  // "127.0.0.1:9090"
  // "http://host:9090/prefix": where others reach this server, for globalUrl.
  std::string external_url;
};

void RegisterTargetsApi(Router& router, TargetsDeps deps);

// "counter", "gaugehistogram", …
std::string_view MetricTypeName(tsdb::MetricType type);

// Of each metric one: what an active target says, or else what remote write brought.
std::map<std::string, tsdb::Metadata> MetadataOfMetrics(const ingest::ScrapeManager& scraping,
                                                        const tsdb::Storage& storage);

// `url` as it is for others: localhost is this machine's external host (and port, if it is this
// server).
std::string GlobalUrl(const std::string& url, const std::string& listen_address,
                      const std::string& external_url);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_TARGETS_HANDLER_H_
