#include "tsdb/prometheus/block.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"
#include "tsdb/prometheus/sample_cut.h"

namespace slowburn::tsdb::prom {

namespace {

constexpr uint32_t kChunksMagic = 0x85BD40DD;
constexpr uint8_t kChunksVersion = 1;
constexpr char kOverlaps[] = "samples of chunks that overlap within a series of one block";

// Segments are numbered from 1, in six digits.
std::string SegmentPath(const std::string& block, size_t number) {
  char name[32];
  std::snprintf(name, sizeof(name), "/chunks/%06zu", number);
  return block + name;
}

std::string CheckSegment(const MappedFile& file) {
  ByteReader in(file.bytes());
  if (in.Be32() != kChunksMagic || !in.ok()) return "not a file of chunks";
  if (const uint8_t version = in.U8(); version != kChunksVersion || !in.ok())
    return absl::StrCat("version ", version, " of chunks, wanted ", kChunksVersion);
  return "";
}

}  // namespace

// The samples of one series, a chunk a batch.
class BlockSamples final : public SampleIterator {
 public:
  BlockSamples(const Block& block, std::vector<ChunkMeta> chunks, const DeletedTimes* deleted,
               TimeRange range)
      : block_(block), chunks_(std::move(chunks)), cut_(range, deleted) {}
  ~BlockSamples() override {
    if (cut_.overlapping() > 0) block_.report_.Skipped(kOverlaps, cut_.overlapping());
  }

  bool Next(SampleBatch& out) override {
    while (next_ < chunks_.size()) {
      const ChunkMeta& chunk = chunks_[next_++];
      if (chunk.max_t < cut_.range().start || chunk.min_t >= cut_.range().end) continue;
      if (!block_.ReadChunk(chunk.ref, columns_)) {
        cut_.Gap();
      } else if (cut_.Take(columns_, out)) {
        return true;
      }
    }
    return false;
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const Block& block_;
  const std::vector<ChunkMeta> chunks_;
  SampleCut cut_;
  size_t next_ = 0;
  Columns columns_;
};

class BlockSeries final : public SeriesSet {
 public:
  BlockSeries(const Block& block, TimeRange range) : block_(block), range_(range) {}

  bool Next() override {
    while (next_ < block_.index_->size()) {
      current_ = block_.index_->At(next_++);
      const auto wanted = [this](const ChunkMeta& chunk) {
        return chunk.max_t >= range_.start && chunk.min_t < range_.end;
      };
      if (std::any_of(current_.chunks.begin(), current_.chunks.end(), wanted)) return true;
    }
    return false;
  }
  const Labels& labels() const override { return current_.labels; }
  SeriesRef ref() const override { return SeriesRef::kUnknown; }
  std::unique_ptr<SampleIterator> samples() override {
    return std::make_unique<BlockSamples>(block_, current_.chunks, block_.DeletedOf(current_.ref),
                                          range_);
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const Block& block_;
  const TimeRange range_;
  size_t next_ = 0;
  IndexedSeries current_;
};

absl::StatusOr<BlockMeta> ReadBlockMeta(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path + "/meta.json"));
  return ParseBlockMeta(text);
}

absl::StatusOr<std::unique_ptr<Block>> Block::Open(const std::string& path, ReadReport& report) {
  ASSIGN_OR_RETURN(BlockMeta meta, ReadBlockMeta(path));
  std::unique_ptr<Block> block(new Block(path, std::move(meta), report));
  ASSIGN_OR_RETURN(block->index_, IndexReader::Open(path + "/index", report));
  RETURN_IF_ERROR(block->OpenSegments());
  block->ReadTombstones();
  return block;
}

absl::Status Block::OpenSegments() {
  std::error_code error;
  for (size_t number = 1; std::filesystem::exists(SegmentPath(path_, number), error); ++number) {
    absl::StatusOr<std::unique_ptr<MappedFile>> file = MappedFile::Open(SegmentPath(path_, number));
    RETURN_IF_ERROR(file.status());
    if (const std::string fault = CheckSegment(**file); !fault.empty()) {
      report_.Damaged((*file)->path(), 0, fault);
      *file = nullptr;
    }
    segments_.push_back(*std::move(file));
  }
  return absl::OkStatus();
}

void Block::ReadTombstones() {
  const std::string path = path_ + "/tombstones";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  const absl::StatusOr<std::string> file = base::ReadFile(path);
  absl::Status status = file.status();
  if (status.ok()) status = ParseTombstones(*file, tombstones_);
  if (!status.ok()) {
    report_.Damaged(
        path, 0, absl::StrCat(std::string(status.message()), "; what they deleted may come back"));
  }
}

uint64_t Block::bytes() const {
  uint64_t bytes = index_->bytes();
  for (const auto& segment : segments_) bytes += segment == nullptr ? 0 : segment->bytes().size();
  return bytes;
}

const DeletedTimes* Block::DeletedOf(uint64_t series) const {
  const auto found = tombstones_.find(series);
  return found == tombstones_.end() ? nullptr : &found->second;
}

bool Block::ReadChunk(uint64_t ref, Columns& out) const {
  const uint64_t number = ref >> 32, offset = ref & UINT32_MAX;
  if (number >= segments_.size()) {
    report_.Damaged(SegmentPath(path_, number + 1), offset, "the file is missing");
    return false;
  }
  const MappedFile* const file = segments_[number].get();
  if (file == nullptr) return false;  // reported when it was opened
  ByteReader in(file->From(offset));
  const uint64_t size = in.Uvarint();
  const size_t begin = in.pos();
  const uint8_t encoding = in.U8();
  const std::string_view data = in.Bytes(size);
  const std::string_view checked = file->From(offset + begin).substr(0, 1 + data.size());
  if (const uint32_t crc = in.Be32(); !in.ok() || Crc32c(checked) != crc) {
    report_.Damaged(file->path(), offset, "a chunk has a wrong checksum");
    return false;
  }
  const absl::Status status = DecodeChunk(encoding, data, out);
  if (!status.ok()) report_.Damaged(file->path(), offset, std::string(status.message()));
  return status.ok();
}

std::unique_ptr<SeriesSet> Block::Series(TimeRange range) const {
  return std::make_unique<BlockSeries>(*this, range);
}

}  // namespace slowburn::tsdb::prom
