// HttpServer: HTTP/1.1 over TCP. Sockets on one side, HttpAnswer and the Router behind it on the
// other.
//
//   HttpServer server({.listen_addresses = {"127.0.0.1:9090"}});
//   RETURN_IF_ERROR(server.Start(router));      // server.port() is now known
//   …
//   server.Stop(30 * base::kSecond);
//
// One thread moves bytes; handlers run on a pool of worker threads and may block; what the socket
// takes of an answer at once is sent from there. Keep-alive and pipelining: the requests of one
// connection are answered one after the other, in order. While a handler runs the socket is
// watched, and Request::client_gone turns true when the client closes it. TLS is not here yet: put
// a proxy in front.
//
// Limits, each with its answer: max_connections (further ones wait in the kernel's queue),
// max_body_bytes (413, from the Content-Length before a byte is read), kMaxHeaderBytes (431),
// read_timeout (the connection is closed). Threads: Start and Stop from one thread, the rest from
// any. Lifetimes: the router outlives the server.
#ifndef SLOWBURN_API_HTTP_SERVER_H_
#define SLOWBURN_API_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/http.h"
#include "api/http_answer.h"
#include "base/clock.h"

namespace slowburn::api {

inline constexpr size_t kMaxHeaderBytes = size_t{1} << 20;  // Go's default

struct HttpServerOptions {
  std::vector<std::string> listen_addresses = {
      "127.0.0.1:9090"};  // host:port, [v6]:port, :port; port 0 picks a free one
  size_t worker_threads = 64;
  size_t max_connections = 512;  // --web.max-connections
  // --web.read-timeout: a request's arrival, and idle connections.
  base::DurationMs read_timeout_ms = 5 * base::kMinute;
  uint64_t max_body_bytes = uint64_t{32} << 20;
  HttpAnswerOptions answer;
};

class HttpServer {
 public:
  explicit HttpServer(HttpServerOptions options);
  ~HttpServer();  // Stop(0)
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // kInvalidArgument: an address or option cannot be read; kUnavailable: an address cannot be
  // listened on, with the system's reason. REQUIRES: not started before.
  absl::Status Start(const Router& router);
  // Of the listen addresses, in their order.
  std::vector<uint16_t> ports() const;
  uint16_t port() const { return ports().front(); }
  size_t connections() const;

  // Listens no more, closes idle connections, gives running requests `drain_ms` to be answered;
  // then marks them client_gone and closes their connections as they return, which is waited for.
  // Idempotent.
  void Stop(base::DurationMs drain_ms);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slowburn::api

#endif  // SLOWBURN_API_HTTP_SERVER_H_
