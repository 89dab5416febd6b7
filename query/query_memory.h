// How much memory queries hold: of one query, and of all that run.
//
//   auto pool = std::make_shared<MemoryPool>(total_limit);      // the engine's
//   auto memory = std::make_shared<QueryMemory>(pool, limit);
//   MemoryHold held(*memory);
//   RETURN_IF_ERROR(held.Add(bytes));                   // given back when `held` goes
//
// What is counted is what grows with the data: columns, samples, label sets, groups, the answer.
// The sizes are estimates that err upwards; small and fixed things are left out.
//
// Threads: MemoryPool and QueryMemory are thread-safe, but for peak() and refusal(), which wait
// until the query has ended. A hold belongs to one thread at a time. Lifetimes: a memory outlives
// its holds. Errors: kResourceExhausted, which names the limit; then nothing was taken.
#ifndef SLOWBURN_QUERY_QUERY_MEMORY_H_
#define SLOWBURN_QUERY_QUERY_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace slowburn::query {

class MemoryPool {
 public:
  explicit MemoryPool(size_t limit) : limit_(limit) {}
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  bool TryTake(size_t bytes);
  void Give(size_t bytes) { held_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t held() const { return held_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }

 private:
  const size_t limit_;
  std::atomic<size_t> held_{0};
};

class QueryMemory {
 public:
  QueryMemory(std::shared_ptr<MemoryPool> pool, size_t limit)
      : pool_(std::move(pool)), limit_(limit) {}
  ~QueryMemory() { pool_->Give(reserved_); }
  QueryMemory(const QueryMemory&) = delete;
  QueryMemory& operator=(const QueryMemory&) = delete;

  absl::Status Take(size_t bytes);
  void Give(size_t bytes);
  size_t held() const { return held_.load(std::memory_order_relaxed); }
  size_t peak() const { return peak_; }

  // Which limit the last refused Take met.
  enum class Refusal { kNone, kQuery, kTotal };
  Refusal refusal() const { return refusal_; }

 private:
  const std::shared_ptr<MemoryPool> pool_;
  const size_t limit_;
  base::Mutex mu_;
  std::atomic<size_t> held_{0};  // written under the mutex
  size_t reserved_ = 0;          // of the pool, in whole pieces, so that it is asked rarely
  size_t peak_ = 0;
  Refusal refusal_ = Refusal::kNone;
};

// A part of it. Movable; what it holds is given back when it goes.
class MemoryHold {
 public:
  MemoryHold() = default;  // holds nothing and counts nothing
  explicit MemoryHold(QueryMemory& memory) : memory_(&memory) {}
  MemoryHold(MemoryHold&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryHold& operator=(MemoryHold&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryHold() { Clear(); }

  absl::Status Add(size_t bytes);
  void Remove(size_t bytes);
  absl::Status Set(size_t bytes) {
    if (bytes > bytes_) return Add(bytes - bytes_);
    Remove(bytes_ - bytes);
    return absl::OkStatus();
  }
  void Clear() { Remove(bytes_); }
  // Leaves what it holds to the memory, until that goes.
  void Leave() {
    memory_ = nullptr;
    bytes_ = 0;
  }
  size_t bytes() const { return bytes_; }

 private:
  QueryMemory* memory_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_QUERY_MEMORY_H_
