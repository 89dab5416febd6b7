#include "tsdb/change_column.h"

#include <algorithm>
#include <memory>

#include "tsdb/bit_pack.h"
#include "tsdb/packed_integers.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kWordBits = 64;

size_t MapBytes(size_t count) { return (count + 7) / 8; }

// Bit i says whether value i differs from the one before.
class ChangeMap {
 public:
  explicit ChangeMap(Unread bytes) : bytes_(bytes) {}

  uint64_t Word(size_t word) const {
    uint64_t value = 0;
    const size_t at = word * sizeof(value);
    std::memcpy(&value, bytes_.begin + at, std::min(sizeof(value), bytes_.size() - at));
    return value;
  }
  // How many of the first `end` bits are set.
  size_t Before(size_t end) const { return CountOnes(bytes_.begin, end); }

 private:
  Unread bytes_;
};

// The part of the nested column, with the bytes of which it is decoded.
using Doubles = std::unique_ptr<double[]>;

bool DecodeNested(Unread unread, size_t count, size_t begin, size_t size, Doubles& values) {
  values = std::make_unique_for_overwrite<double[]>(size);
  return DecodeColumn(unread, count, begin, {values.get(), size}, true);
}

// values[0] is that of the sample at begin.
void Expand(const ChangeMap& map, size_t begin, const double* values, std::span<double> out) {
  const double* value = values;
  for (size_t i = 0; i < out.size();) {
    const size_t at = begin + i;
    uint64_t word = map.Word(at / kWordBits) >> at % kWordBits;
    const size_t n = std::min(kWordBits - at % kWordBits, out.size() - i);
    if (i == 0) word &= ~uint64_t{1};
    for (size_t bit = 0; bit < n; ++bit) {
      value += word >> bit & 1;
      out[i + bit] = *value;
    }
    i += n;
  }
}

// Where the runs of a part of a column end, and which they are.
struct Runs {
  size_t first = 0;            // the run at the part's begin
  std::vector<uint32_t> ends;  // in the column, ascending; the last is not before the part's end
};

bool ReadRuns(Unread lengths, size_t changes, size_t count, size_t begin, size_t end, Runs& runs) {
  PackedReader reader;
  if (!reader.Open(lengths, changes, Predictor::kNone)) return false;
  IntegerBlock block;
  size_t at = 0;
  for (size_t i = 0; i < changes && at < end; ++i) {
    if (i % kRestart == 0 && !reader.Read(i / kRestart, block)) return false;
    if (block[i % kRestart] >= count - at - 1) return false;  // the last run has a value, too
    at += block[i % kRestart] + 1;
    if (at > begin)
      runs.ends.push_back(static_cast<uint32_t>(at));
    else
      runs.first = i + 1;
  }
  if (at < end) runs.ends.push_back(static_cast<uint32_t>(count));
  return true;
}

}  // namespace

size_t CountChanges(std::span<const uint64_t> bits) {
  size_t changes = 0;
  for (size_t i = 1; i < bits.size(); ++i) changes += bits[i] != bits[i - 1];
  return changes;
}

Changes FindChanges(std::span<const uint64_t> bits) {
  Changes changes;
  size_t begin = 0;
  for (size_t i = 1; i <= bits.size(); ++i) {
    if (i < bits.size() && bits[i] == bits[i - 1]) continue;
    changes.bits.push_back(bits[begin]);
    if (i < bits.size()) changes.run_lengths.push_back(static_cast<int64_t>(i - begin - 1));
    begin = i;
  }
  return changes;
}

void AppendRuns(const Changes& changes, const std::string& values, std::string& out) {
  std::string lengths;
  AppendPacked(changes.run_lengths, PlanPackedAs(changes.run_lengths, Predictor::kNone), lengths);
  AppendByte(lead::kRuns, out);
  AppendVarint(changes.run_lengths.size(), out);
  AppendVarint(lengths.size(), out);
  out += lengths;
  out += values;
}

void AppendChangeMap(std::span<const uint64_t> bits, const std::string& values, std::string& out) {
  AppendByte(lead::kChangeMap, out);
  const size_t begin = out.size();
  out.resize(begin + MapBytes(bits.size()));
  for (size_t i = 1; i < bits.size(); ++i) {
    const unsigned changed = bits[i] != bits[i - 1];
    out[begin + i / 8] =
        static_cast<char>(static_cast<uint8_t>(out[begin + i / 8]) | changed << i % 8);
  }
  out += values;
}

bool DecodeRuns(ColumnBytes column, size_t begin, std::span<double> out) {
  uint64_t changes = 0, lengths_bytes = 0;
  Unread lengths;
  if (!column.unread.Varint(changes) || changes == 0 || changes >= column.count) return false;
  if (!column.unread.Varint(lengths_bytes) || !column.unread.Piece(lengths_bytes, lengths))
    return false;
  Runs runs;
  const size_t end = begin + out.size();
  if (!ReadRuns(lengths, changes, column.count, begin, end, runs)) return false;
  Doubles values;
  if (!DecodeNested(column.unread, changes + 1, runs.first, runs.ends.size(), values)) return false;
  size_t at = begin;
  for (size_t i = 0; i < runs.ends.size(); ++i) {
    const size_t to = std::min<size_t>(runs.ends[i], end);
    std::fill(out.begin() + static_cast<ptrdiff_t>(at - begin),
              out.begin() + static_cast<ptrdiff_t>(to - begin), values[i]);
    at = to;
  }
  return true;
}

bool DecodeChangeMap(ColumnBytes column, size_t begin, std::span<double> out) {
  Unread bytes;
  if (!column.unread.Piece(MapBytes(column.count), bytes)) return false;
  const bool spare_bits = column.count % 8 != 0 && bytes.end[-1] >> column.count % 8 != 0;
  if ((*bytes.begin & 1) != 0 || spare_bits) return false;
  if (out.empty()) return true;
  const ChangeMap map(bytes);
  const size_t first = map.Before(begin + 1), last = map.Before(begin + out.size());
  const size_t changes = begin + out.size() == column.count ? last : map.Before(column.count);
  Doubles values;
  if (!DecodeNested(column.unread, changes + 1, first, last - first + 1, values)) return false;
  Expand(map, begin, values.get(), out);
  return true;
}

}  // namespace slowburn::tsdb
