// Ascending lists of slots and the set operations on them.
#ifndef SLOWBURN_TSDB_POSTINGS_H_
#define SLOWBURN_TSDB_POSTINGS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tsdb/series.h"

namespace slowburn::tsdb {

using Postings = std::vector<Slot>;  // ascending, unique

// Of spans of ascending unique slots.
Postings UnionOf(const std::vector<std::span<const Slot>>& lists);
Postings Intersection(std::span<const Slot> a, std::span<const Slot> b);
Postings Difference(std::span<const Slot> a, std::span<const Slot> without);

// The slots of one label pair. Most pairs have one series: up to two slots live inside.
class SlotList {
 public:
  SlotList() = default;
  SlotList(SlotList&& other) noexcept;
  SlotList& operator=(SlotList&& other) noexcept;
  ~SlotList();

  void Append(Slot slot);  // REQUIRES: greater than the last
  void Remove(std::span<const Slot> ascending);
  std::span<const Slot> view() const { return {capacity_ == kInside ? inside_ : heap_, size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  static constexpr uint32_t kInside = 2;
  Slot* data() { return capacity_ == kInside ? inside_ : heap_; }
  void Reallocate(uint32_t capacity);

  uint32_t size_ = 0, capacity_ = kInside;
  union {
    Slot inside_[kInside] = {};
    Slot* heap_;
  };
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_POSTINGS_H_
