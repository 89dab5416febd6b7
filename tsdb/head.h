// Head: the series that are written to, and the samples that are not in blocks yet. It judges
// nothing and logs nothing: Committer does, and tells it what to keep.
//
// Sealing puts samples into blocks (see Sealer) and then takes them out of here:
//
//   BeginSeal                chunks that begin from now on do not reach over the time that was
//                            given
//   CloseBefore              the open chunks before that time are closed
//   TakeSealed               the samples of one series and partition; they are marked
//   Snapshots::PublishSeal   from now on new readers pass over what is marked: their blocks have it
//   SweepPage                frees what is marked, once the readers from before are gone
//
// Threads and locks, in the order in which they are taken:
//   commit lock   Committer's; every method under "Committer" wants it. There is one writer at a
//                 time.
//   index_mu_     labels, postings, reserved series: appenders that resolve, and everybody who
//                 selects
//   snapshots     see snapshots.h; a commit is applied while no reader begins
//   shard         samples of the series of one shard; readers copy out what is open and leave
//   keys_mu_, metadata_mu_, ExemplarRing's: innermost, never held while another is taken
// One seal or sweep at a time, and no sweep during a seal but its own. A reader sees a commit as a
// whole: what was appended after its snapshot is cut off by count (see Version).
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
#include "tsdb/admission.h"
#include "tsdb/change_epochs.h"
#include "tsdb/exemplar_ring.h"
#include "tsdb/key_table.h"
#include "tsdb/label_index.h"
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
  bool makes_series = false;
};
struct StagedDetail {
  HistogramPtr histogram;
  TimestampMs start = 0;
  HistogramPtr newest_before;  // SeriesExtra::newest_histogram
};

// A sample of the log.
struct LoggedSample {
  TimestampMs t = 0;
  uint64_t bits = 0;
  Slot slot = kNoSlot;
  uint32_t detail = 0;  // as the caller likes
};
// A series of the log.
struct LoggedSeries {
  std::span<const uint32_t> numbers;  // of its pairs, in order of names
  Slot slot = kNoSlot;
};
// What one thread added to the head.
struct ReplayTally {
  uint64_t samples = 0, bytes = 0;
  TimestampMs min_t = kMaxTime, max_t = kMinTime;
  TimeRange window{0, 0};  // of the last sample: what may share a chunk

  void Note(TimestampMs t) {
    if (t < min_t) min_t = t;
    if (t > max_t) max_t = t;
  }
};

// A sample and what it is worth.
struct NewestSample {
  TimestampMs t = 0;
  uint64_t bits = 0;
  HistogramPtr histogram;
};

class Head {
 public:
  // `registry` may be null: refusals are not counted.
  Head(const Limits& limits, size_t max_exemplars, prometheus::Registry* registry = nullptr);
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
  // kNoSlot when there is no series of these labels that was written to.
  Slot FindLive(const Labels& labels) const;
  // Series that still have no samples and that nobody else reserved vanish.
  void Release(std::span<const Slot> reserved);
  // Binds the keys whose series are live.
  void BindKeys(std::span<const std::pair<RawKey, Slot>> bindings);

  // --- Committer: under the commit lock.

  const SeriesTable& series() const { return series_; }
  // What is stored here at a time not after the newest one: nothing, the same value, or another
  // one.
  enum class Stored { kNothing, kEqual, kOther };
  Stored Compare(const Series& series, TimestampMs t, uint64_t bits,
                 const HistogramPtr& histogram) const;
  void SetNewestHistogram(Slot slot, HistogramPtr histogram);
  // What the blocks have of a series that has no samples here. It is live from now on.
  void SetNewest(Slot slot, const NewestSample& newest);
  // The newest sample is not known any more, unless it is here.
  void ForgetNewest(Slot slot);
  // Labels and their pair ids, copied.
  Labels LabelsOf(Slot slot) const;
  Labels LabelsOf(Slot slot, std::vector<PairId>& ids) const;
  // Publishes the samples, in order, as one commit. Returns how many series were made.
  size_t Apply(std::span<const StagedSample> samples, const std::vector<StagedDetail>& details,
               CommitNumber commit);

  enum class Fetch { kSeries, kChunk };
  void Prefetch(Slot slot, Fetch what) const {
    if (slot == kNoSlot) return;
    const Series& series = series_[slot];
    if (what == Fetch::kSeries) {
      __builtin_prefetch(&series);
    } else {
      // As a number: there may be no chunk, and nothing may be added to a null pointer.
      const auto chunk = reinterpret_cast<uintptr_t>(series.open);
      __builtin_prefetch(series.open);
      __builtin_prefetch(
          reinterpret_cast<const void*>(chunk + sizeof(OpenChunk) + series.open_size));
    }
  }

