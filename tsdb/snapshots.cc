#include "tsdb/snapshots.h"

#include "tsdb/block_store.h"

namespace slowburn::tsdb {

Snapshots::~Snapshots() {
  for (const auto& [id, chunks] : retired_) {
    for (ClosedChunk* chunk : chunks) ClosedChunk::Delete(chunk);
  }
}

Snapshots::Reader::Reader(Snapshots& snapshots) : snapshots_(snapshots) {
  base::MutexLock lock(snapshots_.mu_);
  id_ = snapshots_.next_id_++;
  point_ = {snapshots_.published_, snapshots_.sealed_};
  blocks_ = snapshots_.blocks_;
  snapshots_.readers_.emplace(id_, point_.commit);
}

Snapshots::Reader::~Reader() {
  bool wake = false;
  {
    base::MutexLock lock(snapshots_.mu_);
    snapshots_.readers_.erase(id_);
    snapshots_.FreeRetired();
    wake = snapshots_.waiters_ > 0;
  }
  if (wake) snapshots_.reader_gone_.NotifyAll();
}

Snapshots::Publishing::Publishing(Snapshots& snapshots) : snapshots_(snapshots) {
  snapshots_.mu_.Lock();
  has_reader_ = !snapshots_.readers_.empty();
  oldest_ = snapshots_.published_;
  if (!has_reader_) return;
  // Ids and commits grow together.
  oldest_ = snapshots_.readers_.begin()->second;
  newest_ = snapshots_.readers_.rbegin()->second;
}

Snapshots::Publishing::~Publishing() { snapshots_.mu_.Unlock(); }

void Snapshots::Publishing::Publish(CommitNumber commit) { snapshots_.published_ = commit; }

CommitNumber Snapshots::published() const {
  base::MutexLock lock(mu_);
  return published_;
}

void Snapshots::Retire(std::vector<ClosedChunk*> chunks) {
  if (chunks.empty()) return;
  base::MutexLock lock(mu_);
  retired_.emplace_back(next_id_, std::move(chunks));
  FreeRetired();
}

void Snapshots::FreeRetired() {
  const uint64_t oldest = readers_.empty() ? next_id_ : readers_.begin()->first;
  while (!retired_.empty() && retired_.front().first <= oldest) {
    for (ClosedChunk* chunk : retired_.front().second) ClosedChunk::Delete(chunk);
    retired_.pop_front();
  }
}

void Snapshots::RefreshBlocks(const BlockStore& store) {
  std::shared_ptr<const BlockView> old;  // freed outside of the lock
  base::MutexLock lock(mu_);
  // Under the lock, so that a view is never followed by one from before it.
  old = std::exchange(blocks_, store.View());
}

uint64_t Snapshots::PublishSeal(const BlockStore& store, SealNumber seal) {
  std::shared_ptr<const BlockView> old;
  base::MutexLock lock(mu_);
  old = std::exchange(blocks_, store.View());
  sealed_ = seal;
  return next_id_;
}

bool Snapshots::HasReadersBefore(uint64_t mark) const {
  base::MutexLock lock(mu_);
  return HasBefore(mark);
}

bool Snapshots::WaitForReadersBefore(uint64_t mark, const std::atomic<bool>& stop,
                                     const base::Clock& clock, std::chrono::nanoseconds limit) {
  // Looks at the clock again so often: it may be a test's.
  static constexpr std::chrono::milliseconds kAtOnce(100);
  const int64_t until = clock.MonotonicNs() + limit.count();
  base::MutexLock lock(mu_);
  ++waiters_;
  while (HasBefore(mark) && !stop && clock.MonotonicNs() < until)
    reader_gone_.WaitFor(mu_, kAtOnce);
  --waiters_;
  return !HasBefore(mark);
}

void Snapshots::WakeWaiters() {
  // The lock, so that nobody is between looking at its stop and waiting.
  { base::MutexLock lock(mu_); }
  reader_gone_.NotifyAll();
}

}  // namespace slowburn::tsdb
