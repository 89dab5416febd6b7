// HeadChunks: the chunks that Prometheus' head has put aside in chunks_head. Grammar:
// tsdb/docs/format/head_chunks.md of Prometheus' repository.
//
// Threads: immutable once open, but all readings tell one ReadReport: one thread at a time.
// Damage is reported; the log usually has the same samples.
#ifndef SLOWBURN_TSDB_PROMETHEUS_HEAD_CHUNKS_H_
#define SLOWBURN_TSDB_PROMETHEUS_HEAD_CHUNKS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tsdb/prometheus/chunk.h"
#include "tsdb/prometheus/mapped_file.h"
#include "tsdb/prometheus/read_report.h"

namespace slowburn::tsdb::prom {

struct HeadChunk {
  uint64_t series = 0;               // reference, as the log names it
  TimestampMs min_t = 0, max_t = 0;  // both included
  uint32_t file = 0, offset = 0, size = 0;
  uint8_t encoding = 0;
  bool late = false;  // out of order
};

class HeadChunks {
 public:
  HeadChunks(const std::string& folder, ReadReport& report);

  // In order of series, in-order chunks first, then as they were written.
  const std::vector<HeadChunk>& chunks() const { return chunks_; }
  uint64_t bytes() const;
  bool Read(const HeadChunk& chunk, Columns& out) const;

 private:
  void Scan(uint32_t file);
  // Whether there may be another chunk behind; `at` is moved there.
  bool ScanOne(uint32_t file, std::string_view bytes, size_t& at);

  ReadReport& report_;
  std::vector<std::unique_ptr<MappedFile>> files_;
  std::vector<HeadChunk> chunks_;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_HEAD_CHUNKS_H_
