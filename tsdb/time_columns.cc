#include "tsdb/time_columns.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "tsdb/block_format.h"
#include "tsdb/byte_reader.h"
#include "tsdb/byte_writer.h"

namespace slowburn::tsdb {

bool TimeColumnWriter::full() const { return ends_.size() == kTimesChunk; }

uint32_t TimeColumnWriter::Add(std::span<const TimestampMs> times) {
  if (std::ranges::equal(times, last_times_)) return last_;
  last_times_.assign(times.begin(), times.end());
  const RawKey key = HashRawKey({reinterpret_cast<const char*>(times.data()), times.size_bytes()});
  const auto [it, is_new] = numbers_.try_emplace(key, count_);
  last_ = it->second;
  if (!is_new) return last_;
  ++count_;
  AddVarint(bytes_, times.size());
  AddSigned(bytes_, times.front());
  AddVarint(bytes_, static_cast<uint64_t>(Distance(times.back(), times.front())));
  EncodeTimes(times, temperature_, bytes_);
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  return last_;
}

std::string TimeColumnWriter::TakePiece() {
  std::string piece;
  piece.reserve(ends_.size() * sizeof(uint32_t) + bytes_.size());
  for (const uint32_t end : ends_) AddFixed32(piece, end);
  // The last piece may have fewer.
  for (size_t i = ends_.size(); i < kTimesChunk; ++i) AddFixed32(piece, ends_.back());
  piece += bytes_;
  ends_.clear();
  bytes_.clear();
  return piece;
}

absl::Status FindTimeColumn(std::string_view piece, uint32_t place, TimeColumn& out) {
  constexpr size_t kTable = kTimesChunk * sizeof(uint32_t);
  const auto end_of = [&](uint32_t i) {
    uint32_t end = 0;
    std::memcpy(&end, piece.data() + i * sizeof(end), sizeof(end));
    return end;
  };
  if (piece.size() < kTable) return Damaged("a piece of times is cut off");
  const std::string_view columns = piece.substr(kTable);
  const uint32_t begin = place == 0 ? 0 : end_of(place - 1), end = end_of(place);
  if (begin >= end || end > columns.size()) return Damaged("a piece of times has a wrong table");
  ByteReader in(columns.substr(begin, end - begin));
  uint64_t length = 0;
  if (!in.Varint32(out.count) || !in.Signed(out.first) || !in.Varint(length) || out.count == 0 ||
      out.count > kMaxColumnSamples) {
    return Damaged("a time column has a malformed head");
  }
  out.last = Later(out.first, static_cast<int64_t>(length));
  if (out.last < out.first || !in.Bytes(in.left(), out.bytes))
    return Damaged("a time column ends before it begins");
  return absl::OkStatus();
}

absl::Status DecodeTimeColumn(const TimeColumn& column, std::span<TimestampMs> out) {
  RETURN_IF_ERROR(DecodeTimes(column.bytes, out));
  if (out.front() != column.first || out.back() != column.last)
    return Damaged("a time column does not begin and end where its head says");
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
