// Zeroed memory straight from the operating system, in large pages where it has them: for what is
// large and filled from the front, so that the first touch of each small page does not cost a trap.
//
// Threads: thread-safe. Errors: none; without address space nothing can run.
#ifndef SLOWBURN_TSDB_HUGE_MEMORY_H_
#define SLOWBURN_TSDB_HUGE_MEMORY_H_

#include <cstddef>
#include <utility>

namespace slowburn::tsdb {

inline constexpr size_t kHugePageBytes = size_t{2} << 20;

class HugeMemory {
 public:
  HugeMemory() = default;
  // REQUIRES: a multiple of kHugePageBytes.
  explicit HugeMemory(size_t bytes);
  ~HugeMemory();
  HugeMemory(HugeMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  HugeMemory& operator=(HugeMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  // Its memory stays for ever, or until it is unmapped.
  char* Release() { return std::exchange(data_, nullptr); }
  char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HUGE_MEMORY_H_
