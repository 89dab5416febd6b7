// SendRequests: sends a file of requests to POST `path`, one keep-alive connection a shard, as fast
// as the server takes them.
//
// A request is answered before the next one of its shard goes out, and no shard's samples run more
// than `window_ms` ahead of the slowest's, so that all stay within what receivers take. 429 and 5xx
// are sent again after a moment, as a real sender does; other answers that are not 2xx are
// refusals, counted and not repeated. A connection that the server closed is opened anew.
//
// Errors: kUnavailable when there is no connection to be had, kDeadlineExceeded when a request was
// put off too often.
#ifndef SLOWBURN_BENCH_REQUEST_SENDER_H_
#define SLOWBURN_BENCH_REQUEST_SENDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/request_file.h"

namespace slowburn::bench {

struct SendReport {
  std::map<int, uint64_t> statuses;
  uint64_t accepted_samples = 0;
  uint64_t repeats = 0;
  double seconds = 0;
  std::vector<uint32_t> latencies_us;  // sorted
  std::string first_refusal;           // text of the answer
};

absl::StatusOr<SendReport> SendRequests(const RequestFile& file, int port, const std::string& path,
                                        int64_t window_ms);

}  // namespace slowburn::bench

#endif  // SLOWBURN_BENCH_REQUEST_SENDER_H_
