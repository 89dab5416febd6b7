#include "tsdb/snapshots.h"

namespace slowburn::tsdb {

Snapshots::~Snapshots() {
  for (const auto& [id, chunks] : retired_) {
    for (SealedChunk* chunk : chunks) SealedChunk::Delete(chunk);
  }
}

Snapshots::Reader::Reader(Snapshots& snapshots) : snapshots_(snapshots) {
  base::MutexLock lock(snapshots_.mu_);
  id_ = snapshots_.next_id_++;
  commit_ = snapshots_.published_;
  snapshots_.readers_.emplace(id_, commit_);
}

Snapshots::Reader::~Reader() {
  base::MutexLock lock(snapshots_.mu_);
  snapshots_.readers_.erase(id_);
  snapshots_.FreeRetired();
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

void Snapshots::Retire(std::vector<SealedChunk*> chunks) {
  if (chunks.empty()) return;
  base::MutexLock lock(mu_);
  retired_.emplace_back(next_id_, std::move(chunks));
  FreeRetired();
}

void Snapshots::FreeRetired() {
  const uint64_t oldest = readers_.empty() ? next_id_ : readers_.begin()->first;
  while (!retired_.empty() && retired_.front().first <= oldest) {
    for (SealedChunk* chunk : retired_.front().second) SealedChunk::Delete(chunk);
    retired_.pop_front();
  }
}

}  // namespace slowburn::tsdb
