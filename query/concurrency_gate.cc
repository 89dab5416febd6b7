#include "query/concurrency_gate.h"

#include <algorithm>
#include <chrono>

namespace slowburn::query {
namespace {

// Nobody signals a cancel or a deadline, so those who wait look now and then.
constexpr int64_t kLookAgainMs = 50;

}  // namespace

absl::Status ConcurrencyGate::Enter(const StopSignals& stop) {
  base::MutexLock lock(mu_);
  while (running_ >= limit_) {
    if (stop.cancelled()) return absl::CancelledError("query was canceled in query queue");
    const int64_t rest_ms = (stop.deadline_ns - clock_.MonotonicNs()) / 1'000'000;
    if (rest_ms <= 0) return absl::DeadlineExceededError("query timed out in query queue");
    left_.WaitFor(mu_, std::chrono::milliseconds(std::min(rest_ms, kLookAgainMs)));
  }
  ++running_;
  return absl::OkStatus();
}

void ConcurrencyGate::Leave() {
  base::MutexLock lock(mu_);
  --running_;
  left_.NotifyOne();
}

}  // namespace slowburn::query
