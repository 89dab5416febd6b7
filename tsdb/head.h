// Head: all series and samples in memory. It judges nothing and logs nothing: Committer does, and
// tells it what to keep.
//
// Threads and locks, in the order in which they are taken:
//   commit lock   Committer's; every method under "Committer" wants it. There is one writer at a
//   time. index_mu_     labels, postings, reserved series: appenders that resolve, and everybody
//   who selects snapshots     see snapshots.h; a commit is applied while no reader begins shard
//   samples of the series of one shard; readers copy out what is open and leave keys_mu_,
//   metadata_mu_, ExemplarRing's: innermost, never held while another is taken
// A reader sees a commit as a whole: what was appended after its snapshot is cut off by count (see
// Version).
#ifndef SLOWBURN_TSDB_HEAD_H_
#define SLOWBURN_TSDB_HEAD_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "tsdb/exemplar_ring.h"
#include "tsdb/key_table.h"
#include "tsdb/label_index.h"
#include "tsdb/limits.h"
#include "tsdb/series.h"
#include "tsdb/series_samples.h"
#include "tsdb/snapshots.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

// A sample that was accepted, between its judgement and its publication.
struct StagedSample {
  TimestampMs t = 0;
  uint64_t bits = 0;
  TimestampMs before_t = 0;  // the series' newest sample before it, if it had one
  uint64_t before_bits = 0;
  Slot slot = kNoSlot;
  uint32_t detail = 0;       // 1 + index of its StagedDetail; 0: none
  uint8_t before_flags = 0;  // Series::leader_flags
  bool late = false;         // out of order
};
struct StagedDetail {
  HistogramPtr histogram;
  TimestampMs start = 0;
  HistogramPtr newest_before;  // SeriesExtra::newest_histogram
};

class Head {
 public:
  Head(const Limits& limits, size_t max_exemplars);
  ~Head();
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  // --- Appenders: any thread.

  void Lookup(std::span<const RawKey> keys, std::span<Slot> out) const;
  // Errors as Appender::Resolve's. `reserved`: the series has no samples yet and is kept for the
  // caller until Release. What the log has was admitted once: kLogged asks no limits.
  enum class Origin { kSender, kLogged };
  absl::StatusOr<Slot> Resolve(const Labels& labels, bool& reserved,
                               Origin origin = Origin::kSender);
  // kNoSlot when there is no series of these labels with samples.
  Slot FindLive(const Labels& labels) const;
  // Series that still have no samples and that nobody else reserved vanish.
  void Release(std::span<const Slot> reserved);
  // Binds the keys whose series are live.
  void BindKeys(std::span<const std::pair<RawKey, Slot>> bindings);

  // --- Committer: under the commit lock.

  const SeriesTable& series() const { return series_; }
  // What is stored at a time not after the newest one: nothing, the same value, or another one.
  enum class Stored { kNothing, kEqual, kOther };
  Stored Compare(const Series& series, TimestampMs t, uint64_t bits,
                 const HistogramPtr& histogram) const;
  void SetNewestHistogram(Slot slot, HistogramPtr histogram);
  // Labels and their pair ids, copied.
  Labels LabelsOf(Slot slot) const;
  Labels LabelsOf(Slot slot, std::vector<PairId>& ids) const;
  // Publishes the samples, in order, as one commit. Returns how many series got their first sample.
  size_t Apply(std::span<const StagedSample> samples, const std::vector<StagedDetail>& details,
               CommitNumber commit);
  // Keeps a logged sample, whatever its time. On equal times the later one in the log counts.
  // REQUIRES: nobody else uses the head yet; no shard is locked.
  void Replay(Slot slot, TimestampMs t, uint64_t bits, const HistogramPtr& histogram,
              TimestampMs start, CommitNumber commit);
  enum class Fetch { kSeries, kChunk };
  void Prefetch(Slot slot, Fetch what) const {
    if (slot == kNoSlot) return;
    const Series& series = series_[slot];
    if (what == Fetch::kSeries) {
      __builtin_prefetch(&series);
    } else {
      __builtin_prefetch(series.open);
      __builtin_prefetch(reinterpret_cast<const char*>(series.open) + sizeof(OpenChunk) +
                         series.open_size);
    }
  }
  // Forgets which series have their labels in the log.
  void ClearLogged();
  void SetMetadata(std::string_view metric, const Metadata& metadata);
  // Hides samples from before `from` at once; SweepPage frees them. Series without samples die;
  // their slots are appended to `dead`.
  void RetainFrom(TimestampMs from);
  void SweepPage(Slot first, std::vector<Slot>& dead);
  // After the last page: forgets the dead series' keys.
  void FinishSweep(const std::vector<Slot>& dead);

  ExemplarRing& exemplars() { return exemplars_; }
  Snapshots& snapshots() { return snapshots_; }
  CommitNumber published() const { return snapshots_.published(); }

