// POST /api/v1/write and its alias /api/v1/push: Prometheus remote write 1.0.
//
//   204  all stored
//   400  part was refused (the text names the first), or broken snappy, zstd or protobuf
//   413  would decode to more than the limit
//   415  another media type, message or encoding
//   503  too much under way, or the store's log cannot be written: senders retry
//
// Threads: Handle may run on many threads. Lifetimes: the ingester outlives the handler, the
// handler the router.
#ifndef SLOWBURN_API_WRITE_HANDLER_H_
#define SLOWBURN_API_WRITE_HANDLER_H_

#include <atomic>
#include <cstddef>

#include "api/http.h"
#include "base/metrics.h"
#include "ingest/remote_write.h"

namespace slowburn::api {

struct WriteHandlerOptions {
  // Bodies and what they decode to, of all requests being stored at this moment.
  size_t max_in_flight_bytes = size_t{256} << 20;
};

class WriteHandler {
 public:
  WriteHandler(ingest::RemoteWriteIngester& ingester, WriteHandlerOptions options,
               prometheus::Registry& registry);

  void Register(Router& router);
  Response Handle(const Request& request);

 private:
  class InFlight;
  Response Store(const Request& request, ingest::WriteEncoding encoding);

  ingest::RemoteWriteIngester& ingester_;
  const WriteHandlerOptions options_;
  std::atomic<size_t> in_flight_{0};
  prometheus::Counter& ok_;
  prometheus::Counter& partly_refused_;
  prometheus::Counter& bad_;
  prometheus::Counter& unsupported_;
  prometheus::Counter& too_large_;
  prometheus::Counter& overloaded_;
  prometheus::Counter& failed_;
  prometheus::Gauge& in_flight_gauge_;
};

}  // namespace slowburn::api

#endif  // SLOWBURN_API_WRITE_HANDLER_H_
