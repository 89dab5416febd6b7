#include "tsdb/exemplar_ring.h"

#include <utility>

namespace slowburn::tsdb {

ExemplarRing::Verdict ExemplarRing::Judge(Staged& staged) {
  if (capacity_ == 0) return Verdict::kDisabled;
  Newest& newest = newest_[staged.slot];
  staged.had_newest = newest.held > 0;
  if (staged.had_newest) {
    if (newest.exemplar == staged.exemplar) return Verdict::kEqual;
    if (staged.exemplar.t < newest.exemplar.t) return Verdict::kOutOfOrder;
    staged.newest_before = newest.exemplar;
  }
  newest.exemplar = staged.exemplar;
  ++newest.held;
  return Verdict::kStore;
}

void ExemplarRing::Withdraw(Staged staged) {
  const auto it = newest_.find(staged.slot);
  if (it == newest_.end()) return;
  it->second.exemplar = std::move(staged.newest_before);
  if (--it->second.held == 0) newest_.erase(it);
}

void ExemplarRing::Publish(Slot slot, Exemplar exemplar, CommitNumber commit) {
  Entry evicted;
  {
    base::MutexLock lock(mu_);
    entries_.push_back({slot, commit, std::move(exemplar)});
    if (entries_.size() <= capacity_) return;
    evicted = std::move(entries_.front());
    entries_.pop_front();
  }
  const auto it = newest_.find(evicted.slot);
  if (it != newest_.end() && --it->second.held == 0) newest_.erase(it);
}

void ExemplarRing::Forget(const absl::flat_hash_set<Slot>& dead) {
  if (newest_.empty()) return;
  for (const Slot slot : dead) newest_.erase(slot);
  base::MutexLock lock(mu_);
  std::erase_if(entries_, [&](const Entry& entry) { return dead.contains(entry.slot); });
}

void ExemplarRing::Delete(const absl::flat_hash_set<Slot>& slots, TimeRange range) {
  base::MutexLock lock(mu_);
  std::erase_if(entries_, [&](const Entry& entry) {
    return slots.contains(entry.slot) && range.Contains(entry.exemplar.t);
  });
  for (const Slot slot : slots) newest_.erase(slot);
  for (const Entry& entry : entries_) {
    if (!slots.contains(entry.slot)) continue;
    Newest& newest = newest_[entry.slot];
    newest.exemplar = entry.exemplar;
    ++newest.held;
  }
}

void ExemplarRing::Clear() {
  newest_.clear();
  base::MutexLock lock(mu_);
  entries_.clear();
}

size_t ExemplarRing::size() const {
  base::MutexLock lock(mu_);
  return entries_.size();
}

void ExemplarRing::Visit(CommitNumber commit,
                         const std::function<void(Slot, const Exemplar&)>& visit) const {
  base::MutexLock lock(mu_);
  for (const Entry& entry : entries_) {
    if (entry.commit <= commit) visit(entry.slot, entry.exemplar);
  }
}

}  // namespace slowburn::tsdb
