// What stands around every handler: route prefix, readiness, CORS, compression, metrics, and a 500
// for what is thrown. Knows no sockets; http_server.cc brings requests and sends what comes out.
//
// Threads: Answer may run on many threads at once. Lifetimes: the router and the registry outlive
// it.
#ifndef SLOWBURN_API_HTTP_ANSWER_H_
#define SLOWBURN_API_HTTP_ANSWER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "api/http.h"
#include "base/metrics.h"
#include "base/regex.h"

namespace slowburn::api {

enum class Readiness { kReady, kStarting, kStopping };

struct HttpAnswerOptions {
  std::string route_prefix;        // "/prometheus": every path stands below it; "" and "/" are none
  std::string cors_origin = ".*";  // regular expression, anchored
  std::function<Readiness()> readiness;  // empty: always ready
  // Answered although not ready, by path without the prefix.
  std::vector<std::string> always_ready = {"/-/healthy",
                                           "/-/ready",
                                           "/metrics",
                                           "/api/v1/status/walreplay",
                                           "/api/v1/notifications",
                                           "/api/v1/notifications/live"};
  prometheus::Registry* registry = nullptr;  // null: no metrics
};

class HttpAnswer {
 public:
  // kInvalidArgument: cors_origin is no regular expression, or route_prefix does not begin with a
  // slash.
  static absl::StatusOr<std::unique_ptr<HttpAnswer>> Create(const Router& router,
                                                            HttpAnswerOptions options);
  ~HttpAnswer();

  // `target` is the request line's second word. Fills the request's path and params, runs the
  // handler, and returns the answer with all headers but Content-Length, Connection and Date, its
  // body compressed if the client wants that.
  Response Answer(Request& request, std::string_view target) const;

 private:
  class Meter;
  HttpAnswer(const Router& router, HttpAnswerOptions options, base::Regex cors_origin);
  Response Dispatch(Request& request) const;
  Response RunHandler(Request& request) const;
  std::optional<Response> RefuseUnready(const Request& request) const;
  void AddCors(const Request& request, Response& response) const;

  const Router& router_;
  const HttpAnswerOptions options_;
  const base::Regex cors_origin_;
  const std::unique_ptr<Meter> meter_;  // null: no metrics
};

enum class ContentEncoding : uint8_t { kIdentity, kGzip, kDeflate };
// `text` in an encoding other than kIdentity, nullopt when memory is short.
std::optional<std::string> Encode(ContentEncoding encoding, std::string_view text);
// What an Accept-Encoding header wants most of what we have ("gzip;q=0" wants it not).
ContentEncoding WantedEncoding(std::string_view accept_encoding);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_HTTP_ANSWER_H_
