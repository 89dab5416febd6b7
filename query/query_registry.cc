#include "query/query_registry.h"

#include <utility>

namespace slowburn::query {

QueryRegistry::Entry::Entry(QueryRegistry& registry, QueryDescription description)
    : registry_(registry),
      description_(std::move(description)),
      started_at_(registry.clock_.Now()),
      started_ns_(registry.clock_.MonotonicNs()) {
  base::MutexLock lock(registry_.mu_);
  id_ = ++registry_.last_id_;
  registry_.entries_.emplace(id_, this);
}

QueryRegistry::Entry::~Entry() {
  base::MutexLock lock(registry_.mu_);
  registry_.entries_.erase(id_);
}

std::vector<RunningQuery> QueryRegistry::List() const {
  const int64_t now_ns = clock_.MonotonicNs();
  std::vector<RunningQuery> out;
  base::MutexLock lock(mu_);
  for (const auto& [id, entry] : entries_) {
    RunningQuery& q = out.emplace_back();
    q.id = id;
    q.description = entry->description_;
    q.started_at = entry->started_at_;
    q.elapsed_seconds = double(now_ns - entry->started_ns_) / 1e9;
    q.waiting = entry->waiting_.load(std::memory_order_relaxed);
    q.killed = entry->killed_.load(std::memory_order_relaxed);
    q.samples = entry->samples_.load(std::memory_order_relaxed);
    q.memory_bytes = entry->memory_.load(std::memory_order_relaxed);
  }
  return out;
}

bool QueryRegistry::Kill(uint64_t id) {
  base::MutexLock lock(mu_);
  const auto it = entries_.find(id);
  if (it == entries_.end()) return false;
  it->second->killed_.store(true, std::memory_order_relaxed);
  return true;
}

}  // namespace slowburn::query
