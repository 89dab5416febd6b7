// Row groups: the value columns of up to kGroupSeries series, and their directory.
//
//   directory   one entry a column: its times, where its values are, their summary
//   rows        the values, histograms and start timestamps of each column, one after the other
//
// A series has one column; more where there are too many samples for one.
//
// Threads: none. Bytes of outside are refused, never trusted.
#ifndef SLOWBURN_TSDB_ROW_GROUP_H_
#define SLOWBURN_TSDB_ROW_GROUP_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/block_format.h"
#include "tsdb/byte_reader.h"
#include "tsdb/sample_summary.h"
#include "tsdb/storage.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {

class RowGroupWriter {
 public:
  explicit RowGroupWriter(Temperature temperature) : temperature_(temperature) {}

  // A column of the series that is being written. `times` is its number; `more`: another column of
  // the series follows. REQUIRES: at most kMaxColumnSamples, kMaxHistogramSamples with histograms.
  enum class More { kNo, kYes };
  void AddColumn(const SampleBatch& samples, uint32_t times, More more);

  uint32_t series_count() const { return series_; }
  bool full() const { return series_ >= kGroupSeries || rows_.size() >= kGroupBytes; }
  const std::string& rows() const { return rows_; }
  const std::string& directory() const { return directory_; }
  void Clear();

 private:
  void AddValues(const SampleBatch& samples, uint64_t& flags, std::string& rest);
  void AddSummary(const SampleBatch& samples, uint64_t& flags, std::string& rest);

  const Temperature temperature_;
  std::string rows_, directory_;
  uint32_t series_ = 0;
  uint32_t last_times_ = ~uint32_t{0};
  std::vector<uint64_t> bits_;
  std::string entry_, rest_, part_;
};

// A column where it lies in a piece.
struct Column {
  uint64_t flags = 0;
  uint32_t times = 0;
  double constant = 0;       // with kColumnConstant
  std::string_view summary;  // with kColumnSummary
  std::string_view rows;

  bool has(uint64_t flag) const { return (flags & flag) != 0; }
  bool has_more() const { return has(kColumnHasMore); }
};

// Walks through the columns of one group.
class DirectoryReader {
 public:
  DirectoryReader() = default;
  DirectoryReader(std::string_view directory, std::string_view rows)
      : entries_(directory), rows_(rows) {}
  bool Next(Column& out);
  bool done() const { return entries_.done(); }

 private:
  ByteReader entries_;
  std::string_view rows_;
  uint32_t last_times_ = ~uint32_t{0};
};

// What is in the rows of a column. Parts are empty when it has none.
struct ColumnParts {
  std::string_view values, starts, histograms;
};
absl::Status SplitColumn(const Column& column, ColumnParts& out);

// The samples [begin, begin + out.size()) of a column of `count`.
absl::Status DecodeColumnValues(const Column& column, const ColumnParts& parts, size_t count,
                                size_t begin, std::span<double> out);
absl::Status DecodeColumnStarts(const ColumnParts& parts, size_t count, size_t begin,
                                std::span<TimestampMs> out);
// The summary of a column of floats that are all finite; false when it has none.
bool ReadColumnSummary(const Column& column, uint64_t count, TimestampMs first_t,
                       TimestampMs last_t, SampleSummary& out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ROW_GROUP_H_
