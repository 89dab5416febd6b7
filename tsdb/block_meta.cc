#include "tsdb/block_meta.h"

#include <algorithm>

#include "tsdb/block_format.h"
#include "tsdb/byte_reader.h"
#include "tsdb/byte_writer.h"

namespace slowburn::tsdb {
namespace {

void AddRuns(std::string& out, const Runs& runs) {
  AddVarint(out, runs.size());
  uint32_t end = 0;
  for (const Run& run : runs) {
    AddVarint(out, run.begin - end);
    AddVarint(out, run.end - run.begin);
    end = run.end;
  }
}

bool ReadRuns(ByteReader& in, Runs& runs) {
  uint64_t count = 0;
  if (!in.Count(2, count)) return false;
  uint64_t end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t gap = 0, length = 0;
    if (!in.Varint32(gap) || !in.Varint32(length) || length == 0) return false;
    const uint64_t begin = end + gap;
    end = begin + length;
    if (end > UINT32_MAX) return in.Fail();
    runs.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  }
  return true;
}

void AddTombstone(std::string& out, const Tombstone& tombstone) {
  AddVarint(out, tombstone.block);
  AddSigned(out, tombstone.range.start);
  AddSigned(out, tombstone.range.end);
  AddRuns(out, tombstone.series);
}

bool ReadTombstone(ByteReader& in, Tombstone& out) {
  return in.Varint(out.block) && in.Signed(out.range.start) && in.Signed(out.range.end) &&
         ReadRuns(in, out.series);
}

bool ReadInfo(ByteReader& in, BlockInfo& info) {
  uint8_t temperature = 0;
  if (!in.Byte(temperature) || temperature > static_cast<uint8_t>(Temperature::kCold)) return false;
  info.temperature = Temperature{temperature};
  return in.Signed(info.partition.start) && in.Signed(info.partition.end) &&
         in.Signed(info.min_t) && in.Signed(info.max_t) && in.Varint(info.series) &&
         in.Varint(info.samples) && in.Varint(info.data_bytes) && in.Varint(info.index_bytes);
}

bool ReadMeta(ByteReader& in, BlockMeta& out) {
  uint8_t type = 0;
  uint64_t replaces = 0, tombstones = 0;
  if (!in.Byte(type) || !in.Varint(out.order) || !in.Signed(out.mark.until) ||
      !in.Varint(out.mark.sequence) || !in.Count(1, replaces)) {
    return false;
  }
  out.type = FileType{type};
  for (uint64_t i = 0; i < replaces; ++i) in.Varint(out.info.replaces.emplace_back());
  if (out.type == FileType::kBlock) return ReadInfo(in, out.info);
  if (out.type != FileType::kNotes || !in.Count(4, tombstones)) return false;
  for (uint64_t i = 0; i < tombstones; ++i) {
    if (!ReadTombstone(in, out.tombstones.emplace_back())) return false;
  }
  return true;
}

}  // namespace

std::string EncodeBlockMeta(const BlockMeta& meta) {
  std::string out;
  AddVarint(out, kBlockVersion);
  out += static_cast<char>(meta.type);
  AddVarint(out, meta.order);
  AddSigned(out, meta.mark.until);
  AddVarint(out, meta.mark.sequence);
  AddVarint(out, meta.info.replaces.size());
  for (const BlockId id : meta.info.replaces) AddVarint(out, id);
  if (meta.type == FileType::kBlock) {
    const BlockInfo& info = meta.info;
    out += static_cast<char>(info.temperature);
    for (const TimestampMs t : {info.partition.start, info.partition.end, info.min_t, info.max_t}) {
      AddSigned(out, t);
    }
    for (const uint64_t n : {info.series, info.samples, info.data_bytes, info.index_bytes})
      AddVarint(out, n);
    return out;
  }
  AddVarint(out, meta.tombstones.size());
  for (const Tombstone& tombstone : meta.tombstones) AddTombstone(out, tombstone);
  return out;
}

absl::Status DecodeBlockMeta(std::string_view bytes, BlockId id, BlockMeta& out) {
  out = {};
  out.info.id = id;
  ByteReader in(bytes);
  uint64_t version = 0;
  if (!in.Varint(version) || version != kBlockVersion)
    return Damaged("a block of version ", version, ", wanted ", kBlockVersion);
  if (!ReadMeta(in, out) || !in.done() || !in.ok()) return Damaged("the meta part is malformed");
  return absl::OkStatus();
}

std::vector<TimeRange> DeletedRanges(const std::vector<Tombstone>& tombstones, uint32_t series) {
  std::vector<TimeRange> all, out;
  for (const Tombstone& tombstone : tombstones) {
    if (Contains(tombstone.series, series) && !tombstone.range.empty())
      all.push_back(tombstone.range);
  }
  std::sort(all.begin(), all.end(),
            [](const TimeRange& a, const TimeRange& b) { return a.start < b.start; });
  for (const TimeRange& range : all) {
    if (!out.empty() && range.start <= out.back().end) {
      out.back().end = std::max(out.back().end, range.end);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

}  // namespace slowburn::tsdb
