// Prometheus' http_config as it stands, inline, in scrape_configs and alertmanagers: YAML to
// base::HttpClientConfig.
//
// Threads: pure functions. Errors go to the reader with file:line:column.
#ifndef SLOWBURN_INGEST_HTTP_CLIENT_CONFIG_H_
#define SLOWBURN_INGEST_HTTP_CLIENT_CONFIG_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/http_client.h"
#include "base/yaml.h"

namespace slowburn::ingest {

struct HttpClientSettings {
  // Shared by all requests made with these settings.
  std::shared_ptr<const base::HttpClientConfig> config;
  // http_headers.*.files: name and file, read at each request.
  std::vector<std::pair<std::string, std::string>> header_files;
};

// Asks `reader` for the keys of http_config and checks them. Relative files are taken from where
// the YAML file lies. Keys that are known and not built (oauth2, proxy_connect_header) become
// warnings.
void ReadHttpClientSettings(base::YamlReader& reader, std::vector<std::string>& warnings,
                            HttpClientSettings& out);

// The headers of `header_files`, read now.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadHeaderFiles(
    const HttpClientSettings& settings);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_HTTP_CLIENT_CONFIG_H_
