// IndexWriter: the index of a block of Prometheus, version 2.
//
//   Begin(strings) -> AddSeries()* -> Finish()
//
// Memory: the strings, and four bytes for each label of each series.
// Threads: none. Errors: the disk's; kInvalidArgument (series not in ascending order of labels, or
// a label that is not among the strings), kResourceExhausted (more than the format can address).
#ifndef SLOWBURN_TSDB_PROMETHEUS_INDEX_WRITER_H_
#define SLOWBURN_TSDB_PROMETHEUS_INDEX_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "tsdb/labels.h"
#include "tsdb/prometheus/index_reader.h"
#include "tsdb/prometheus/output_file.h"

namespace slowburn::tsdb::prom {

class IndexWriter {
 public:
  // `strings`: sorted, unique: every name and value of a label that will come.
  static absl::StatusOr<std::unique_ptr<IndexWriter>> Begin(const std::string& path,
                                                            std::vector<std::string> strings);
  // Chunks ascend in time and reference.
  absl::Status AddSeries(const Labels& labels, const std::vector<ChunkMeta>& chunks);
  absl::Status Finish();

 private:
  using Pair = std::pair<uint32_t, uint32_t>;  // numbers of name and value
  struct Place {                               // of a list of series
    Pair pair;
    uint64_t offset = 0;
  };

  IndexWriter(std::unique_ptr<OutputFile> file, std::vector<std::string> strings)
      : file_(std::move(file)), strings_(std::move(strings)) {}
  absl::Status WriteStrings();
  absl::Status WritePostings(const std::vector<uint32_t>& series);
  absl::Status WriteTable(uint64_t all, const std::vector<Place>& places);
  // Length, body, checksum.
  absl::Status WriteSection(std::string_view body);
  bool Number(std::string_view text, uint32_t& number) const;

  const std::unique_ptr<OutputFile> file_;
  const std::vector<std::string> strings_;
  absl::flat_hash_map<std::string_view, uint32_t> numbers_;  // views of strings_
  Labels last_;
  uint64_t strings_offset_ = 0, series_offset_ = 0;
  std::vector<uint32_t> all_;
  absl::flat_hash_map<Pair, std::vector<uint32_t>> postings_;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_INDEX_WRITER_H_
