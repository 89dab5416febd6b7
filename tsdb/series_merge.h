// SeriesMerge: the series of many blocks, each once, in ascending order of labels.
//
//   merge.AddBlock(0, index, series)*; merge.Finish(); merge.labels(i), merge.parts(i)
//
// Label pairs of all blocks get common numbers, so that finding a series again compares numbers;
// its labels are made when somebody asks for them.
//
// Threads: none while it is built, immutable afterwards.
#ifndef SLOWBURN_TSDB_SERIES_MERGE_H_
#define SLOWBURN_TSDB_SERIES_MERGE_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "tsdb/block_index.h"
#include "tsdb/labels.h"
#include "tsdb/runs.h"
#include "tsdb/text_arena.h"

namespace slowburn::tsdb {

class SeriesMerge {
 public:
  // Where a series is: a number given to AddBlock, and its number there.
  struct Part {
    uint32_t block = 0, series = 0;
  };

  SeriesMerge() : known_(0, EntryHash{this}, EntryEqual{this}) {}
  SeriesMerge(const SeriesMerge&) = delete;
  SeriesMerge& operator=(const SeriesMerge&) = delete;

  // kDataLoss: the index is damaged, and this object is of no further use.
  absl::Status AddBlock(uint32_t block, const BlockIndex& index, const Runs& series);
  // limit 0: all.
  void Finish(size_t limit);

  size_t size() const { return order_.size(); }
  Labels labels(size_t i) const;
  std::span<const Part> parts(size_t i) const;  // in the order of AddBlock

 private:
  using PairNumber = uint32_t;
  using EntryNumber = uint32_t;
  static constexpr uint32_t kNone = ~uint32_t{0};
  using Row = std::span<const PairNumber>;

  struct Pair {
    uint32_t name = 0;
    std::string_view value;
  };
  struct PairKey {
    uint32_t name = 0;
    std::string_view value;
    friend bool operator==(const PairKey&, const PairKey&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const PairKey& key) {
      return H::combine(std::move(h), key.name, key.value);
    }
  };
  struct Entry {
    uint64_t begin = 0;  // of its row in rows_
    uint32_t size = 0;
    uint32_t hash = 0;
    EntryNumber next = kNone;  // what came after it in the last block that had it
  };
  struct RowKey {
    Row row;
    uint32_t hash = 0;
  };
  struct EntryHash {
    using is_transparent = void;
    const SeriesMerge* merge;
    size_t operator()(EntryNumber e) const { return Spread(merge->entries_[e].hash); }
    size_t operator()(const RowKey& key) const { return Spread(key.hash); }
    static size_t Spread(uint32_t hash) { return hash * uint64_t{0x9E3779B97F4A7C15}; }
  };
  struct EntryEqual {
    using is_transparent = void;
    const SeriesMerge* merge;
    bool operator()(EntryNumber a, EntryNumber b) const { return a == b; }
    bool operator()(EntryNumber a, const RowKey& b) const { return merge->Has(a, b.row); }
    bool operator()(const RowKey& a, EntryNumber b) const { return merge->Has(b, a.row); }
  };

  class Translator;

  Row RowOf(EntryNumber e) const { return {rows_.data() + entries_[e].begin, entries_[e].size}; }
  bool Has(EntryNumber e, Row row) const;
  uint32_t NameNumber(std::string_view name);
  PairNumber NumberOf(uint32_t name, std::string_view value);
  EntryNumber FindOrAdd(Row row, EntryNumber expected);
  void Sort();

  TextArena texts_;
  std::vector<std::string_view> names_;
  std::vector<Pair> pairs_;
  absl::flat_hash_map<std::string_view, uint32_t> name_numbers_;
  absl::flat_hash_map<PairKey, PairNumber> pair_numbers_;
  std::vector<PairNumber> rows_;
  std::vector<Entry> entries_;
  absl::flat_hash_set<EntryNumber, EntryHash, EntryEqual> known_;
  uint32_t blocks_ = 0;
  bool sorted_ = true;  // entries_ are in order: only the first block brought some
  std::vector<EntryNumber> part_entries_;
  std::vector<Part> parts_;  // with part_entries_; after Finish by entry
  std::vector<uint64_t> part_ends_;
  std::vector<EntryNumber> order_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SERIES_MERGE_H_