  // --- Readers: any thread, with a Snapshots::Reader's commit.

  // Series that match and may have samples in the range, in order of labels.
  std::vector<Slot> Select(const Matchers& matchers, TimeRange range) const;
  // The labels of as many of `slots` as are still there; `slots` is cut down to these.
  void Materialise(std::vector<Slot>& slots, std::vector<Labels>& labels) const;
  // The samples in the range that `commit` sees, with some around them. False when there can be
  // none. Without `out` it only says so.
  bool Read(Slot slot, TimeRange range, CommitNumber commit, SeriesSamples* out) const;
  std::vector<std::string> LabelNames(const Matchers& matchers, TimeRange range,
                                      CommitNumber commit) const;
  std::vector<std::string> LabelValues(std::string_view name, const Matchers& matchers,
                                       TimeRange range, CommitNumber commit) const;
  std::vector<Querier::SeriesExemplars> Exemplars(const std::vector<Matchers>& any_of,
                                                  TimeRange range, CommitNumber commit) const;
  std::vector<MetricMetadata> AllMetadata() const;

  // --- Figures: any thread.

  size_t series_count() const;
  size_t pair_count() const;
  size_t key_count() const;
  uint64_t sample_count() const { return samples_.load(std::memory_order_relaxed); }
  uint64_t chunk_count() const { return chunks_.load(std::memory_order_relaxed); }
  TimestampMs max_time() const { return max_time_.load(std::memory_order_relaxed); }
  TimestampMs min_time() const { return min_time_.load(std::memory_order_relaxed); }
  TimestampMs retained_from() const { return retained_from_.load(std::memory_order_relaxed); }
  // Calls visit(name, value, number of series) for each label pair that has series.
  void VisitPairs(const std::function<void(std::string_view name, std::string_view value,
                                           size_t series)>& visit) const;

 private:
  static constexpr size_t kShards = 16;
  static constexpr size_t kSlotsPerStripe = 64;  // neighbours, which arrive together, share a shard

  // How many samples a series had for readers that see commits from `from` on but not `until`.
  // Written only while there are such readers.
  struct Version {
    CommitNumber from = 0, until = 0;
    uint32_t appended = 0;
  };
  struct Shard {
    mutable base::Mutex mu;
    absl::flat_hash_map<Slot, absl::InlinedVector<Version, 1>> versions ABSL_GUARDED_BY(mu);
    CommitNumber pruned_to ABSL_GUARDED_BY(mu) = 0;
  };
  static size_t ShardOf(Slot slot) { return slot / kSlotsPerStripe % kShards; }

  // The writing half (head_write.cc); all under the shard's lock.
  SeriesExtra& Extra(Series& series);
  void BeginCommit(Shard& shard, Series& series, Slot slot, CommitNumber commit,
                   const Snapshots::Publishing& publishing);
  void PruneVersions(Shard& shard, const Snapshots::Publishing& publishing);
  bool ApplyOne(Series& series, const StagedSample& sample, const StagedDetail* detail,
                CommitNumber commit);
  void AppendFloat(Series& series, const StagedSample& sample, TimestampMs start);
  void AppendHistogram(Series& series, const StagedSample& sample, const StagedDetail& detail);
  void InsertLate(Series& series, LateSample sample);
  void Seal(Series& series, TimestampMs last_t);
  void NoteTime(TimestampMs t);

  // The reading half (head_read.cc).
  uint32_t VisibleEnd(const Shard& shard, const Series& series, Slot slot,
                      CommitNumber commit) const;
  bool MayHaveSamples(Slot slot, TimeRange range, CommitNumber commit) const;
  TimeRange Retained(TimeRange range) const;

  bool SweepSeries(Series& series, TimestampMs from, std::vector<SealedChunk*>& retired);

  const Limits limits_;
  SeriesTable series_;
  Snapshots snapshots_;
  std::array<Shard, kShards> shards_;

  mutable base::SharedMutex index_mu_;
  LabelIndex index_ ABSL_GUARDED_BY(index_mu_);
  absl::flat_hash_map<Slot, uint32_t> reserved_
      ABSL_GUARDED_BY(index_mu_);  // by how many appenders

  mutable base::SharedMutex keys_mu_;
  KeyTable keys_ ABSL_GUARDED_BY(keys_mu_);

  ExemplarRing exemplars_;
  mutable base::Mutex metadata_mu_;
  std::map<std::string, Metadata, std::less<>> metadata_ ABSL_GUARDED_BY(metadata_mu_);

  // Written under the commit lock.
  std::atomic<uint64_t> samples_{0}, chunks_{0};
  std::atomic<TimestampMs> min_time_{kMaxTime}, max_time_{kMinTime};
  std::atomic<TimestampMs> retained_from_{kMinTime};
  TimestampMs swept_min_ = kMaxTime;   // least time seen by the sweep under way
  std::vector<uint32_t> shard_order_;  // scratch of Apply
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HEAD_H_
