// KeyTable: raw keys to slots. Open addressing in buckets of one cache line, so that a look-up
// costs one miss, which a batched look-up hides behind the ones before it.
//
// Threads: none of its own; the head guards it.
#ifndef SLOWBURN_TSDB_KEY_TABLE_H_
#define SLOWBURN_TSDB_KEY_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "tsdb/series.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

class KeyTable {
 public:
  KeyTable();
  ~KeyTable();

  // out[i]: the slot bound to keys[i], or kNoSlot. REQUIRES: equal sizes.
  void Find(std::span<const RawKey> keys, std::span<Slot> out) const;
  void Insert(const RawKey& key, Slot slot);  // replaces an older binding
  void EraseIf(const std::function<bool(Slot)>& dead);
  size_t size() const;
  size_t bytes() const;

 private:
  // Growing rehashes one part, not everything at once.
  static constexpr size_t kParts = 64;
  struct Bucket;
  struct Part {
    std::unique_ptr<Bucket[]> buckets;
    size_t mask = 0;  // number of buckets - 1
    size_t size = 0;
  };
  static void Place(Part& part, const RawKey& key, Slot slot);
  static void Resize(Part& part, size_t buckets);
  const Part& PartOf(const RawKey& key) const { return parts_[key.high % kParts]; }

  std::array<Part, kParts> parts_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_KEY_TABLE_H_
