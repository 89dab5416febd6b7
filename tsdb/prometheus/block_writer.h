// BlockWriter of Prometheus: writes one block, as Prometheus 2.42 and later read it.
//
//   Begin(folder, ulid, strings) -> (AddSeries(labels) -> AddSamples(batch)*)* -> Finish(range)
//
// The block stands under a temporary name, which Prometheus removes by itself, until Finish gives
// it its own. Series come in ascending order of labels, samples in ascending time; a series without
// samples is left out.
//
// Threads: none. Errors: as IndexWriter's.
#ifndef SLOWBURN_TSDB_PROMETHEUS_BLOCK_WRITER_H_
#define SLOWBURN_TSDB_PROMETHEUS_BLOCK_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/prometheus/block_meta.h"
#include "tsdb/prometheus/chunk.h"
#include "tsdb/prometheus/index_writer.h"

namespace slowburn::tsdb::prom {

class PrometheusBlockWriter {
 public:
  // `strings` as IndexWriter's.
  static absl::StatusOr<std::unique_ptr<PrometheusBlockWriter>> Begin(
      const std::string& folder, const std::string& ulid, std::vector<std::string> strings);
  ~PrometheusBlockWriter();  // without Finish nothing is left

  absl::Status AddSeries(const Labels& labels);
  absl::Status AddSamples(const SampleBatch& samples);
  // Publishes the block with this range in its meta.json; without series nothing is published and
  // the meta says so. REQUIRES: all samples lie in the range.
  absl::StatusOr<BlockMeta> Finish(TimeRange range);

  TimestampMs max_t() const { return max_t_; }
  // Left out: what is not valid, and start timestamps, for which there is no place.
  uint64_t invalid_histograms() const { return invalid_; }
  uint64_t starts() const { return starts_; }

 private:
  PrometheusBlockWriter(std::string folder, std::string ulid)
      : folder_(std::move(folder)),
        ulid_(std::move(ulid)),
        path_(folder_ + "/" + ulid_ + ".tmp-for-creation") {}
  absl::Status WriteChunk();
  absl::Status FinishSeries();
  absl::Status NextSegment();

  const std::string folder_, ulid_, path_;
  std::unique_ptr<IndexWriter> index_;
  std::unique_ptr<OutputFile> segment_;
  size_t segments_ = 0;
  ChunkEncoder encoder_;
  Labels labels_;
  std::vector<ChunkMeta> chunks_;
  BlockMeta meta_;
  TimestampMs max_t_ = kMinTime;
  uint64_t invalid_ = 0, starts_ = 0;
  bool published_ = false;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_BLOCK_WRITER_H_
