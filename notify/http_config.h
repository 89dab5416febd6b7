// The http_config block of a receiver, read strictly into what base::HttpClient takes.
#ifndef SLOWBURN_NOTIFY_HTTP_CONFIG_H_
#define SLOWBURN_NOTIFY_HTTP_CONFIG_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/http_client.h"
#include "base/yaml.h"

namespace slowburn::notify {

// Relative file names are resolved against the folder of the configuration file. oauth2,
// proxy_connect_header and header values from files are refused: without them the receiver would
// refuse us.
absl::StatusOr<std::shared_ptr<const base::HttpClientConfig>> ParseHttpConfig(
    const base::YamlNode& node);
// http://host… or https://host…
absl::Status CheckHttpUrl(const base::YamlNode& node, const std::string& url);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_HTTP_CONFIG_H_
