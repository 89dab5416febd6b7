#include "query/exec/query_context.h"

#include <algorithm>

namespace slowburn::query {

absl::Status QueryContext::CheckAlive() {
  if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
    return absl::CancelledError("query was canceled in expression evaluation");
  }
  if (clock_.MonotonicNs() >= deadline_ns_) {
    return absl::DeadlineExceededError("query timed out in expression evaluation");
  }
  return absl::OkStatus();
}

absl::Status QueryContext::Charge(int64_t samples) {
  held_ += samples;
  return ChargeBriefly(0);
}

absl::Status QueryContext::ChargeBriefly(int64_t samples) {
  peak_ = std::max(peak_, held_ + samples);
  if (held_ + samples <= max_samples_) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      "query processing would load too many samples into memory in query execution");
}

}  // namespace slowburn::query
