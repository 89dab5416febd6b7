// SliLedger: the exact count of one SLI's events, kept up as samples arrive.
//
// The law: for every window whose edges are slices, part and total equal the sum, over all stored
// samples of the selected series with a time in the window, of each sample's increase over the
// sample before it, where
//   - the sample before is the latest earlier one of that series that is a number, however long ago
//     (staleness markers, NaN, infinities and histograms are passed over: they neither count nor
//     end anything);
//   - an increase below zero, or a start timestamp later than the sample before, is a reset: the
//     new value counts;
//   - a series' first sample counts nothing, unless its start timestamp lies at most
//     kFirstSampleSpan before it: then its value counts;
//   - an increase belongs to the time of its later sample.
// Sums do not depend on the order of arrival: a late sample is put between its neighbours, and the
// neighbour after it is corrected in its own slice.
//
// A series has a Track: its last samples, as far back as late samples may reach (late_window). A
// track that has just been found in the store is cold: samples wait in it until the store has told
// what came before (LedgerFill). A sample that is later than late_window allows cannot be placed;
// the ledger then asks to be rebuilt from the store.
//
// Threads: thread-safe behind one mutex, under which nothing else is called. Lifetimes: tracks live
// as long as the ledger.
#ifndef SLOWBURN_SLO_SLI_LEDGER_H_
#define SLOWBURN_SLO_SLI_LEDGER_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "base/mutex.h"
#include "slo/slice_log.h"
#include "slo/slo_spec.h"
#include "tsdb/labels.h"
#include "tsdb/storage.h"

namespace slowburn::slo {

inline constexpr DurationMs kFirstSampleSpan = 5 * base::kMinute;
// Time between two samples that still counts as measured, as Prometheus' lookback.
inline constexpr DurationMs kCoverageSpan = 5 * base::kMinute;

// One counter sample.
struct Point {
  TimestampMs t = 0;
  double v = 0;
  TimestampMs start = 0;  // 0: unknown
};
// What the law counts: not NaN (stale or not), not infinite, and of a time that a calendar has.
bool IsCounted(TimestampMs t, double v);
// The increase of `now` over `before`; sets `reset`.
EventCount Increase(const Point& before, const Point& now, bool& reset);
// What a series' first sample counts.
EventCount FirstIncrease(const Point& first);

// What a window held. bad is total - part for a good/total SLI; it is kept within 0 and total, as
// skew between the two selectors can bring it outside for a moment (`inconsistent` tells).
struct WindowCount {
  TimestampMs from = 0, to = 0;  // (from, to], moved to slices
  EventCount bad, total;
  DurationMs covered_ms = 0;
  bool inconsistent = false;
};

// What the ledger did, for metrics.
struct LedgerStats {
  uint64_t samples = 0, resets = 0, late = 0, passed_over = 0;
};

class SliLedger {
 public:
  struct Options {
    SliceLog::Options slices;
    DurationMs late_window_ms = 0;
  };
  struct Track;

  SliLedger(Sli sli, Options options);
  ~SliLedger();
  SliLedger(const SliLedger&) = delete;
  SliLedger& operator=(const SliLedger&) = delete;

  const Sli& sli() const { return sli_; }
  void Extend(SliceLog::Options slices);
  void SetLateWindow(DurationMs late_window);

  // The track of a series, made when there is none. References name another series after the store
  // dropped theirs:
  //   kNew     the series has just been made, the store has no sample of it: whatever was known
  //            under this reference goes
  //   kStored  the store may have samples of it
  //   kRead    it was read from the store; null when the reference has come to name another series
  //            since
  //
  // kUnknown names no series: one that is read and not written to. Its track holds until the next
  // of that kind is asked for.
  enum class Origin { kNew, kStored, kRead };
  Track* TrackOf(tsdb::SeriesRef ref, const tsdb::Labels& labels, uint8_t roles, Origin origin);

  struct Arrival {
    Track* track;
    Point point;
    bool is_number;  // false: a histogram
  };
  // In the order in which the store accepted them.
  void Add(std::span<const Arrival> arrivals);

  // Filling one series from the store: Begin, Samples…, End. See LedgerFill.
  class Filling {
    friend class SliLedger;
    Track* track_ = nullptr;
    // Samples later than this count; the others only tell what came before.
    TimestampMs count_from_ = 0;
    TimestampMs keep_from_ = 0;  // of the tail
    bool whole_ = false;         // every sample that the store has of the series will be given
    bool complete_ = false;      // the tail reaches back to the series' first sample
    std::vector<Point> tail_;
  };
  enum class Reach { kPartial, kWhole };
  // The samples that wait are what counts, those before them only tell what came before.
  static constexpr TimestampMs kFromWaiting = tsdb::kMaxTime;
  // False when the track is warm already: nothing to fill.
  bool BeginFilling(Track* track, TimestampMs count_from, Reach reach, Filling& filling);
  // False: with kPartial, a sample counts but nothing was given that came before it. Nothing was
  // counted; begin again with kWhole.
  bool FillSamples(Filling& filling, const tsdb::SampleBatch& batch);
  // Adds what waits. The track is warm.
  void EndFilling(Filling& filling);

  // Cold tracks in which samples wait.
  struct Cold {
    Track* track;
    tsdb::Labels labels;
  };
  std::vector<Cold> ColdTracks();
  // True once after a sample could not be placed.
  bool TakeRebuildWanted();
  // Forgets the tracks of series that the store has dropped: all that TrackOf was not asked for
  // since BeginSweep. Between the two a new tap was added and the old one, which knew those tracks,
  // removed.
  void BeginSweep();
  void EndSweep();

  // The window that ends with the slice of `to`; lengths are cut to slices.
  std::vector<WindowCount> Windows(TimestampMs to, std::span<const DurationMs> lengths) const;
  WindowCount Window(TimestampMs to, DurationMs length) const;
  // Of the bad events and of all, at or before each of the ascending `edges`. For plots and
  // forecasts.
  struct Cumulative {
    TimestampMs edge = 0;
    EventCount bad, total;  // unclamped
    DurationMs covered_ms = 0;
  };
  std::vector<Cumulative> CumulativeAt(std::span<const TimestampMs> edges) const;
  TimestampMs CoveredUntil() const;

  LedgerStats TakeStats();
  size_t tracks() const;
  size_t MemoryBytes() const;

  // Calls `f(SliceLog&)` under the lock: for LedgerStore.
  template <typename F>
  auto WithSlices(F f) {
    base::MutexLock lock(mu_);
    return f(slices_);
  }

 private:
  void AddLocked(Track& track, const Point& point) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AddLate(Track& track, const Point& point) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Count(const Track& track, TimestampMs t, EventCount delta)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  EventCount CountedIncrease(const Point& before, const Point& now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CoverAfter(const Track& track, const Point* before, const Point& now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TrimTail(Track& track) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  WindowCount WindowLocked(TimestampMs to, DurationMs length, const SliceTotals& end) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Sli sli_;
  mutable base::Mutex mu_;
  SliceLog slices_ ABSL_GUARDED_BY(mu_);
  DurationMs late_window_ms_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<tsdb::SeriesRef, std::unique_ptr<Track>> tracks_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<Track> unnamed_ ABSL_GUARDED_BY(mu_);  // of a series without a reference
  std::vector<Track*> cold_ ABSL_GUARDED_BY(mu_);
  bool rebuild_wanted_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t sweep_ ABSL_GUARDED_BY(mu_) = 0;
  LedgerStats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLI_LEDGER_H_
