#include "tsdb/row_group.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/status_macros.h"
#include "tsdb/byte_writer.h"
#include "tsdb/histogram_column.h"

namespace slowburn::tsdb {
namespace {

static_assert(sizeof(TimestampMs) == sizeof(double));

// A double as a short integer where it is one, else its eight bytes behind a 1.
void AddNumber(std::string& out, double value) {
  const int64_t whole = std::abs(value) < 0x1p47 ? static_cast<int64_t>(value) : 0;
  if (std::bit_cast<uint64_t>(static_cast<double>(whole)) == std::bit_cast<uint64_t>(value)) {
    AddVarint(out, Zigzag(whole) << 1);
    return;
  }
  out += '\1';
  AddDouble(out, value);
}

bool ReadNumber(ByteReader& in, double& value) {
  uint64_t head = 0;
  if (!in.Varint(head)) return false;
  if (head == 1) return in.Double(value);
  value = static_cast<double>(Unzigzag(head >> 1));
  return (head & 1) == 0 || in.Fail();
}

bool HasNaN(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [](double v) { return v != v; });
}

absl::Status MalformedColumn() { return Damaged("a column is malformed"); }

}  // namespace

void RowGroupWriter::Clear() {
  rows_.clear();
  directory_.clear();
  series_ = 0;
  last_times_ = ~uint32_t{0};
}

void RowGroupWriter::AddColumn(const SampleBatch& samples, uint32_t times, More more) {
  const size_t rows_before = rows_.size();
  uint64_t flags = more == More::kYes ? kColumnHasMore : 0;
  if (times == last_times_) flags |= kColumnSameTimes;
  rest_.clear();
  const bool histograms = std::any_of(samples.histograms.begin(), samples.histograms.end(),
                                      [](const HistogramPtr& h) { return h != nullptr; });
  const bool starts = std::any_of(samples.starts.begin(), samples.starts.end(),
                                  [](TimestampMs start) { return start != 0; });
  if (histograms) flags |= kColumnHistograms;
  if (starts) flags |= kColumnStarts;
  AddValues(samples, flags, rest_);
  if (starts) {
    bits_.resize(samples.starts.size());
    std::transform(samples.starts.begin(), samples.starts.end(), bits_.begin(),
                   [](TimestampMs t) { return static_cast<uint64_t>(t); });
    part_.clear();
    EncodeValues(bits_, temperature_, part_);
    AddText(rows_, part_);
  }
  if (histograms) EncodeHistograms(samples.histograms, temperature_, rows_);

  entry_.clear();
  AddVarint(entry_, flags);
  if (times != last_times_) AddVarint(entry_, times);
  last_times_ = times;
  AddVarint(entry_, rows_.size() - rows_before);
  entry_ += rest_;
  AddText(directory_, entry_);
  series_ += more == More::kNo;
}

void RowGroupWriter::AddValues(const SampleBatch& samples, uint64_t& flags, std::string& rest) {
  const bool histograms = (flags & kColumnHistograms) != 0;
  bits_.resize(samples.v.size());
  for (size_t i = 0; i < bits_.size(); ++i) {
    const bool is_float = !histograms || samples.histograms[i] == nullptr;
    bits_[i] = is_float ? std::bit_cast<uint64_t>(samples.v[i]) : 0;
  }
  const bool constant =
      std::all_of(bits_.begin(), bits_.end(), [&](uint64_t b) { return b == bits_[0]; });
  if (!histograms && HasNaN(constant ? samples.v.first(1) : samples.v)) flags |= kColumnNaN;
  if (constant) {
    flags |= kColumnConstant;
    AddNumber(rest, std::bit_cast<double>(bits_[0]));
    return;
  }
  if ((flags & (kColumnHistograms | kColumnStarts)) == 0) {
    EncodeValues(bits_, temperature_, rows_);
  } else {
    part_.clear();
    EncodeValues(bits_, temperature_, part_);
    AddText(rows_, part_);
  }
  if (!histograms) AddSummary(samples, flags, rest);
}

