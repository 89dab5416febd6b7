#include "tests/testing/memory_state_store.h"

namespace slowburn::testing {

absl::Status MemoryStateStore::Apply(base::Space space, const std::vector<base::StateChange>& changes,
                                     base::Durability /*durability*/) {
  base::MutexLock lock(mu_);
  if (fail_after_ == 0) return absl::UnavailableError("disk full (as the test wants it)");
  if (fail_after_ > 0) --fail_after_;
  ++applied_;
  for (const base::StateChange& change : changes) {
    const std::pair key(space, change.key);
    switch (change.kind) {
      case base::StateChange::kPut: map_[key] = change.value; break;
      case base::StateChange::kDelete: map_.erase(key); break;
      case base::StateChange::kDeleteRange:
        if (change.key >= change.value) break;  // an empty range
        map_.erase(map_.lower_bound(key), map_.lower_bound(std::pair(space, change.value)));
        break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> MemoryStateStore::Get(base::Space space, std::string_view key) const {
  base::MutexLock lock(mu_);
  const auto it = map_.find(std::pair(space, std::string(key)));
  if (it == map_.end()) return absl::NotFoundError("no such key");
  return it->second;
}

absl::Status MemoryStateStore::Scan(base::Space space, std::string_view begin, std::string_view end,
                                    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  std::map<std::pair<base::Space, std::string>, std::string> copy;
  {
    base::MutexLock lock(mu_);
    copy = map_;
  }
  for (auto it = copy.lower_bound(std::pair(space, std::string(begin))); it != copy.end(); ++it) {
    if (it->first.first != space || (!end.empty() && it->first.second >= end)) break;
    if (!visit(it->first.second, it->second)) break;
  }
  return absl::OkStatus();
}

void MemoryStateStore::FailAfter(int n) {
  base::MutexLock lock(mu_);
  fail_after_ = n;
}

int MemoryStateStore::applied() const {
  base::MutexLock lock(mu_);
  return applied_;
}

}  // namespace slowburn::testing
