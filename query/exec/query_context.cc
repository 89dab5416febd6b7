#include "query/exec/query_context.h"

#include <algorithm>

#include "query/exec/operator.h"

namespace slowburn::query {

QueryContext::QueryContext(tsdb::Querier& storage, const base::Clock& the_clock,
                           QueryMemory& query_memory, SampleCounter& root, ExecOptions exec_options)
    : meter([this] { return CheckAlive(); }),
      options(exec_options),
      querier(storage),
      clock(the_clock),
      memory(query_memory),
      samples(&root) {}

absl::Status QueryContext::CheckAlive() {
  if (entry_ != nullptr) {
    entry_->SetSamples(touched_);
    entry_->SetMemory(memory.held());
  }
  return CheckStop();
}

absl::Status QueryContext::CheckStop() const {
  if (stop_.cancelled()) {
    return absl::CancelledError("query was canceled in expression evaluation");
  }
  if (clock.MonotonicNs() >= stop_.deadline_ns) {
    return absl::DeadlineExceededError("query timed out in expression evaluation");
  }
  return absl::OkStatus();
}

absl::Status QueryContext::Charge(int64_t n) {
  held_ += n;
  return ChargeBriefly(0);
}

absl::Status QueryContext::ChargeBriefly(int64_t n) {
  peak_ = std::max(peak_, held_ + n);
  if (held_ + n <= max_samples_) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      "query processing would load too many samples into memory in query execution");
}

void QueryContext::CountPoints(const Column& column, int64_t weight) {
  if (!samples->counts_steps()) {
    CountTotals(weight, weight);
    return;
  }
  column.present.ForEach([&](size_t step) {
    const int64_t n = WeightAt(column, step);
    Count(step, n, n);
  });
}

}  // namespace slowburn::query