  // --- Replay: before anybody else uses the head. Different threads may be at different series.

  // Finds or makes series, which are live from now on: samples or an exemplar must follow. `ids`
  // are those of `pairs`, LabelIndex::kNoPair where they are not known yet. A slot stays kNoSlot
  // when there is none left.
  void MakeLogged(std::span<const LabelView> pairs, std::span<PairId> ids,
                  std::span<LoggedSeries> series);
  // Keeps logged floats of a series without start timestamps, whatever their times. On equal times
  // the later one in the log counts.
  void Replay(Slot slot, std::span<const LoggedSample> samples, ReplayTally& tally);
  void ReplayOne(Slot slot, const LoggedSample& sample, const HistogramPtr& histogram,
                 TimestampMs start, ReplayTally& tally);
  // A series whose samples are all in blocks, and that has an exemplar of this time.
  void ReplayWithoutSamples(Slot slot, TimestampMs exemplar);
  // By one thread, at the end.
  void AddReplayed(const ReplayTally& tally);

  // --- Committer again.

  // Forgets which series have their labels in the log.
  void ClearLogged();
  void SetMetadata(std::string_view metric, const Metadata& metadata);
  // Hides samples from before `from` at once; SweepPage frees them.
  void RetainFrom(TimestampMs from);
  // Frees what retention hides and, when asked, what is marked as being in blocks. Series without
  // samples here die when they got none since `idle_from` and have no exemplars; their slots are
  // appended to `dead`.
  enum class Marked { kKeep, kFree };
  void BeginSweep();
  void SweepPage(Slot first, Marked marked, TimestampMs idle_from, std::vector<Slot>& dead);
  // After the last page: forgets the dead series' keys.
  void FinishSweep(const std::vector<Slot>& dead);

  // Chunks from now on do not reach over `until`, the blocks' time or that of a seal that begins:
  // no sample may be stored at or after it, unless it divides partitions. Returns the number of the
  // seal.
  SealNumber BeginSeal(TimestampMs until);
  // Closes the open chunks of samples before `until`, and adds each slot to the lists of the
  // partitions in which it has samples to seal. By start of the partition; the order is that of the
  // calls.
  using PartitionSlots = std::map<TimestampMs, std::vector<Slot>>;
  void CloseBefore(std::span<const Slot> slots, TimestampMs until, PartitionSlots& partitions);

  ExemplarRing& exemplars() { return exemplars_; }
  const Admission& admission() const { return admission_; }
  Snapshots& snapshots() { return snapshots_; }
  ChangeEpochs& changes() { return changes_; }
  CommitNumber published() const { return snapshots_.published(); }

  // --- A seal or deletion: any thread.

  // The live series that match, with samples here or without.
  std::vector<Slot> Matching(const Matchers& matchers) const;

  // The series that are live, in order of labels. No lock is held while they are sorted; they hold
  // until the next sweep.
  class SortedSeries {
   public:
    size_t size() const { return slots_.size(); }
    std::span<const Slot> slots() const { return slots_; }
    Labels LabelsOf(const Head& head, Slot slot) const;

   private:
    friend class Head;
    std::vector<Slot> slots_;
    std::vector<LabelView> pairs_;  // by PairId
  };
  SortedSeries ListSeries() const;
  // The samples of the partition that are closed, before `until` and not marked; marks them. False
  // when there are none.
  bool TakeSealed(Slot slot, TimeRange partition, TimestampMs until, SeriesSamples& out);
  // The seal failed: nothing of these series is in blocks.
  void Unmark(std::span<const Slot> slots);

  // --- Readers: any thread, with a Snapshots::Reader's point.

  // Series that match and may have samples in the range, in order of labels.
  std::vector<Slot> Select(const Matchers& matchers, TimeRange range) const;
  // The labels of as many of `slots` as are still there; `slots` is cut down to these.
  void Materialise(std::vector<Slot>& slots, std::vector<Labels>& labels) const;
  // The samples in the range that the reader sees here, with some around them. False when there can
  // be none. Without `out` it only says so.
  bool Read(Slot slot, TimeRange range, const ReadPoint& point, SeriesSamples* out) const;
  std::vector<std::string> LabelNames(const Matchers& matchers, TimeRange range,
                                      const ReadPoint& point) const;
  std::vector<std::string> LabelValues(std::string_view name, const Matchers& matchers,
                                       TimeRange range, const ReadPoint& point) const;
  std::vector<Querier::SeriesExemplars> Exemplars(const std::vector<Matchers>& any_of,
                                                  TimeRange range, const ReadPoint& point) const;
  std::vector<MetricMetadata> AllMetadata() const;

