#include <algorithm>
#include <vector>

#include "tsdb/packed_integers.h"
#include "tsdb/value_codec.h"
#include "tsdb/varint.h"

namespace slowburn::tsdb {
namespace {

// The first byte of a column of times.
//   0x00       regular: start and step
//   0x10-0x12  packed integers of the predictor in the low bits
//   0x20       offsets from a regular grid, packed
constexpr uint8_t kRegular = 0x00, kPacked = 0x10, kGrid = 0x20;

absl::Status Damaged(const char* what) { return absl::DataLossError(what); }

void Put(uint64_t value, std::string& out) {
  uint8_t buffer[kMaxVarintBytes];
  const uint8_t* const end = PutVarint(buffer, value);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
}

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
  out.push_back(static_cast<char>(form));
  Put(Zigzag(static_cast<int64_t>(grid.start)), out);
  Put(grid.step, out);
}

bool DecodePacked(const uint8_t* p, const uint8_t* end, Predictor predictor, const Grid& grid,
                  std::span<TimestampMs> out) {
  PackedReader reader;
  if (!reader.Open(p, end, out.size(), predictor)) return false;
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
    WritePacked(offsets, jitter, out);
  } else {
    out.push_back(static_cast<char>(kPacked | static_cast<uint8_t>(free.predictor)));
    WritePacked(times, free, out);
  }
}

absl::Status DecodeTimes(std::string_view bytes, std::span<TimestampMs> out) {
  if (bytes.empty()) return Damaged("an empty column of times");
  if (out.empty() || out.size() > kMaxColumnSamples)
    return Damaged("a column of times of another length");
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* const end = p + bytes.size();
  const uint8_t lead = *p++;
  Grid grid;
  if (lead == kRegular || lead == kGrid) {
    if (!GetVarint(p, end, grid.start) || !GetVarint(p, end, grid.step))
      return Damaged("a column of times without its grid");
    grid.start = static_cast<uint64_t>(Unzigzag(grid.start));
  }
  if (lead == kRegular) {
    if (p != end) return Damaged("bytes behind a regular column of times");
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<TimestampMs>(grid.At(i));
  } else {
    const unsigned predictor = lead == kGrid ? 0 : lead - kPacked;
    if (predictor >= kPredictors) return Damaged("an unknown form of times");
    if (!DecodePacked(p, end, static_cast<Predictor>(predictor), grid, out))
      return Damaged("damaged times");
  }
  return Ascend(out) ? absl::OkStatus() : Damaged("times that do not ascend");
}

}  // namespace slowburn::tsdb
