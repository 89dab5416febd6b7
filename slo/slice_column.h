// SliceColumn: the counts of one block's slices, in as few bytes as they need.
//
// All entries have one width: 0 (all are zero), 1, 2, 4 or 8 bytes for whole numbers, 16 for
// anything else (EventCount's raw form). Adding widens the column when it must. A quiet service
// costs a byte a slice, an error count of zero nothing.
//
// Not thread-safe.
#ifndef SLOWBURN_SLO_SLICE_COLUMN_H_
#define SLOWBURN_SLO_SLICE_COLUMN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "slo/event_count.h"

namespace slowburn::slo {

class SliceColumn {
 public:
  explicit SliceColumn(size_t size) : size_(size) {}

  size_t size() const { return size_; }
  EventCount At(size_t i) const;         // REQUIRES: i < size()
  EventCount Sum(size_t n) const;        // of the first n; REQUIRES: n <= size()
  void Add(size_t i, EventCount delta);  // REQUIRES: i < size()
  void ZeroFrom(size_t i);               // entries i and later
  // `factor` neighbours become one. REQUIRES: factor divides size().
  SliceColumn Coarser(size_t factor) const;

  // A byte for the width, then the entries, little-endian.
  void AppendTo(std::string& out) const;
  // Takes the column from the front of `in`; false when it is not one.
  bool ReadFrom(std::string_view& in);
  size_t bytes() const { return bytes_.size(); }

 private:
  void Store(size_t i, EventCount value);  // REQUIRES: it fits width_
  void Widen(uint8_t width);

  size_t size_;
  uint8_t width_ = 0;
  std::vector<uint8_t> bytes_;  // size_ · width_
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLICE_COLUMN_H_
