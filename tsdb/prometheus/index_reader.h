// IndexReader: the series of a block of Prometheus and where their chunks are. Versions 1 and 2 of
// the file; grammar: tsdb/docs/format/index.md of Prometheus' repository.
//
// Opening reads the whole file once and checks the checksums of what it uses. A damaged series is
// reported and left out; a damaged list of all series is replaced by looking for series.
//
// Threads: immutable once open. Errors of Open: kDataLoss where nothing can be read (header, table
// of contents, strings); the disk's.
#ifndef SLOWBURN_TSDB_PROMETHEUS_INDEX_READER_H_
#define SLOWBURN_TSDB_PROMETHEUS_INDEX_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/labels.h"
#include "tsdb/prometheus/mapped_file.h"
#include "tsdb/prometheus/read_report.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb::prom {

struct ChunkMeta {
  TimestampMs min_t = 0, max_t = 0;  // both included
  uint64_t ref = 0;                  // segment << 32 | offset in it
};

struct IndexedSeries {
  uint64_t ref = 0;  // how tombstones name it
  Labels labels;
  std::vector<ChunkMeta> chunks;
};

class IndexReader {
 public:
  static absl::StatusOr<std::unique_ptr<IndexReader>> Open(const std::string& path,
                                                           ReadReport& report);

  int version() const { return version_; }
  size_t size() const { return series_.size(); }  // readable series
  uint64_t bytes() const { return file_->bytes().size(); }
  TimeRange times() const { return times_; }  // of all chunks; empty if there are none
  // The i-th in ascending order of labels. REQUIRES: i < size().
  IndexedSeries At(size_t i) const;

 private:
  struct Contents {  // offsets of sections; 0: not there
    uint64_t symbols = 0, series = 0, label_indices = 0, label_table = 0, postings = 0, table = 0;
  };

  explicit IndexReader(std::unique_ptr<MappedFile> file) : file_(std::move(file)) {}
  absl::Status ReadHeader();
  absl::Status ReadSymbols();
  void FindSeries(ReadReport& report);
  bool ListedSeries(std::vector<uint32_t>& out, ReadReport& report) const;
  bool AllPostings(uint64_t& offset) const;
  std::vector<uint32_t> SoughtSeries() const;
  void Widen(const std::vector<ChunkMeta>& chunks);
  void KeepReadable(std::vector<uint32_t> refs, ReadReport& report);
  // The bytes between a length and the checksum behind them; false where they do not fit.
  bool Section(uint64_t offset, std::string_view& body) const;
  bool Entry(uint64_t offset, std::string_view& body, uint64_t& end) const;
  bool Parse(uint32_t ref, std::string_view body, IndexedSeries& out) const;
  bool Symbol(uint64_t number, std::string_view& text) const;
  uint64_t OffsetOf(uint32_t ref) const { return version_ == 1 ? ref : uint64_t{ref} * 16; }

  const std::unique_ptr<MappedFile> file_;
  int version_ = 0;
  Contents contents_;
  std::string_view symbol_bytes_;
  std::vector<uint32_t> symbols_;  // version 2: where in symbol_bytes_ each begins
  std::vector<uint32_t> series_;   // references, in order of labels
  TimeRange times_{kMaxTime, kMinTime};
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_INDEX_READER_H_
