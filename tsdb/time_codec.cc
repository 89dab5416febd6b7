#include <algorithm>
#include <vector>

#include "tsdb/column_bytes.h"
#include "tsdb/packed_integers.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {
namespace {

// The first byte of a column of times.
//   0x00       regular: start and step
//   0x10-0x12  packed integers of the predictor in the low bits
//   0x20       offsets from a regular grid, packed
constexpr uint8_t kRegular = 0x00, kPacked = 0x10, kGrid = 0x20;

absl::Status Damaged(const char* what) { return absl::DataLossError(what); }

// A line through the times: their first, and the step between most of them.
struct Grid {
  uint64_t start = 0, step = 0;
  uint64_t At(size_t i) const { return start + i * step; }
};

Grid FindGrid(std::span<const TimestampMs> times) {
  if (times.size() < 2) return {static_cast<uint64_t>(times[0]), 0};
  const uint64_t first = static_cast<uint64_t>(times.front());
  const uint64_t whole = static_cast<uint64_t>(times.back()) - first;
  const size_t steps = times.size() - 1;
  return {first, whole / steps + (whole % steps >= (steps + 1) / 2 ? 1 : 0)};
}

std::vector<int64_t> Offsets(std::span<const TimestampMs> times, const Grid& grid) {
  std::vector<int64_t> offsets(times.size());
  for (size_t i = 0; i < times.size(); ++i)
    offsets[i] = static_cast<int64_t>(static_cast<uint64_t>(times[i]) - grid.At(i));
  return offsets;
}

void PutGrid(uint8_t form, const Grid& grid, std::string& out) {
  AppendByte(form, out);
  AppendZigzag(grid.start, out);
  AppendVarint(grid.step, out);
}

bool DecodePacked(Unread unread, Predictor predictor, const Grid& grid,
                  std::span<TimestampMs> out) {
  PackedReader reader;
  if (!reader.Open(unread, out.size(), predictor)) return false;
  IntegerBlock block;
  for (size_t begin = 0; begin < out.size(); begin += kRestart) {
    if (!reader.Read(begin / kRestart, block)) return false;
    const size_t size = reader.BlockSize(begin / kRestart);
    for (size_t i = 0; i < size; ++i)
      out[begin + i] = static_cast<TimestampMs>(block[i] + grid.At(begin + i));
  }
  return true;
}

bool Ascend(std::span<const TimestampMs> times) {
  bool ascend = true;
  for (size_t i = 1; i < times.size(); ++i) ascend &= times[i - 1] < times[i];
  return ascend;
}

}  // namespace

void EncodeTimes(std::span<const TimestampMs> times, Temperature /*temperature*/,
                 std::string& out) {
  const Grid grid = FindGrid(times);
  const std::vector<int64_t> offsets = Offsets(times, grid);
  if (std::all_of(offsets.begin(), offsets.end(), [](int64_t offset) { return offset == 0; })) {
    PutGrid(kRegular, grid, out);
    return;
  }
  const PackedPlan jitter = PlanPackedAs(offsets, Predictor::kNone), free = PlanPacked(times);
  if (jitter.bytes < free.bytes) {
    PutGrid(kGrid, grid, out);
    AppendPacked(offsets, jitter, out);
  } else {
    AppendByte(kPacked | static_cast<unsigned>(free.predictor), out);
    AppendPacked(times, free, out);
  }
}

absl::Status DecodeTimes(std::string_view bytes, std::span<TimestampMs> out) {
  Unread unread(bytes);
  uint8_t form = 0;
  if (!unread.Byte(form)) return Damaged("an empty column of times");
  if (out.empty() || out.size() > kMaxColumnSamples)
    return Damaged("a column of times of another length");
  Grid grid;
  if (form == kRegular || form == kGrid) {
    if (!unread.Zigzag(grid.start) || !unread.Varint(grid.step))
      return Damaged("a column of times without its grid");
  }
  if (form == kRegular) {
    if (!unread.empty()) return Damaged("bytes behind a regular column of times");
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<TimestampMs>(grid.At(i));
  } else {
    const unsigned predictor = form == kGrid ? 0U : form - unsigned{kPacked};
    if (predictor >= kPredictors) return Damaged("an unknown form of times");
    if (!DecodePacked(unread, static_cast<Predictor>(predictor), grid, out))
      return Damaged("damaged times");
  }
  return Ascend(out) ? absl::OkStatus() : Damaged("times that do not ascend");
}

}  // namespace slowburn::tsdb
