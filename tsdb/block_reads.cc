#include "tsdb/block_reads.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/status_macros.h"
#include "tsdb/block_format.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kFewestCached = 256, kMostCached = 16384;  // time columns; powers of two
constexpr size_t kCachedPerBlock = 64;
constexpr size_t kMaxCachedSamples = size_t{4} << 20;  // shared by the readers
constexpr size_t kMaxBuffers = 8;
constexpr size_t kMaxCursors = 8;  // of a block

size_t CacheSize(size_t blocks) {
  size_t size = kFewestCached;
  while (size < blocks * kCachedPerBlock && size < kMostCached) size *= 2;
  return size;
}

// Blocks that overlap, directly or through others, are one cluster. In ascending min_t.
std::vector<uint32_t> FindClusters(const std::vector<ViewedBlock>& blocks) {
  std::vector<uint32_t> clusters;
  uint32_t cluster = 0;
  TimestampMs end = kMinTime;
  for (const ViewedBlock& viewed : blocks) {
    const BlockInfo& info = viewed.block->info();
    if (!clusters.empty() && info.min_t > end) ++cluster;
    clusters.push_back(cluster);
    end = std::max(end, info.max_t);
  }
  return clusters;
}

}  // namespace

BlockReads::BlockReads(std::vector<ViewedBlock> blocks, TimeRange range)
    : blocks_(std::move(blocks)), range_(range), clusters_(FindClusters(blocks_)) {}

// The one that the thread took before, else a free one, else one of another's.
BlockReads::Reader& BlockReads::ReaderOfThread() {
  const std::thread::id self = std::this_thread::get_id();
  for (size_t i = 0; i < kReaders; ++i) {
    std::thread::id has = threads_[i].load(std::memory_order_relaxed);
    if (has == self) return readers_[i];
    if (has == std::thread::id() && threads_[i].compare_exchange_strong(has, self)) {
      ++readers_in_use_;
      return readers_[i];
    }
  }
  return readers_[std::hash<std::thread::id>()(self) % kReaders];
}

std::vector<TimeRange> BlockReads::Deleted(uint32_t b, uint32_t series) const {
  if (blocks_[b].tombstones == nullptr) return {};
  return DeletedRanges(*blocks_[b].tombstones, series);
}

// The one that is the least way before the series, else one that is of no use to anybody.
BlockReads::Cursor& BlockReads::CursorFor(uint32_t series, Cursors& cursors) {
  Cursor* best = nullptr;
  Cursor* closed = nullptr;
  for (Cursor& cursor : cursors.all) {
    if (!cursor.is_open()) closed = &cursor;
    const bool fits = cursor.series <= series && series < cursor.end_series;
    if (fits && (best == nullptr || cursor.series > best->series)) best = &cursor;
  }
  if (best != nullptr) return *best;
  if (closed != nullptr) return *closed;
  if (cursors.all.size() < kMaxCursors) return cursors.all.emplace_back();
  return cursors.all[cursors.oldest++ % kMaxCursors];
}

absl::Status BlockReads::MoveTo(const Block& block, uint32_t series, Cursor& cursor) {
  if (series < cursor.series || series >= cursor.end_series) {
    cursor.end_series = cursor.series;  // none is open, should what follows fail
    ASSIGN_OR_RETURN(const BlockIndex* index, block.Index());
    uint32_t group = 0, end = 0;
    GroupPlace place;
    if (!index->FindGroup(series, group, place, end) || place.piece == 0)
      return Damaged("the places of row groups are malformed");
    ASSIGN_OR_RETURN(const std::string_view directory, block.Piece(place.piece));
    ASSIGN_OR_RETURN(const std::string_view rows, block.Piece(place.piece - 1));
    cursor = {place.first_series, end, DirectoryReader(directory, rows)};
  }
  Column column;
  while (cursor.series < series) {
    if (!cursor.directory.Next(column)) return Damaged("a directory is malformed");
    cursor.series += !column.has_more();
  }
  return absl::OkStatus();
}

