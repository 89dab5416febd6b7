#include "tsdb/postings.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <utility>

namespace slowburn::tsdb {
namespace {

// A list this many times longer is searched, not walked.
constexpr size_t kGallop = 16;

// First place at or after `from` whose slot is not below `slot`, by steps that double.
size_t Gallop(std::span<const Slot> list, size_t from, Slot slot) {
  size_t step = 1, low = from;
  while (low + step < list.size() && list[low + step] < slot) {
    low += step;
    step *= 2;
  }
  const auto begin = list.begin() + static_cast<std::ptrdiff_t>(low);
  const auto end =
      list.begin() + static_cast<std::ptrdiff_t>(std::min(low + step + 1, list.size()));
  return static_cast<size_t>(std::lower_bound(begin, end, slot) - list.begin());
}

// Calls visit(slot, is in b) for each of a.
template <typename Visit>
void Compare(std::span<const Slot> a, std::span<const Slot> b, Visit visit) {
  const bool gallop = b.size() / kGallop > a.size();
  size_t at = 0;
  for (const Slot slot : a) {
    if (gallop) {
      at = Gallop(b, at, slot);
    } else {
      while (at < b.size() && b[at] < slot) ++at;
    }
    visit(slot, at < b.size() && b[at] == slot);
  }
}

// Through a bitmap over the range of the slots.
Postings DenseUnion(const std::vector<std::span<const Slot>>& lists, Slot least, size_t words) {
  std::vector<uint64_t> bits(words);
  for (const std::span<const Slot> list : lists) {
    for (const Slot slot : list) bits[(slot - least) / 64] |= uint64_t{1} << (slot - least) % 64;
  }
  Postings out;
  for (size_t word = 0; word < words; ++word) {
    for (uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
      out.push_back(least + static_cast<Slot>(word * 64) +
                    static_cast<Slot>(std::countr_zero(rest)));
    }
  }
  return out;
}

}  // namespace

Postings UnionOf(const std::vector<std::span<const Slot>>& lists) {
  if (lists.empty()) return {};
  if (lists.size() == 1) return {lists[0].begin(), lists[0].end()};
  size_t total = 0;
  Slot least = kNoSlot, greatest = 0;
  for (const std::span<const Slot> list : lists) {
    if (list.empty()) continue;
    total += list.size();
    least = std::min(least, list.front());
    greatest = std::max(greatest, list.back());
  }
  if (total == 0) return {};
  const size_t words = (greatest - least) / 64 + 1;
  if (words <= 2 * total) return DenseUnion(lists, least, words);
  Postings out;
  out.reserve(total);
  for (const std::span<const Slot> list : lists) out.insert(out.end(), list.begin(), list.end());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Postings Intersection(std::span<const Slot> a, std::span<const Slot> b) {
  if (a.size() > b.size()) std::swap(a, b);
  Postings out;
  Compare(a, b, [&](Slot slot, bool both) {
    if (both) out.push_back(slot);
  });
  return out;
}

Postings Difference(std::span<const Slot> a, std::span<const Slot> without) {
  Postings out;
  Compare(a, without, [&](Slot slot, bool both) {
    if (!both) out.push_back(slot);
  });
  return out;
}

SlotList::SlotList(SlotList&& other) noexcept { *this = std::move(other); }

SlotList& SlotList::operator=(SlotList&& other) noexcept {
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  std::swap(inside_, other.inside_);  // as bytes: it covers heap_
  return *this;
}

SlotList::~SlotList() {
  if (capacity_ != kInside) delete[] heap_;
}

void SlotList::Reallocate(uint32_t capacity) {
  Slot* const memory = new Slot[capacity];
  std::memcpy(memory, data(), size_ * sizeof(Slot));
  if (capacity_ != kInside) delete[] heap_;
  heap_ = memory;
  capacity_ = capacity;
}

void SlotList::Append(Slot slot) {
  if (size_ == capacity_) Reallocate(capacity_ < 64 ? 2 * capacity_ : capacity_ + capacity_ / 2);
  data()[size_++] = slot;
}

void SlotList::Remove(std::span<const Slot> ascending) {
  const Postings rest = Difference(view(), ascending);
  size_ = static_cast<uint32_t>(rest.size());
  std::copy(rest.begin(), rest.end(), data());
  if (capacity_ > 64 && size_ > kInside && size_ < capacity_ / 4) Reallocate(2 * size_);
}

}  // namespace slowburn::tsdb
