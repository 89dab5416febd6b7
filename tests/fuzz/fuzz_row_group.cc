// Bytes as a row group with its times, and as the meta part of a block: decoding never leaves them.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tsdb/block_meta.h"
#include "tsdb/byte_reader.h"
#include "tsdb/histogram_column.h"
#include "tsdb/row_group.h"
#include "tsdb/time_columns.h"

namespace {

using slowburn::tsdb::TimestampMs;

void DecodeColumn(const slowburn::tsdb::Column& column, const slowburn::tsdb::TimeColumn& times) {
  std::vector<TimestampMs> t(times.count);
  if (DecodeTimeColumn(times, t).ok()) {
    for (size_t i = 1; i < t.size(); ++i) {
      if (t[i - 1] >= t[i]) __builtin_trap();
    }
  }
  slowburn::tsdb::ColumnParts parts;
  if (!SplitColumn(column, parts).ok()) return;
  const size_t begin = times.count / 3, n = times.count - begin;
  std::vector<double> v(n);
  (void)DecodeColumnValues(column, parts, times.count, begin, v);
  if (column.has(slowburn::tsdb::kColumnStarts))
    (void)DecodeColumnStarts(parts, times.count, begin, std::span(t).first(n));
  if (column.has(slowburn::tsdb::kColumnHistograms)) {
    std::vector<slowburn::tsdb::HistogramPtr> histograms(n);
    (void)DecodeHistograms(parts.histograms, times.count, begin, histograms);
  }
  slowburn::tsdb::SampleSummary summary;
  ReadColumnSummary(column, times.count, times.first, times.last, summary);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  slowburn::tsdb::BlockMeta meta;
  (void)DecodeBlockMeta(all, 7, meta);
  slowburn::tsdb::ByteReader in(all);
  std::string_view directory, rows, piece;
  if (!in.Text(directory) || !in.Text(rows) || !in.Text(piece)) return 0;
  slowburn::tsdb::DirectoryReader reader(directory, rows);
  slowburn::tsdb::Column column;
  for (int i = 0; i < 200 && !reader.done() && reader.Next(column); ++i) {
    slowburn::tsdb::TimeColumn times;
    if (FindTimeColumn(piece, column.times % slowburn::tsdb::kTimesChunk, times).ok())
      DecodeColumn(column, times);
  }
  return 0;
}
