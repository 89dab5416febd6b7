// Bytes as one of the files of a data directory of Prometheus, the first one says which: index
// (with its checksums mended, so that the parsers behind them are reached), segment of the log,
// file of head chunks, tombstones, meta.json. Whatever they are, reading ends and touches nothing
// outside.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "tsdb/prometheus/block_meta.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"
#include "tsdb/prometheus/head_chunks.h"
#include "tsdb/prometheus/index_reader.h"
#include "tsdb/prometheus/log_reader.h"
#include "tsdb/prometheus/log_record.h"
#include "tsdb/prometheus/tombstones.h"

namespace {

using namespace slowburn::tsdb::prom;

const std::string& Folder() {
  static const std::string* const folder = [] {
    auto* path = new std::string(
        (std::filesystem::temp_directory_path() / ("slowburn-fuzz-" + std::to_string(getpid())))
            .string());
    std::filesystem::create_directories(*path + "/chunks_head");
    return path;
  }();
  return *folder;
}

void Write(const std::string& path, std::string_view bytes) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) __builtin_trap();
  std::fwrite(bytes.data(), 1, bytes.size(), file);
  std::fclose(file);
}

void PutCrc(std::string& bytes, size_t begin, size_t end) {
  std::string crc;
  PutBe32(crc, Crc32c(std::string_view(bytes).substr(begin, end - begin)));
  bytes.replace(end, 4, crc);
}

// The sections that the table of contents names get the checksum of what is in them.
void MendIndex(std::string& bytes) {
  if (bytes.size() < 60) return;
  const size_t contents = bytes.size() - 52;
  ByteReader in(std::string_view(bytes).substr(contents));
  uint64_t offsets[6];
  for (uint64_t& offset : offsets) offset = in.Be64();
  for (const uint64_t offset : {offsets[0], offsets[4], offsets[5]}) {
    if (offset > bytes.size() || bytes.size() - offset < 8) continue;
    ByteReader section(std::string_view(bytes).substr(offset));
    const uint64_t size = section.Be32();
    if (size <= bytes.size() - offset - 8) PutCrc(bytes, offset + 4, offset + 4 + size);
  }
  PutCrc(bytes, contents, contents + 48);
}

void ReadIndex(std::string bytes) {
  MendIndex(bytes);
  const std::string path = Folder() + "/index";
  Write(path, bytes);
  ReadReport report;
  const auto index = IndexReader::Open(path, report);
  if (!index.ok()) return;
  for (size_t i = 0; i < (*index)->size(); ++i) {
    if ((*index)->At(i).labels.empty()) __builtin_trap();
  }
}

void ReadLog(std::string_view bytes) {
  const std::string path = Folder() + "/00000000";
  Write(path, bytes);
  ReadReport report;
  LogReader reader(path, report);
  std::string_view record;
  LogRecord decoded;
  while (reader.Next(record)) {
    if (!DecodeLogRecord(record, {}, decoded).ok()) continue;
  }
}

void ReadHeadChunks(std::string_view bytes) {
  Write(Folder() + "/chunks_head/000001", bytes);
  ReadReport report;
  const HeadChunks chunks(Folder() + "/chunks_head", report);
  Columns columns;
  for (const HeadChunk& chunk : chunks.chunks()) chunks.Read(chunk, columns);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Tombstones tombstones;
  switch (data[0] % 5) {
    case 0:
      ReadIndex(std::string(bytes));
      break;
    case 1:
      ReadLog(bytes);
      break;
    case 2:
      ReadHeadChunks(bytes);
      break;
    case 3:
      if (!ParseTombstones(bytes, tombstones).ok()) break;
      for (const auto& [series, times] : tombstones) {
        if (times.empty()) continue;
      }
      break;
    default:
      if (const auto meta = ParseBlockMeta(bytes); meta.ok()) {
        if (!ParseBlockMeta(FormatBlockMeta(*meta)).ok()) __builtin_trap();
      }
  }
  return 0;
}
