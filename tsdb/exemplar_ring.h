// ExemplarRing: the newest exemplars of all series, a bounded number of them.
//
// Threads: Judge, Withdraw, Forget, Delete, Clear and Holds under the commit lock; the rest from
// any thread.
#ifndef SLOWBURN_TSDB_EXEMPLAR_RING_H_
#define SLOWBURN_TSDB_EXEMPLAR_RING_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/mutex.h"
#include "tsdb/series.h"
#include "tsdb/snapshots.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

class ExemplarRing {
 public:
  explicit ExemplarRing(size_t capacity) : capacity_(capacity) {}
  bool enabled() const { return capacity_ > 0; }

  struct Staged {
    Slot slot = kNoSlot;
    Exemplar exemplar;
    bool had_newest = false;
    Exemplar newest_before;
  };
  // Exemplars are judged against the newest of their series, as long as the ring has one.
  enum class Verdict { kStore, kEqual, kOutOfOrder, kDisabled };
  // kStore: the exemplar is now the newest of its series; afterwards Publish or Withdraw it.
  Verdict Judge(Staged& staged);
  void Withdraw(Staged staged);  // in reverse order of Judge
  void Publish(Slot slot, Exemplar exemplar, CommitNumber commit);
  void Forget(const absl::flat_hash_set<Slot>& dead);
  // Forgets the exemplars of these series in the range.
  void Delete(const absl::flat_hash_set<Slot>& slots, TimeRange range);
  void Clear();
  bool Holds(Slot slot) const { return newest_.contains(slot); }

  size_t size() const;
  // Calls visit(slot, exemplar) for those that `commit` sees, oldest first.
  void Visit(CommitNumber commit, const std::function<void(Slot, const Exemplar&)>& visit) const;

 private:
  struct Entry {
    Slot slot = kNoSlot;
    CommitNumber commit = 0;
    Exemplar exemplar;
  };
  struct Newest {
    Exemplar exemplar;
    size_t held = 0;  // of the series: in the ring, or judged and not yet there
  };
  const size_t capacity_;
  absl::flat_hash_map<Slot, Newest> newest_;  // under the commit lock
  mutable base::Mutex mu_;
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_EXEMPLAR_RING_H_
