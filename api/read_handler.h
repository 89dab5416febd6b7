// POST /api/v1/read: Prometheus' remote read. A snappy-compressed ReadRequest in; out either
// SAMPLES (one snappy-compressed ReadResponse) or STREAMED_XOR_CHUNKS (frames of chunks), whichever
// of the two the client names first.
//
// Raw samples are sent, stale markers too. The external labels are added to every series; a matcher
// that asks for one of them matches what has no such label. Native histograms have no chunk format
// here: if any is selected, a client that takes SAMPLES as well gets those, another is refused.
// Limits: --storage.remote.read-sample-limit (SAMPLES; 400), -concurrent-limit (others wait),
// -max-bytes-in-frame, and the memory of queries (422).
// Threads: any. Lifetimes: what the deps refer to outlives the router.
#ifndef SLOWBURN_API_READ_HANDLER_H_
#define SLOWBURN_API_READ_HANDLER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "api/http.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "query/query_memory.h"
#include "tsdb/labels.h"
#include "tsdb/storage.h"

namespace slowburn::api {

struct RemoteReadLimits {
  int64_t samples = 50'000'000;  // of one answer; 0: no limit
  int concurrent = 10;           // 0: no limit
  size_t frame_bytes = size_t{1} << 20;
};

struct RemoteReadDeps {
  tsdb::Storage& storage;
  const base::Clock& clock;
  prometheus::Registry& registry;
  RemoteReadLimits limits;
  std::function<tsdb::Labels()> external_labels;
  std::function<std::shared_ptr<query::QueryMemory>()> new_memory;
};

void RegisterRemoteRead(Router& router, RemoteReadDeps deps);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_READ_HANDLER_H_
