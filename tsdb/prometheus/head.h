// Head: what Prometheus had in memory, read from its logs (wal with its checkpoint, wbl) and from
// chunks_head.
//
// The samples are those that Prometheus would have after a restart: of the wal what ascends in time
// within a series and is not before `from`, where the blocks end; late samples from the wbl; and
// what was deleted is left out. Sources overlap; each time counts once.
//
// Memory: labels of all series and where their chunks are; samples of the logs for as many series
// at a time as fit into the budget, for which the logs are read again and again.
//
// Threads: one at a time. Lifetimes: a head outlives its series sets, the report outlives the head.
#ifndef SLOWBURN_TSDB_PROMETHEUS_HEAD_H_
#define SLOWBURN_TSDB_PROMETHEUS_HEAD_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "tsdb/labels.h"
#include "tsdb/prometheus/head_chunks.h"
#include "tsdb/prometheus/log_record.h"
#include "tsdb/prometheus/read_report.h"
#include "tsdb/prometheus/tombstones.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

struct HeadOptions {
  TimestampMs from = kMinTime;
  size_t memory_bytes = size_t{256} << 20;                      // for samples of the logs
  size_t max_exemplars = 100'000;                               // the newest ones
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes; may be empty
};

class Head {
 public:
  struct SeriesExemplar {
    Labels labels;
    Exemplar exemplar;
  };

  // `path`: the data directory.
  Head(const std::string& path, HeadOptions options, ReadReport& report);

  bool empty() const { return series_.empty(); }
  TimeRange times() const { return times_; }     // that samples may have; empty if there are none
  uint64_t samples() const { return samples_; }  // read to get them all: an upper bound
  std::unique_ptr<SeriesSet> Series(TimeRange range) const;
  const std::deque<SeriesExemplar>& exemplars() const { return exemplars_; }
  const std::map<std::string, Metadata>& metadata() const { return metadata_; }

 private:
  friend class HeadSeries;
  friend class HeadChunkSamples;

  enum class Log : uint8_t { kOrdered, kLate };
  enum class ValueKind : uint8_t { kFloat, kHistogram, kFloatHistogram };
  // The state of a series while the log is read.
  struct Progress {
    TimestampMs newest = kMinTime;
    bool any = false;
    ValueKind kind = ValueKind::kFloat;  // of the newest
    // Whether the sample counts. A marker of staleness becomes one of what it ends.
    bool Accept(LogRecord::Sample& sample);
  };
  struct SeriesEntry {
    Labels labels;
    size_t first_chunk = 0, chunks = 0;  // of chunks_
    uint64_t log_bytes = 0;              // that its samples in the logs take in memory
  };
  // Samples of the logs of the series with ranks [begin, begin + ordered.size()).
  struct Group {
    size_t begin = 0;
    std::vector<Columns> ordered, late;
  };

  void ReadLogs();
  void ReadSegments(const std::vector<std::string>& paths, Log log, uint64_t& done, uint64_t total);
  void Take(const LogRecord& record, Log log);
  void TakeSeries(const LogRecord& record);
  void TakeDeletions(const LogRecord& record);
  void TakeExemplars(const LogRecord& record);
  void TakeMetadata(const LogRecord& record);
  void CountSamples(const LogRecord& record, Log log);
  void PlaceChunks();
  void Widen(TimestampMs t);
  // The series' number, or kNone.
  uint32_t Find(uint64_t ref) const;
  // Calls for each sample of the logs that may count, in order.
  void ForEachSample(
      const std::function<void(Log log, uint32_t series, LogRecord::Sample& sample)>& use) const;
  // What the series' newest chunk holds.
  ValueKind KindOfChunks(const SeriesEntry& series) const;
  // How many series from `rank` on fit into memory together.
  size_t GroupSize(size_t rank, const std::vector<uint64_t>& bytes) const;
  std::vector<uint64_t> BytesByRank(TimeRange range) const;
  std::shared_ptr<Group> Load(TimeRange range, size_t begin, size_t count) const;

  static constexpr uint32_t kNone = UINT32_MAX;
  const std::string path_;
  const HeadOptions options_;
  ReadReport& report_;
  HeadChunks chunk_files_;
  std::vector<std::string> wal_, wbl_;  // segments
  std::vector<SeriesEntry> series_;
  std::vector<HeadChunk> chunks_;  // that count, by series
  absl::flat_hash_map<uint64_t, uint32_t> by_ref_;
  absl::flat_hash_map<Labels, uint32_t> by_labels_;
  absl::flat_hash_set<uint64_t> gone_;  // references of series that Prometheus dropped as a whole
  absl::flat_hash_map<uint32_t, DeletedTimes> deleted_;
  std::vector<uint32_t> order_, rank_;  // series by labels, and the reverse
  std::deque<SeriesExemplar> exemplars_;
  std::map<std::string, Metadata> metadata_;
  TimeRange times_{kMaxTime, kMinTime};
  uint64_t samples_ = 0;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_HEAD_H_
