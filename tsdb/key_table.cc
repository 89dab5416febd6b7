#include "tsdb/key_table.h"

#include <utility>
#include <vector>

namespace slowburn::tsdb {

// Three keys and their slots fill a cache line. A bucket with a free place ends a search.
struct alignas(64) KeyTable::Bucket {
  static constexpr size_t kPlaces = 3;
  uint64_t high[kPlaces] = {};
  uint64_t low[kPlaces] = {};
  Slot slot[kPlaces] = {kNoSlot, kNoSlot, kNoSlot};

  // The place of the key, or the first free one, or kPlaces.
  size_t Search(const RawKey& key) const {
    for (size_t i = 0; i < kPlaces; ++i) {
      if (slot[i] == kNoSlot || (low[i] == key.low && high[i] == key.high)) return i;
    }
    return kPlaces;
  }
};

namespace {

constexpr size_t kAhead = 12;        // buckets fetched before they are needed
constexpr size_t kFirstBuckets = 4;  // of a part
// Grows when more than 3/4 of the places are taken.
bool IsFull(size_t size, size_t buckets) { return size * 4 >= buckets * 9; }

}  // namespace

KeyTable::KeyTable() {
  for (Part& part : parts_) Resize(part, kFirstBuckets);
}
KeyTable::~KeyTable() = default;

void KeyTable::Find(std::span<const RawKey> keys, std::span<Slot> out) const {
  const auto prefetch = [&](size_t i) {
    const Part& part = PartOf(keys[i]);
    __builtin_prefetch(&part.buckets[keys[i].low & part.mask]);
  };
  for (size_t i = 0; i < std::min(kAhead, keys.size()); ++i) prefetch(i);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i + kAhead < keys.size()) prefetch(i + kAhead);
    const Part& part = PartOf(keys[i]);
    size_t at = keys[i].low & part.mask;
    size_t place = part.buckets[at].Search(keys[i]);
    while (place == Bucket::kPlaces) {
      at = (at + 1) & part.mask;
      place = part.buckets[at].Search(keys[i]);
    }
    out[i] = part.buckets[at].slot[place];
  }
}

void KeyTable::Insert(const RawKey& key, Slot slot) {
  Part& part = parts_[key.high % kParts];
  if (IsFull(part.size + 1, part.mask + 1)) Resize(part, 2 * (part.mask + 1));
  Place(part, key, slot);
}

void KeyTable::Place(Part& part, const RawKey& key, Slot slot) {
  size_t at = key.low & part.mask;
  size_t place = part.buckets[at].Search(key);
  while (place == Bucket::kPlaces) {
    at = (at + 1) & part.mask;
    place = part.buckets[at].Search(key);
  }
  Bucket& bucket = part.buckets[at];
  if (bucket.slot[place] == kNoSlot) ++part.size;
  bucket.high[place] = key.high;
  bucket.low[place] = key.low;
  bucket.slot[place] = slot;
}

void KeyTable::Resize(Part& part, size_t buckets) {
  const std::unique_ptr<Bucket[]> old =
      std::exchange(part.buckets, std::make_unique<Bucket[]>(buckets));
  const size_t old_buckets = old == nullptr ? 0 : part.mask + 1;
  part.mask = buckets - 1;
  part.size = 0;
  for (size_t b = 0; b < old_buckets; ++b) {
    for (size_t i = 0; i < Bucket::kPlaces && old[b].slot[i] != kNoSlot; ++i) {
      Place(part, {old[b].high[i], old[b].low[i]}, old[b].slot[i]);
    }
  }
}

void KeyTable::EraseIf(const std::function<bool(Slot)>& dead) {
  for (Part& part : parts_) {
    std::vector<std::pair<RawKey, Slot>> kept;
    for (size_t b = 0; b <= part.mask; ++b) {
      for (size_t i = 0; i < Bucket::kPlaces && part.buckets[b].slot[i] != kNoSlot; ++i) {
        const Bucket& bucket = part.buckets[b];
        if (!dead(bucket.slot[i]))
          kept.push_back({{bucket.high[i], bucket.low[i]}, bucket.slot[i]});
      }
    }
    if (kept.size() == part.size) continue;
    size_t buckets = kFirstBuckets;
    while (IsFull(kept.size() + 1, buckets)) buckets *= 2;
    part.buckets = nullptr;
    Resize(part, buckets);
    for (const auto& [key, slot] : kept) Place(part, key, slot);
  }
}

size_t KeyTable::size() const {
  size_t size = 0;
  for (const Part& part : parts_) size += part.size;
  return size;
}

size_t KeyTable::bytes() const {
  size_t buckets = 0;
  for (const Part& part : parts_) buckets += part.mask + 1;
  return buckets * sizeof(Bucket);
}

}  // namespace slowburn::tsdb
