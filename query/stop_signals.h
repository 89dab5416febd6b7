// StopSignals: what ends a running query before it is done. Its deadline, its client's leaving, a
// kill.
//
// Plain values; the flags are set by other threads and outlive the query.
#ifndef SLOWBURN_QUERY_STOP_SIGNALS_H_
#define SLOWBURN_QUERY_STOP_SIGNALS_H_

#include <atomic>
#include <cstdint>
#include <limits>

namespace slowburn::query {

struct StopSignals {
  int64_t deadline_ns = std::numeric_limits<int64_t>::max();  // of Clock::MonotonicNs
  const std::atomic<bool>* client_gone = nullptr;             // may be null
  const std::atomic<bool>* killed = nullptr;                  // may be null

  bool cancelled() const { return IsSet(client_gone) || IsSet(killed); }

 private:
  static bool IsSet(const std::atomic<bool>* flag) {
    return flag != nullptr && flag->load(std::memory_order_relaxed);
  }
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_STOP_SIGNALS_H_