  // --- Figures: any thread.

  size_t series_count() const;
  size_t pair_count() const;
  size_t key_count() const;
  uint64_t sample_count() const { return samples_.load(std::memory_order_relaxed); }
  uint64_t chunk_count() const { return chunks_.load(std::memory_order_relaxed); }
  // What samples and series take, about.
  uint64_t sample_bytes() const { return sample_bytes_.load(std::memory_order_relaxed); }
  uint64_t bytes() const;
  // The newest sample of this run or the log, wherever it is; kMinTime before the first.
  TimestampMs max_time() const { return max_time_.load(std::memory_order_relaxed); }
  // No sample here is older; kMaxTime when there is none.
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

  absl::Status CheckNewSeries(const Labels& labels) const ABSL_SHARED_LOCKS_REQUIRED(index_mu_);

  // The writing half (head_write.cc); all under the shard's lock.
  SeriesExtra& Extra(Series& series);
  void BeginCommit(Shard& shard, Series& series, Slot slot, CommitNumber commit,
                   const Snapshots::Publishing& publishing);
  void PruneVersions(Shard& shard, const Snapshots::Publishing& publishing);
  bool ApplyOne(Series& series, const StagedSample& sample, const StagedDetail* detail,
                CommitNumber commit, TimeRange& window);
  void AppendFloat(Series& series, const StagedSample& sample, TimestampMs start,
                   TimeRange& window);
  void AppendHistogram(Series& series, const StagedSample& sample, const StagedDetail& detail,
                       TimeRange& window);
  void InsertLate(Series& series, LateSample sample);
  void PutBytes(Series& series, const uint8_t* bytes, size_t count);
  // `window` is that of the last sample, or what was before it.
  bool IsFull(const Series& series, TimestampMs t, TimeRange& window) const;
  bool ShareWindow(TimestampMs first, TimestampMs t, TimeRange& window) const;
  TimeRange WindowOf(TimestampMs t) const;
  void CloseChunk(Series& series, TimestampMs last_t);
  void NoteTime(TimestampMs t);
  // Replay's (head_replay.cc).
  size_t ReplayInOrder(Series& series, std::span<const LoggedSample> samples, ReplayTally& tally);
  void ReplayBytes(Series& series, std::span<const uint8_t> bytes, ReplayTally& tally);

  // The reading half (head_read.cc).
  uint32_t VisibleEnd(const Shard& shard, const Series& series, Slot slot,
                      CommitNumber commit) const;
  bool MayHaveSamples(Slot slot, TimeRange range, const ReadPoint& point) const;
  TimeRange Retained(TimeRange range) const;

  // Sealing and sweeping (head_seal.cc).
  bool SweepSeries(Series& series, Slot slot, Marked marked, TimestampMs idle_from,
                   std::vector<ClosedChunk*>& retired);
  void SweepOpen(Series& series, TimestampMs from);
  void Uncount(const ClosedChunk& chunk);
  void Uncount(const LateSample& late);

  const Admission admission_;
  SeriesTable series_;
  Snapshots snapshots_;
  ChangeEpochs changes_;
  std::array<Shard, kShards> shards_;

  mutable base::SharedMutex index_mu_;
  LabelIndex index_ ABSL_GUARDED_BY(index_mu_);
  // By how many appenders.
  absl::flat_hash_map<Slot, uint32_t> reserved_ ABSL_GUARDED_BY(index_mu_);

  mutable base::SharedMutex keys_mu_;
  KeyTable keys_ ABSL_GUARDED_BY(keys_mu_);

  ExemplarRing exemplars_;
  mutable base::Mutex metadata_mu_;
  std::map<std::string, Metadata, std::less<>> metadata_ ABSL_GUARDED_BY(metadata_mu_);

  // Written under the commit lock.
  std::atomic<uint64_t> samples_{0}, chunks_{0}, sample_bytes_{0};
  std::atomic<TimestampMs> min_time_{kMaxTime}, max_time_{kMinTime};
  std::atomic<TimestampMs> retained_from_{kMinTime};
  // Marks are of this seal: readers of its blocks, or of later ones, pass over them.
  std::atomic<SealNumber> seal_{0};
  TimestampMs seal_until_ = kMinTime;
  TimeRange window_{0, 0};             // of the last sample: what may share a chunk
  TimestampMs swept_min_ = kMaxTime;   // least time seen by the sweep under way, or come since
  std::vector<uint32_t> shard_order_;  // scratch of Apply
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HEAD_H_
