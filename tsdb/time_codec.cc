#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tsdb/column_bytes.h"
#include "tsdb/differences.h"
#include "tsdb/packed_integers.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {
namespace {

// The first byte of a column of times.
//   0x00-0x03  a grid: bit 0: some of its points were left out; bit 1: times lie beside their
//              points
//   0x10-0x12  packed integers of the predictor in the low bits
constexpr uint8_t kGrid = 0x00, kGapsFlag = 0x01, kOffsetsFlag = 0x02, kGridEnd = 0x04;
constexpr uint8_t kPacked = 0x10;

// The points between two times that have none: before time `index`, `skipped` of them.
struct Gap {
  size_t index = 0;
  uint64_t skipped = 0;
};

// Points at equal distances, one for each time.
struct Grid {
  uint64_t start = 0, step = 0;
  std::vector<Gap> gaps;

  // Calls run(begin, end, point) for each run of times without a gap; `point` is that of `begin`.
  template <typename Run>
  void ForEachRun(size_t count, const Run& run) const {
    size_t begin = 0;
    uint64_t point = start;
    for (const Gap& gap : gaps) {
      run(begin, gap.index, point);
      point += (gap.index - begin + gap.skipped) * step;
      begin = gap.index;
    }
    run(begin, count, point);
  }
};

// The most frequent distance, or one near it: a gap or a late time does not count.
uint64_t FindStep(std::span<const TimestampMs> times) {
  if (times.size() < 2) return 0;
  std::vector<int64_t> steps(times.size());
  return static_cast<uint64_t>(SampledMedian(Differences(times, steps)));
}

// The points nearest to the times, each behind the one before.
Grid FindGrid(std::span<const TimestampMs> times) {
  Grid grid{static_cast<uint64_t>(times[0]), FindStep(times), {}};
  uint64_t point = grid.start;
  for (size_t i = 1; i < times.size(); ++i) {
    point += grid.step;
    const uint64_t ahead = static_cast<uint64_t>(times[i]) - point;
    if (static_cast<int64_t>(ahead) < 0 || ahead <= grid.step / 2) continue;
    const uint64_t skipped = (ahead + grid.step / 2) / grid.step;
    if (skipped == 0) continue;
    grid.gaps.push_back({i, skipped});
    point += skipped * grid.step;
  }
  return grid;
}

std::vector<int64_t> Offsets(std::span<const TimestampMs> times, const Grid& grid) {
  std::vector<int64_t> offsets(times.size());
  grid.ForEachRun(times.size(), [&](size_t begin, size_t end, uint64_t point) {
    for (size_t i = begin; i < end; ++i, point += grid.step)
      offsets[i] = static_cast<int64_t>(static_cast<uint64_t>(times[i]) - point);
  });
  return offsets;
}

void AppendGrid(const Grid& grid, bool offsets, std::string& out) {
  AppendByte(kGrid | (grid.gaps.empty() ? 0 : kGapsFlag) | (offsets ? kOffsetsFlag : 0), out);
  AppendZigzag(grid.start, out);
  AppendVarint(grid.step, out);
  if (grid.gaps.empty()) return;
  AppendVarint(grid.gaps.size(), out);
  size_t next = 1;
  for (const Gap& gap : grid.gaps) {
    AppendVarint(gap.index - next, out);
    AppendVarint(gap.skipped, out);
    next = gap.index + 1;
  }
}

bool ReadGrid(uint8_t form, Unread& unread, size_t count, Grid& grid) {
  if (!unread.Zigzag(grid.start) || !unread.Varint(grid.step)) return false;
  if ((form & kGapsFlag) == 0) return true;
  uint64_t gaps = 0;
  if (!unread.Varint(gaps) || gaps == 0 || gaps >= count) return false;
  grid.gaps.reserve(gaps);
  size_t next = 1;
  for (uint64_t i = 0; i < gaps; ++i) {
    uint64_t distance = 0, skipped = 0;
    if (!unread.Varint(distance) || !unread.Varint(skipped)) return false;
    if (next >= count || distance >= count - next) return false;
    grid.gaps.push_back({next + distance, skipped});
    next += distance + 1;
  }
  return true;
}

void AddGrid(const Grid& grid, std::span<TimestampMs> times) {
  grid.ForEachRun(times.size(), [&](size_t begin, size_t end, uint64_t point) {
    for (size_t i = begin; i < end; ++i, point += grid.step)
      times[i] = static_cast<TimestampMs>(static_cast<uint64_t>(times[i]) + point);
  });
}

bool DecodePacked(Unread unread, Predictor predictor, std::span<TimestampMs> out) {
  PackedReader reader;
  if (!reader.Open(unread, out.size(), predictor)) return false;
  IntegerBlock block;
  for (size_t begin = 0; begin < out.size(); begin += kRestart) {
    if (!reader.Read(begin / kRestart, block)) return false;
    std::copy_n(block.begin(), std::min(kRestart, out.size() - begin), out.data() + begin);
  }
  return true;
}

bool DecodeGrid(uint8_t form, Unread unread, std::span<TimestampMs> out) {
  Grid grid;
  if (!ReadGrid(form, unread, out.size(), grid)) return false;
  if (form & kOffsetsFlag) {
    if (!DecodePacked(unread, Predictor::kNone, out)) return false;
  } else {
    std::fill(out.begin(), out.end(), 0);
    if (!unread.empty()) return false;
  }
  AddGrid(grid, out);
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
  const bool exact = std::all_of(offsets.begin(), offsets.end(), [](int64_t o) { return o == 0; });
  if (exact && grid.gaps.empty()) {
    AppendGrid(grid, false, out);
    return;
  }
  const auto gap_bytes = static_cast<double>(4 * grid.gaps.size());
  const PackedPlan beside = PlanPackedAs(offsets, Predictor::kNone), free = PlanPacked(times);
  if (free.bytes < (exact ? 0 : beside.bytes) + gap_bytes) {
    AppendByte(kPacked | static_cast<unsigned>(free.predictor), out);
    AppendPacked(times, free, out);
    return;
  }
  AppendGrid(grid, !exact, out);
  if (!exact) AppendPacked(offsets, beside, out);
}

absl::Status DecodeTimes(std::string_view bytes, std::span<TimestampMs> out) {
  Unread unread(bytes);
  uint8_t form = 0;
  if (out.empty() || out.size() > kMaxColumnSamples)
    return absl::DataLossError(absl::StrCat("a column of ", out.size(), " times"));
  if (!unread.Byte(form)) return absl::DataLossError("an empty column of times");
  bool decoded = false;
  if (form < kGridEnd) {
    decoded = DecodeGrid(form, unread, out);
  } else if (form >= kPacked && form < kPacked + kPredictors) {
    decoded = DecodePacked(unread, static_cast<Predictor>(form - kPacked), out);
  }
  if (decoded && Ascend(out)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("a damaged column of times of form ", form));
}

}  // namespace slowburn::tsdb
