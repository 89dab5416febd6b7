// StateStore: small durable state (alert state, silences, notification log, SLO slices) as ordered
// keys and values.
//
// One store per data directory, one `Space` per owner. tsdb/rocks_state_store.h implements it over
// RocksDB, tests use tests/testing/memory_state_store.h.
// Threads: thread-safe. Errors: kUnavailable when the disk fails or is full; nothing of that batch
// is then visible, though a restart may still show it.
#ifndef SLOWBURN_BASE_STATE_STORE_H_
#define SLOWBURN_BASE_STATE_STORE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace slowburn::base {

enum class Space { kMeta, kRules, kSlo, kNotify };  // names of column families; never renamed

// kProcess survives SIGKILL; kDisk survives power loss too (fsync before return).
enum class Durability { kProcess, kDisk };

struct StateChange {
  std::string key;
  std::string value;
  enum Kind { kPut, kDelete, kDeleteRange } kind = kPut;  // kDeleteRange: [key, value)
};

class StateStore {
 public:
  virtual ~StateStore() = default;
  // All changes or none, atomically.
  virtual absl::Status Apply(Space space, const std::vector<StateChange>& changes,
                             Durability durability) = 0;
  // kNotFound when absent.
  virtual absl::StatusOr<std::string> Get(Space space, std::string_view key) const = 0;
  // In ascending key order over [begin, end) (an empty end is no bound), until `visit` returns
  // false.
  virtual absl::Status Scan(Space space, std::string_view begin, std::string_view end,
                            const std::function<bool(std::string_view key, std::string_view value)>&
                                visit) const = 0;
};

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_STATE_STORE_H_
