#include "tsdb/prometheus/head_chunks.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"

namespace slowburn::tsdb::prom {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kMagic = 0x0130BC91;
constexpr size_t kFileHeader = 8;
constexpr uint8_t kVersion = 1, kLateBit = 0x80;

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos)
      paths.push_back(it->path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

HeadChunks::HeadChunks(const std::string& folder, ReadReport& report) : report_(report) {
  for (const std::string& path : FilesIn(folder)) {
    absl::StatusOr<std::unique_ptr<MappedFile>> file = MappedFile::Open(path);
    if (!file.ok()) {
      report_.Damaged(path, 0, std::string(file.status().message()));
      continue;
    }
    files_.push_back(*std::move(file));
    Scan(static_cast<uint32_t>(files_.size() - 1));
  }
  std::stable_sort(chunks_.begin(), chunks_.end(), [](const HeadChunk& a, const HeadChunk& b) {
    return std::tie(a.series, a.late) < std::tie(b.series, b.late);
  });
}

uint64_t HeadChunks::bytes() const {
  uint64_t bytes = 0;
  for (const auto& file : files_) bytes += file->bytes().size();
  return bytes;
}

void HeadChunks::Scan(uint32_t file) {
  const std::string_view bytes = files_[file]->bytes();
  // A crash leaves an empty file, or one with zeros that were to be filled.
  if (bytes.find_first_not_of('\0') == std::string_view::npos) return;
  ByteReader header(bytes);
  if (header.Be32() != kMagic || header.U8() != kVersion || bytes.size() < kFileHeader) {
    report_.Damaged(files_[file]->path(), 0, "not a file of head chunks of version 1");
    return;
  }
  size_t at = kFileHeader;
  while (at < bytes.size() && ScanOne(file, bytes, at)) {
  }
}

bool HeadChunks::ScanOne(uint32_t file, std::string_view bytes, size_t& at) {
  ByteReader in(bytes.substr(at));
  HeadChunk chunk;
  chunk.series = in.Be64();
  chunk.min_t = static_cast<TimestampMs>(in.Be64());
  chunk.max_t = static_cast<TimestampMs>(in.Be64());
  if (chunk.series == 0 && chunk.min_t == 0 && chunk.max_t == 0) return false;  // zeros: the end
  const uint8_t encoding = in.U8();
  const uint64_t size = in.Uvarint();
  const size_t data = in.pos();
  in.Bytes(size);
  const std::string_view checked = bytes.substr(at, in.pos());
  const uint32_t crc = in.Be32();
  if (!in.ok() || size > kMaxChunkBytes || Crc32c(checked) != crc) {
    // Its length may be what is wrong: what follows is left to the log.
    report_.Damaged(files_[file]->path(), at, "a head chunk cannot be read, nor what is behind it");
    return false;
  }
  chunk.file = file;
  chunk.offset = static_cast<uint32_t>(at + data);
  chunk.size = static_cast<uint32_t>(size);
  chunk.encoding = encoding & ~kLateBit;
  chunk.late = (encoding & kLateBit) != 0;
  chunks_.push_back(chunk);
  at += in.pos();
  return true;
}

bool HeadChunks::Read(const HeadChunk& chunk, Columns& out) const {
  const MappedFile& file = *files_[chunk.file];
  const absl::Status status =
      DecodeChunk(chunk.encoding, file.Range(chunk.offset, chunk.size), out);
  if (!status.ok()) report_.Damaged(file.path(), chunk.offset, std::string(status.message()));
  return status.ok();
}

}  // namespace slowburn::tsdb::prom
