// GrpcServer: Slowburn's gRPC surface (proto/slowburn/v1/slowburn.proto) with health and
// reflection.
//
// Threads: gRPC's own; a query runs on one of them, at most `max_streams` at once, the rest is
// refused with RESOURCE_EXHAUSTED. Lifetimes: what is given to Start outlives the server. A
// client's deadline and cancellation end its query. Status codes are absl's, which are gRPC's.
#ifndef SLOWBURN_API_GRPC_SERVICE_H_
#define SLOWBURN_API_GRPC_SERVICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "ingest/remote_write.h"
#include "query/engine.h"

namespace slowburn::api {

struct GrpcOptions {
  std::string listen_address = "127.0.0.1:10901";
  int max_streams = 64;              // pushes and queries at once
  int max_message_bytes = 32 << 20;  // of one message of Push
};

class GrpcServer {
 public:
  // kUnavailable: the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(GrpcOptions options,
                                                           ingest::RemoteWriteIngester& ingester,
                                                           query::Engine& engine,
                                                           const base::Clock& clock,
                                                           prometheus::Registry& registry);
  ~GrpcServer();  // Stop(0)
  int port() const;
  // Health turns to NOT_SERVING; calls under way may finish within `drain_ms`, then they are
  // cancelled.
  void Stop(base::DurationMs drain_ms);

 private:
  struct Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slowburn::api

#endif  // SLOWBURN_API_GRPC_SERVICE_H_
