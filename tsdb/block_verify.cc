#include "tsdb/block_verify.h"

#include <algorithm>
#include <vector>

#include "base/status_macros.h"
#include "tsdb/block_format.h"
#include "tsdb/histogram_column.h"
#include "tsdb/row_group.h"
#include "tsdb/series_merge.h"
#include "tsdb/time_columns.h"

namespace slowburn::tsdb {
namespace {

// The series of each pair by the rows, and by the postings: their number and their sum.
absl::Status VerifyPostings(const BlockIndex& index) {
  struct Tally {
    uint64_t count = 0, sum = 0;
    bool operator==(const Tally&) const = default;
  };
  std::vector<Tally> tallies(index.pair_count());
  BlockRowReader rows(index);
  for (uint32_t s = 0; s < index.series_count(); ++s) {
    if (!rows.Read(s)) return Damaged("the row of series ", s, " is malformed");
    for (const BlockPair pair : rows.row()) {
      ++tallies[pair].count;
      tallies[pair].sum += s;
    }
  }
  for (BlockPair pair = 0; pair < index.pair_count(); ++pair) {
    Runs runs;
    if (!index.ReadPostings(pair, runs)) return Damaged("the postings of a label are malformed");
    Tally tally;
    for (const Run& run : runs) {
      tally.count += run.end - run.begin;
      for (uint64_t s = run.begin; s < run.end; ++s) tally.sum += s;
    }
    if (tally != tallies[pair]) return Damaged("the postings of a label do not fit the series");
  }
  return absl::OkStatus();
}

absl::Status VerifyIndex(const BlockIndex& index) {
  SeriesMerge merge;
  const Runs all = index.series_count() == 0 ? Runs() : Runs{{0, index.series_count()}};
  RETURN_IF_ERROR(merge.AddBlock(0, index, all));
  return VerifyPostings(index);
}

class ColumnVerifier {
 public:
  explicit ColumnVerifier(const Block& block, const BlockIndex& index)
      : block_(block), index_(index) {}

  absl::Status Verify(const Column& column) {
    uint32_t piece = 0;
    if (!index_.TimesPiece(column.times, piece)) return Damaged("a column of unknown times");
    ASSIGN_OR_RETURN(const std::string_view bytes, block_.Piece(piece));
    TimeColumn times;
    RETURN_IF_ERROR(FindTimeColumn(bytes, column.times % kTimesChunk, times));
    times_.resize(times.count);
    RETURN_IF_ERROR(DecodeTimeColumn(times, times_));
    if (times.first < block_.info().min_t || times.last > block_.info().max_t)
      return Damaged("samples outside of the block's times");
    ColumnParts parts;
    RETURN_IF_ERROR(SplitColumn(column, parts));
    values_.resize(times.count);
    RETURN_IF_ERROR(DecodeColumnValues(column, parts, times.count, 0, values_));
    if (column.has(kColumnStarts))
      RETURN_IF_ERROR(DecodeColumnStarts(parts, times.count, 0, times_));
    if (column.has(kColumnHistograms)) {
      std::vector<HistogramPtr> histograms(times.count);
      RETURN_IF_ERROR(DecodeHistograms(parts.histograms, times.count, 0, histograms));
    }
    samples_ += times.count;
    return absl::OkStatus();
  }
  uint64_t samples() const { return samples_; }

 private:
  const Block& block_;
  const BlockIndex& index_;
  std::vector<TimestampMs> times_;
  std::vector<double> values_;
  uint64_t samples_ = 0;
};

absl::Status VerifyGroup(const Block& block, const BlockIndex& index, uint32_t group,
                         uint32_t& next_series, ColumnVerifier& verifier) {
  GroupPlace place;
  uint32_t end = 0;
  if (!index.GroupAt(group, place, end) || place.first_series != next_series || place.piece == 0)
    return Damaged("the places of row groups are malformed");
  ASSIGN_OR_RETURN(const std::string_view directory, block.Piece(place.piece));
  ASSIGN_OR_RETURN(const std::string_view rows, block.Piece(place.piece - 1));
  DirectoryReader reader(directory, rows);
  Column column;
  while (next_series < end) {
    if (!reader.Next(column)) return Damaged("the directory of group ", group, " is malformed");
    RETURN_IF_ERROR(base::Annotate(verifier.Verify(column), absl::StrCat("series ", next_series)));
    next_series += !column.has_more();
  }
  return reader.done() ? absl::OkStatus() : Damaged("group ", group, " has too many columns");
}

}  // namespace

absl::Status VerifyBlock(const Block& block) {
  RETURN_IF_ERROR(block.file().VerifyChecksums());
  ASSIGN_OR_RETURN(const BlockIndex* index, block.Index());
  RETURN_IF_ERROR(VerifyIndex(*index));
  ColumnVerifier verifier(block, *index);
  uint32_t next_series = 0;
  for (uint32_t group = 0; group < index->group_count(); ++group)
    RETURN_IF_ERROR(VerifyGroup(block, *index, group, next_series, verifier));
  if (next_series != block.info().series || verifier.samples() != block.info().samples)
    return Damaged("has ", verifier.samples(), " samples of ", next_series, " series instead of ",
                   block.info().samples, " of ", block.info().series);
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
