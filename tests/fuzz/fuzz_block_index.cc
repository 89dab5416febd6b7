// Bytes as the index of a block: reading never leaves them, and what is accepted can be matched,
// merged and found again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tsdb/block_index.h"
#include "tsdb/block_matcher.h"
#include "tsdb/byte_reader.h"
#include "tsdb/series_merge.h"

namespace {

using slowburn::tsdb::BlockIndex;
using slowburn::tsdb::Matcher;
using slowburn::tsdb::Matchers;
using slowburn::tsdb::Runs;

void Select(const BlockIndex& index) {
  const Matchers choices[] = {
      {},
      {Matcher::Equal("job", "a")},
      {*Matcher::Create(Matcher::Op::kRegex, "job", "a.*"), Matcher::Equal("__name__", "up")},
      {*Matcher::Create(Matcher::Op::kNotRegex, "instance", "host-[12].*")},
      {*Matcher::Create(Matcher::Op::kNotEqual, "zone", "")},
  };
  for (const Matchers& matchers : choices) {
    const absl::StatusOr<Runs> series = slowburn::tsdb::BlockMatcher(matchers).Select(index);
    if (!series.ok()) continue;
    for (const slowburn::tsdb::Run& run : *series) {
      if (run.begin >= run.end || run.end > index.series_count()) __builtin_trap();
    }
  }
}

// Two merges of the same block: every series once, found again by its labels.
void Merge(const BlockIndex& index) {
  slowburn::tsdb::SeriesMerge merge;
  Runs all;
  if (index.series_count() > 0) all.push_back({0, index.series_count()});
  for (uint32_t block = 0; block < 2; ++block) {
    if (!merge.AddBlock(block, index, all).ok()) return;
  }
  merge.Finish(0);
  if (merge.size() != index.series_count()) __builtin_trap();
  for (size_t i = 0; i < merge.size(); ++i) {
    if (merge.parts(i).size() != 2) __builtin_trap();
    uint32_t series = 0;
    // Values out of order may hide a pair from a search; nothing else is found for it.
    if (index.FindSeries(merge.labels(i), series) == BlockIndex::Found::kYes &&
        series != merge.parts(i)[0].series) {
      __builtin_trap();
    }
  }
}

void ReadGroups(const BlockIndex& index) {
  for (uint32_t s = 0; s < index.series_count(); s += 37) {
    slowburn::tsdb::GroupPlace place;
    uint32_t group = 0, end = 0;
    if (index.group_count() > 0 && index.FindGroup(s, group, place, end) &&
        (place.first_series > s || end <= s)) {
      __builtin_trap();
    }
  }
  uint32_t piece = 0;
  for (uint32_t i = 0; i <= index.time_column_count() && i < 1000; ++i) index.TimesPiece(i, piece);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  slowburn::tsdb::ByteReader in(std::string_view(reinterpret_cast<const char*>(data), size));
  BlockIndex::Sections sections;
  for (std::string_view& section : sections) in.Text(section);
  const absl::StatusOr<BlockIndex> index = BlockIndex::Open(sections);
  if (!index.ok()) return 0;
  Select(*index);
  Merge(*index);
  ReadGroups(*index);
  return 0;
}
