// HttpClient: the door for outbound HTTP (scrapes, webhooks, http_sd, alertmanagers).
// CurlHttpClient is the real one; tests/testing/fake_http_client.h stands in the door.
//
// Threads: Start may be called from any thread. `done` runs exactly once, on a thread of the
//   client: hand longer work to an Executor.
// Lifetimes: the request is copied; destroying the client fails what is under way with kCancelled.
// Errors: any HTTP answer is an OK result, whatever its status code. kDeadlineExceeded: timeout;
//   kResourceExhausted: body over max_body_bytes; kUnavailable: could not connect, TLS or protocol
//   fault, with libcurl's words; kInvalidArgument: unreadable URL, credential file or certificate.
#ifndef SLOWBURN_BASE_HTTP_CLIENT_H_
#define SLOWBURN_BASE_HTTP_CLIENT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"

namespace slowburn::base {

struct TlsOptions {  // Prometheus' tls_config
  std::string ca, cert, key;                 // inline PEM
  // Read at each connection, so that rotated files are seen.
  std::string ca_file, cert_file, key_file;
  std::string server_name;
  std::string min_version, max_version;  // TLS10 … TLS13, or empty
  bool insecure_skip_verify = false;
};

// Prometheus' http_config: the part of a client that comes from configuration. Secrets in *_file
// are read per request.
struct HttpClientConfig {
  struct BasicAuth {
    std::string username, username_file, password, password_file;
  };
  struct Authorization {
    std::string type = "Bearer", credentials, credentials_file;
  };
  std::unique_ptr<BasicAuth> basic_auth;          // null: none
  std::unique_ptr<Authorization> authorization;   // null: none
  TlsOptions tls;
  std::vector<std::pair<std::string, std::string>> headers;  // http_headers
  std::string proxy_url, no_proxy;
  bool proxy_from_environment = false;
  bool follow_redirects = true;
  bool enable_http2 = true;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  DurationMs timeout_ms = 10 * kSecond;
  size_t max_body_bytes = size_t{256} << 20;  // of the decoded answer
  bool accept_gzip = true;                    // asks for gzip and decodes it
  // Shared by the requests of one target pool; may be null.
  std::shared_ptr<const HttpClientConfig> config;
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string_view Header(std::string_view lower_case_name) const;  // empty when absent
};

class HttpClient {
 public:
  using Callback = std::function<void(absl::StatusOr<HttpResponse>)>;
  virtual ~HttpClient() = default;
  virtual void Start(HttpRequest request, Callback done) = 0;
};

// Blocks the calling thread until the answer is there: for the command line, never for a task of an
// Executor.
absl::StatusOr<HttpResponse> Fetch(HttpClient& client, HttpRequest request);

// libcurl's multi interface on one thread of its own, connections kept alive.
std::unique_ptr<HttpClient> NewCurlHttpClient();

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_HTTP_CLIENT_H_
