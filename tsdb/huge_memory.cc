#include "tsdb/huge_memory.h"

#include <sys/mman.h>

#include <cstdint>

#include "base/check.h"

namespace slowburn::tsdb {

HugeMemory::HugeMemory(size_t bytes) : size_(bytes) {
  // Aligned, by cutting off what is too much.
  const size_t reserved = bytes + kHugePageBytes;
  void* const memory = mmap(nullptr, reserved, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED);  // No address space: nothing can run.
  auto* const begin = static_cast<char*>(memory);
  const size_t past = reinterpret_cast<uintptr_t>(begin) % kHugePageBytes;
  const size_t before = past == 0 ? 0 : kHugePageBytes - past;
  if (before > 0) munmap(begin, before);
  data_ = begin + before;
  if (before < kHugePageBytes) munmap(data_ + bytes, kHugePageBytes - before);
  madvise(data_, bytes, MADV_HUGEPAGE);  // a hint
}

HugeMemory::~HugeMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace slowburn::tsdb
