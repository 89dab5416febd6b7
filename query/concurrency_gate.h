// ConcurrencyGate lets at most so many queries run; the others wait in line for their turn, their
// deadline, or a cancel.
//
// Thread-safe.
#ifndef SLOWBURN_QUERY_CONCURRENCY_GATE_H_
#define SLOWBURN_QUERY_CONCURRENCY_GATE_H_

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "query/stop_signals.h"

namespace slowburn::query {

class ConcurrencyGate {
 public:
  ConcurrencyGate(int limit, const base::Clock& clock) : limit_(limit), clock_(clock) {}

  // kDeadlineExceeded, kCancelled, or OK: then Leave() must follow.
  absl::Status Enter(const StopSignals& stop) ABSL_LOCKS_EXCLUDED(mu_);
  void Leave() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const int limit_;
  const base::Clock& clock_;
  base::Mutex mu_;
  base::CondVar left_;
  int running_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_CONCURRENCY_GATE_H_
