// Query results as gRPC messages. Threads: stateless.
#ifndef SLOWBURN_API_GRPC_CONVERT_H_
#define SLOWBURN_API_GRPC_CONVERT_H_

#include <functional>

#include "query/value.h"
#include "slowburn/v1/slowburn.pb.h"

namespace slowburn::api {

inline constexpr int kMaxPointsPerBatch = 1000;

// Calls `send` for each batch of `result`, the end last; stops early when it returns false.
void StreamResult(const query::QueryResult& result,
                  const std::function<bool(const v1::SeriesBatch&)>& send);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_GRPC_CONVERT_H_
