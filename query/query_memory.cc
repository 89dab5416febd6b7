#include "query/query_memory.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace slowburn::query {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;

absl::Status RefusedError(const char* limit_name, size_t limit, size_t wanted) {
  return absl::ResourceExhaustedError(absl::StrCat("query processing would use too much memory: ",
                                                   wanted, " bytes, ", limit_name, " is ", limit));
}

}  // namespace

bool MemoryPool::TryTake(size_t bytes) {
  size_t held = held_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ || held > limit_ - bytes) return false;
  } while (!held_.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed));
  return true;
}

absl::Status QueryMemory::Take(size_t bytes) {
  base::MutexLock lock(mu_);
  const size_t held = held_.load(std::memory_order_relaxed);
  if (bytes > limit_ || held > limit_ - bytes) {
    refusal_ = Refusal::kQuery;
    return RefusedError("limits.query_memory_bytes", limit_, held + bytes);
  }
  if (held + bytes > reserved_) {
    // A whole piece where there is room for one, else just what is needed.
    const size_t needed = held + bytes - reserved_;
    const size_t piece = std::max(needed, kPieceBytes);
    if (pool_->TryTake(piece)) {
      reserved_ += piece;
    } else if (pool_->TryTake(needed)) {
      reserved_ += needed;
    } else {
      refusal_ = Refusal::kTotal;
      return RefusedError("with the other queries that run; limits.query_memory_total_bytes",
                          pool_->limit(), pool_->held() + needed);
    }
  }
  held_.store(held + bytes, std::memory_order_relaxed);
  peak_ = std::max(peak_, held + bytes);
  return absl::OkStatus();
}

void QueryMemory::Give(size_t bytes) {
  base::MutexLock lock(mu_);
  const size_t held = held_.load(std::memory_order_relaxed) - bytes;
  held_.store(held, std::memory_order_relaxed);
  // What lies far above the need goes back; a piece is kept, or it would go to and fro.
  if (reserved_ > held + 2 * kPieceBytes) {
    const size_t spare = reserved_ - held - kPieceBytes;
    pool_->Give(spare);
    reserved_ -= spare;
  }
}

absl::Status MemoryHold::Add(size_t bytes) {
  if (memory_ == nullptr) return absl::OkStatus();
  absl::Status status = memory_->Take(bytes);
  if (status.ok()) bytes_ += bytes;
  return status;
}

void MemoryHold::Remove(size_t bytes) {
  if (memory_ == nullptr) return;
  bytes = std::min(bytes, bytes_);
  memory_->Give(bytes);
  bytes_ -= bytes;
}

}  // namespace slowburn::query