absl::StatusOr<BlockReads::CachedTimes*> BlockReads::FindTimes(uint32_t b, uint32_t number,
                                                               Reader& reader) {
  std::vector<CachedTimes>& cache = reader.cache;
  if (cache.empty()) cache.resize(CacheSize(blocks_.size()));
  const uint64_t key = (uint64_t{b} << 32 | number) + 1;
  CachedTimes& cached = cache[(key * 0x9E3779B97F4A7C15 >> 32) & (cache.size() - 1)];
  if (cached.key == key) return &cached;
  if (cached.times != nullptr) reader.cached_samples -= cached.column.count;
  cached = {};
  ASSIGN_OR_RETURN(const BlockIndex* index, block(b).Index());
  uint32_t piece = 0;
  if (!index->TimesPiece(number, piece)) return Damaged("a column of unknown times");
  ASSIGN_OR_RETURN(const std::string_view bytes, block(b).Piece(piece));
  RETURN_IF_ERROR(FindTimeColumn(bytes, number % kTimesChunk, cached.column));
  cached.key = key;
  return &cached;
}

absl::Status BlockReads::Find(SeriesMerge::Part part, Reader& reader,
                              std::vector<FoundColumn>& out) {
  if (reader.cursors.empty()) reader.cursors.resize(blocks_.size());
  Cursor& cursor = CursorFor(part.series, reader.cursors[part.block]);
  RETURN_IF_ERROR(MoveTo(block(part.block), part.series, cursor));
  FoundColumn found{part.block, part.series};
  TimestampMs before = kMinTime;
  bool more = true;
  for (bool first = true; more; first = false) {
    if (!cursor.directory.Next(found.column)) return Damaged("a directory is malformed");
    more = found.column.has_more();
    ASSIGN_OR_RETURN(const CachedTimes* times, FindTimes(part.block, found.column.times, reader));
    found.count = times->column.count;
    found.first = times->column.first;
    found.last = times->column.last;
    if (!first && found.first <= before) return Damaged("the columns of a series overlap");
    before = found.last;
    if (found.first < range_.end && found.last >= range_.start) out.push_back(found);
  }
  ++cursor.series;
  return absl::OkStatus();
}

void BlockReads::FindColumns(SeriesMerge::Part part, std::vector<FoundColumn>& out) {
  if (block(part.block).damaged()) return;
  const size_t before = out.size();
  Reader& reader = ReaderOfThread();
  base::MutexLock lock(reader.mu);
  const absl::Status status = Find(part, reader, out);
  if (status.ok()) return;
  out.resize(before);
  reader.cursors[part.block] = {};
  block(part.block).MarkDamaged(status);
}

Times BlockReads::TimesOf(const FoundColumn& column) {
  Reader& reader = ReaderOfThread();
  base::MutexLock lock(reader.mu);
  const absl::StatusOr<CachedTimes*> found = FindTimes(column.block, column.column.times, reader);
  if (!found.ok()) {
    block(column.block).MarkDamaged(found.status());
    return nullptr;
  }
  CachedTimes& cached = **found;
  if (cached.times != nullptr) return cached.times;
  auto times = std::make_shared<std::vector<TimestampMs>>(cached.column.count);
  if (const absl::Status status = DecodeTimeColumn(cached.column, *times); !status.ok()) {
    block(column.block).MarkDamaged(status);
    return nullptr;
  }
  if (reader.cached_samples + times->size() > kMaxCachedSamples / readers_in_use_) {
    for (CachedTimes& other : reader.cache) other.times = nullptr;
    reader.cached_samples = 0;
  }
  reader.cached_samples += times->size();
  cached.times = std::move(times);
  return cached.times;
}

std::vector<double> BlockReads::TakeBuffer() {
  Reader& reader = ReaderOfThread();
  base::MutexLock lock(reader.mu);
  if (reader.buffers.empty()) return {};
  std::vector<double> buffer = std::move(reader.buffers.back());
  reader.buffers.pop_back();
  return buffer;
}

void BlockReads::GiveBuffer(std::vector<double> buffer) {
  Reader& reader = ReaderOfThread();
  base::MutexLock lock(reader.mu);
  if (reader.buffers.size() < kMaxBuffers) reader.buffers.push_back(std::move(buffer));
}

}  // namespace slowburn::tsdb