void RowGroupWriter::AddSummary(const SampleBatch& samples, uint64_t& flags, std::string& rest) {
  SampleSummary s;
  if ((flags & kColumnNaN) != 0 || !Summarise(samples.t, samples.v, s)) return;
  flags |= kColumnSummary;
  // -0 and 0 are equal, but not the same minimum.
  const bool monotonic = s.resets == 0 &&
                         std::bit_cast<uint64_t>(s.min) == std::bit_cast<uint64_t>(s.first) &&
                         std::bit_cast<uint64_t>(s.max) == std::bit_cast<uint64_t>(s.last);
  const bool exact = std::bit_cast<uint64_t>(s.sum_low) == 0;
  if (monotonic) flags |= kColumnMonotonic;
  if (exact) flags |= kColumnExactSum;
  if (s.whole) flags |= kColumnWhole;
  AddVarint(rest, s.changes);
  AddNumber(rest, s.first);
  AddNumber(rest, s.last);
  AddNumber(rest, s.sum);
  if (!exact) AddNumber(rest, s.sum_low);
  if (monotonic) return;
  AddNumber(rest, s.min);
  AddNumber(rest, s.max);
  AddVarint(rest, s.resets);
  if (s.resets > 0) AddNumber(rest, s.reset_correction);
}

bool DirectoryReader::Next(Column& out) {
  std::string_view bytes;
  if (!entries_.Text(bytes)) return false;
  ByteReader in(bytes);
  uint64_t rows = 0;
  if (!in.Varint(out.flags)) return entries_.Fail();
  if (!out.has(kColumnSameTimes) && !in.Varint32(last_times_)) return entries_.Fail();
  out.times = last_times_;
  if (!in.Varint(rows) || rows > rows_.size()) return entries_.Fail();
  out.rows = rows_.substr(0, rows);
  rows_.remove_prefix(rows);
  if (out.has(kColumnConstant) && !ReadNumber(in, out.constant)) return entries_.Fail();
  return in.Bytes(in.left(), out.summary) || entries_.Fail();
}

absl::Status SplitColumn(const Column& column, ColumnParts& out) {
  out = {};
  if (!column.has(kColumnHistograms | kColumnStarts)) {
    out.values = column.rows;
    return absl::OkStatus();
  }
  ByteReader in(column.rows);
  if (!column.has(kColumnConstant) && !in.Text(out.values)) return MalformedColumn();
  if (column.has(kColumnStarts) && !in.Text(out.starts)) return MalformedColumn();
  if (column.has(kColumnHistograms)) in.Bytes(in.left(), out.histograms);
  return absl::OkStatus();
}

absl::Status DecodeColumnValues(const Column& column, const ColumnParts& parts, size_t count,
                                size_t begin, std::span<double> out) {
  if (column.has(kColumnConstant)) {
    std::fill(out.begin(), out.end(), column.constant);
    return absl::OkStatus();
  }
  return DecodeValues(parts.values, count, begin, out);
}

absl::Status DecodeColumnStarts(const ColumnParts& parts, size_t count, size_t begin,
                                std::span<TimestampMs> out) {
  std::vector<double> bits(out.size());
  RETURN_IF_ERROR(DecodeValues(parts.starts, count, begin, bits));
  std::transform(bits.begin(), bits.end(), out.begin(),
                 [](double d) { return std::bit_cast<TimestampMs>(d); });
  return absl::OkStatus();
}

bool ReadColumnSummary(const Column& column, uint64_t count, TimestampMs first_t,
                       TimestampMs last_t, SampleSummary& out) {
  if (column.has(kColumnHistograms)) return false;
  if (column.has(kColumnConstant))
    return SummariseConstant(count, first_t, last_t, column.constant, out);
  if (!column.has(kColumnSummary)) return false;
  ByteReader in(column.summary);
  out = {};
  out.count = count;
  out.first_t = first_t;
  out.last_t = last_t;
  in.Varint(out.changes);
  ReadNumber(in, out.first);
  ReadNumber(in, out.last);
  ReadNumber(in, out.sum);
  if (!column.has(kColumnExactSum)) ReadNumber(in, out.sum_low);
  out.min = out.first;
  out.max = out.last;
  out.whole = column.has(kColumnWhole);
  if (column.has(kColumnMonotonic)) return in.ok();
  ReadNumber(in, out.min);
  ReadNumber(in, out.max);
  in.Varint(out.resets);
  if (out.resets > 0) ReadNumber(in, out.reset_correction);
  return in.ok();
}

}  // namespace slowburn::tsdb
