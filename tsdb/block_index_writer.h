// BlockIndexWriter: makes the index of a block while its series are written.
//
//   index.AddSeries(labels)*; index.Finish(sections);
//
// Threads: none. Memory: four bytes a label of a series, and the distinct pairs.
#ifndef SLOWBURN_TSDB_BLOCK_INDEX_WRITER_H_
#define SLOWBURN_TSDB_BLOCK_INDEX_WRITER_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "tsdb/block_format.h"
#include "tsdb/labels.h"
#include "tsdb/text_arena.h"

namespace slowburn::tsdb {

class BlockIndexWriter {
 public:
  // In strictly ascending order; not empty.
  void AddSeries(const Labels& labels);
  uint32_t series_count() const { return static_cast<uint32_t>(row_ends_.size()); }

  // The sections kNames to kSeries. kInvalidArgument: too much for one block.
  absl::Status Finish(std::array<std::string, kIndexSections>& sections);

 private:
  using PairNumber = uint32_t;  // in order of appearance, then in order of name and value
  struct Pair {
    uint32_t name = 0;  // number of the name
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

  uint32_t NameNumber(std::string_view name);
  PairNumber NumberOf(LabelView label);
  std::span<const PairNumber> Row(size_t series) const;
  void Renumber();
  void WriteNames(std::string& out) const;
  void WriteValues(std::string& out) const;
  void WritePostings(std::string& out) const;
  void WriteSeries(std::string& out) const;

  TextArena texts_;
  std::vector<std::string_view> names_;
  std::vector<Pair> pairs_;
  absl::flat_hash_map<std::string_view, uint32_t> name_numbers_;
  absl::flat_hash_map<PairKey, PairNumber> pair_numbers_;
  std::vector<PairNumber> rows_;
  std::vector<uint64_t> row_ends_;
  Labels last_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_INDEX_WRITER_H_
