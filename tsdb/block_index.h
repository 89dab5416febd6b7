// BlockIndex reads the index of a block where it lies: nothing is copied or parsed beforehand.
//
//   pairs    name="value", numbered in ascending order of name, then of value; those of a name are
//            a range
//   series   numbered in ascending order of labels; a row is the pair numbers of one series
//
// Threads: BlockIndex is immutable; readers of it belong to one thread. Lifetimes: the sections
// outlive it. Errors: every method that reads returns false, or an error, where the bytes are no
// index; nothing outside of them is touched.
#ifndef SLOWBURN_TSDB_BLOCK_INDEX_H_
#define SLOWBURN_TSDB_BLOCK_INDEX_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/block_format.h"
#include "tsdb/byte_reader.h"
#include "tsdb/labels.h"
#include "tsdb/runs.h"

namespace slowburn::tsdb {

using BlockPair = uint32_t;
inline constexpr BlockPair kNoBlockPair = ~BlockPair{0};

class BlockIndex {
 public:
  using Sections = std::array<std::string_view, kIndexSections>;
  // kDataLoss: the sizes do not fit.
  static absl::StatusOr<BlockIndex> Open(const Sections& sections);

  uint32_t series_count() const { return series_; }
  uint32_t pair_count() const { return pairs_; }
  uint32_t name_count() const { return names_; }
  uint32_t group_count() const { return groups_; }
  uint32_t time_column_count() const { return time_columns_; }

  struct Name {
    std::string_view text;
    BlockPair begin = 0, end = 0;  // its pairs
  };
  bool NameAt(uint32_t i, Name& out) const;  // ascending
  enum class Found { kYes, kNo, kDamaged };
  Found FindName(std::string_view text, Name& out) const;
  // The first pair of the name whose value is not before `value`; name.end if there is none.
  bool LowerBound(const Name& name, std::string_view value, BlockPair& out) const;
  Found FindPair(const Name& name, std::string_view value, BlockPair& out) const;
  // The number of the name of a pair.
  bool NameOf(BlockPair pair, uint32_t& name) const;

  Found FindSeries(const Labels& labels, uint32_t& series) const;

  // What reading the postings of a pair costs, about: bytes.
  bool PostingsBytes(BlockPair pair, std::string_view& bytes) const;
  // Appends the series of the pair.
  bool ReadPostings(BlockPair pair, Runs& out) const;

  // The row group of a series.
  bool FindGroup(uint32_t series, uint32_t& group, GroupPlace& place, uint32_t& end_series) const;
  bool GroupAt(uint32_t group, GroupPlace& place, uint32_t& end_series) const;
  // The piece of a time column's chunk.
  bool TimesPiece(uint32_t time_column, uint32_t& piece) const;

 private:
  friend class BlockValueReader;
  friend class BlockRowReader;
  // Items behind a table of where each group of them ends; out = the bytes of one group.
  static bool GroupBytes(std::string_view section, uint32_t groups, uint32_t group,
                         std::string_view& out);
  std::string_view section(IndexSection s) const { return sections_[static_cast<size_t>(s)]; }

  Sections sections_;
  uint32_t names_ = 0, pairs_ = 0, series_ = 0, groups_ = 0, time_columns_ = 0;
};

// The values of pairs; going upwards is cheap.
class BlockValueReader {
 public:
  explicit BlockValueReader(const BlockIndex& index) : index_(index) {}
  bool Read(BlockPair pair);                         // REQUIRES: pair < pair_count()
  std::string_view value() const { return value_; }  // until the next Read

 private:
  bool Step();
  const BlockIndex& index_;
  BlockPair at_ = kNoBlockPair;
  ByteReader rest_;
  std::string value_;
};

// The rows of series; going upwards is cheap.
class BlockRowReader {
 public:
  explicit BlockRowReader(const BlockIndex& index) : index_(index) {}
  bool Read(uint32_t series);  // REQUIRES: series < series_count()
  // Ascending, each of another name; until the next Read.
  std::span<const BlockPair> row() const { return row_; }

 private:
  bool Step();
  const BlockIndex& index_;
  uint32_t at_ = ~uint32_t{0};
  ByteReader rest_;
  std::vector<BlockPair> row_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_INDEX_H_
