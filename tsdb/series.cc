#include "tsdb/series.h"

#include <sys/mman.h>

#include <new>

#include "base/check.h"
#include "tsdb/histogram.h"
#include "tsdb/huge_memory.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kPages = (size_t{kNoSlot} + 1) / SeriesTable::kPerPage;
constexpr size_t kPageBytes = SeriesTable::kPerPage * sizeof(Series);
// From so many on, pages come in groups that fill a large page of memory.
constexpr size_t kPagesOfGroup = kHugePageBytes / kPageBytes;
static_assert(kHugePageBytes % kPageBytes == 0);

// Zeroed, and costs memory only where it is written.
void* Reserve(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED);  // No address space at start: nothing can run.
  return memory;
}

}  // namespace

SeriesExtra::~SeriesExtra() {
  for (ClosedChunk* chunk : closed) ClosedChunk::Delete(chunk);
}

SeriesTable::SeriesTable() : pages_(static_cast<Page*>(Reserve(kPages * sizeof(Page)))) {}

SeriesTable::~SeriesTable() {
  for (size_t page = 0; page < buried_.size(); ++page) {
    Series* series = pages_[page].load(std::memory_order_relaxed);
    for (size_t i = 0; i < kPerPage; ++i) Free(series[i]);
    if (page < kPagesOfGroup) munmap(series, kPageBytes);
  }
  for (size_t page = kPagesOfGroup; page < buried_.size(); page += kPagesOfGroup)
    munmap(pages_[page].load(std::memory_order_relaxed), kHugePageBytes);
  munmap(pages_, kPages * sizeof(Page));
}

Slot SeriesTable::Allocate() {
  const Slot slot = end_.load(std::memory_order_relaxed);
  if (slot + 1 == kNoSlot) return kNoSlot;
  if (slot % kPerPage == 0) {
    // An all-zero record is a series that is not there.
    const size_t page = slot / kPerPage, in_group = page % kPagesOfGroup;
    Series* series = nullptr;
    if (page < kPagesOfGroup) {
      series = static_cast<Series*>(Reserve(kPageBytes));
    } else if (in_group == 0) {
      series = reinterpret_cast<Series*>(HugeMemory(kHugePageBytes).Release());
    } else {
      series = pages_[page - in_group].load(std::memory_order_relaxed) + in_group * kPerPage;
    }
    pages_[page].store(series, std::memory_order_release);
    buried_.push_back(0);
  }
  end_.store(slot + 1, std::memory_order_release);
  return slot;
}

void SeriesTable::Free(Series& series) {
  OpenChunk::Delete(series.open);
  delete series.extra;
  series.open = nullptr;
  series.extra = nullptr;
}

void SeriesTable::Bury(Slot slot) {
  Series& series = (*this)[slot];
  DCHECK(series.state == SeriesState::kDead);
  Free(series);
  const size_t page = slot / kPerPage;
  if (++buried_[page] < kPerPage) return;
  // The page reads as zeros from now on: nobody is there.
  madvise(pages_[page].load(std::memory_order_relaxed), kPageBytes, MADV_DONTNEED);
}

}  // namespace slowburn::tsdb
