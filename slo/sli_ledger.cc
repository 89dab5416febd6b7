#include "slo/sli_ledger.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"

namespace slowburn::slo {
namespace {

// Times outside the years 1 to 9999 are no times; they would only overflow arithmetic.
constexpr TimestampMs kEarliest = -62'135'596'800'000;
constexpr TimestampMs kLatest = 253'402'300'800'000;

bool Earlier(const Point& a, const Point& b) { return a.t < b.t; }

// While a series is filled, this much of its newest samples is kept besides late_window, so that
// samples which both the store and the tap bring are recognised.
constexpr DurationMs kOverlapSpan = 10 * base::kMinute;

}  // namespace

struct SliLedger::Track {
  tsdb::SeriesRef ref{};
  tsdb::Labels labels;
  uint8_t roles = 0;
  uint64_t sweep = 0;  // the last in which the series was alive
  bool warm = false;
  bool complete = false;               // tail's first is the series' first sample
  absl::InlinedVector<Point, 1> tail;  // ascending; back() is the newest counted sample
  std::vector<Point> waiting;          // while cold
};

bool IsCounted(TimestampMs t, double v) {
  return std::isfinite(v) && t >= kEarliest && t <= kLatest;
}

EventCount Increase(const Point& before, const Point& now, bool& reset) {
  reset = now.v < before.v || (now.start > before.t && now.start <= now.t);
  return EventCount::FromDouble(reset ? std::max(now.v, 0.0) : now.v - before.v);
}

EventCount FirstIncrease(const Point& first) {
  const bool recent =
      first.start != 0 && first.start <= first.t && first.t - first.start <= kFirstSampleSpan;
  return recent ? EventCount::FromDouble(std::max(first.v, 0.0)) : EventCount();
}

SliLedger::SliLedger(Sli sli, Options options)
    : sli_(std::move(sli)), slices_(options.slices), late_window_ms_(options.late_window_ms) {}
SliLedger::~SliLedger() = default;

void SliLedger::Extend(SliceLog::Options slices) {
  base::MutexLock lock(mu_);
  slices_.Extend(slices);
}

void SliLedger::SetLateWindow(DurationMs late_window) {
  base::MutexLock lock(mu_);
  late_window_ms_ = late_window;
}

SliLedger::Track* SliLedger::TrackOf(tsdb::SeriesRef ref, const tsdb::Labels& labels, uint8_t roles,
                                     Origin origin) {
  base::MutexLock lock(mu_);
  if (ref == tsdb::SeriesRef::kUnknown) {
    unnamed_ = std::make_unique<Track>();
    unnamed_->labels = labels;
    unnamed_->roles = roles;
    return unnamed_.get();
  }
  std::unique_ptr<Track>& track = tracks_[ref];
  const bool made = track == nullptr;
  if (made) track = std::make_unique<Track>();
  const bool other = !made && track->labels != labels;
  if (other && origin == Origin::kRead) return nullptr;
  track->sweep = sweep_;
  if (!made && !other && origin != Origin::kNew) return track.get();
  track->ref = ref;
  track->labels = labels;
  track->roles = roles;
  track->warm = track->complete = origin == Origin::kNew;
  track->tail.clear();
  if (!made && !track->waiting.empty()) std::erase(cold_, track.get());
  track->waiting.clear();
  return track.get();
}

void SliLedger::Count(const Track& track, TimestampMs t, EventCount delta) {
  if ((track.roles & Sli::kPart) != 0) slices_.AddPart(t, delta);
  if ((track.roles & Sli::kTotal) != 0) slices_.AddTotal(t, delta);
}

EventCount SliLedger::CountedIncrease(const Point& before, const Point& now) {
  bool reset = false;
  const EventCount delta = Increase(before, now, reset);
  if (reset) ++stats_.resets;
  return delta;
}

// Only the total tells whether the SLI is measured: the bad events' series may appear with the
// first bad event.
void SliLedger::CoverAfter(const Track& track, const Point* before, const Point& now) {
  if ((track.roles & Sli::kTotal) == 0) return;
  const TimestampMs after =
      before == nullptr ? now.t - 1 : std::max(before->t, now.t - kCoverageSpan);
  slices_.Cover(after, now.t);
}

void SliLedger::TrimTail(Track& track) {
  const TimestampMs limit = track.tail.back().t - late_window_ms_;
  size_t drop = 0;
  while (drop + 1 < track.tail.size() && track.tail[drop + 1].t <= limit) ++drop;
  if (drop == 0) return;
  track.tail.erase(track.tail.begin(), track.tail.begin() + static_cast<ptrdiff_t>(drop));
  track.complete = false;
}

void SliLedger::AddLate(Track& track, const Point& point) {
  const auto after = std::lower_bound(track.tail.begin(), track.tail.end(), point, Earlier);
  DCHECK(after != track.tail.end());
  if (after->t == point.t) return;  // brought by both the store and the tap
  ++stats_.late;
  if (after == track.tail.begin() && !track.complete) {
    rebuild_wanted_ = true;
    return;
  }
  const Point* before = after == track.tail.begin() ? nullptr : &*(after - 1);
  const EventCount was =
      before == nullptr ? FirstIncrease(*after) : CountedIncrease(*before, *after);
  const EventCount own = before == nullptr ? FirstIncrease(point) : CountedIncrease(*before, point);
  Count(track, point.t, own);
  Count(track, after->t, CountedIncrease(point, *after) - was);
  CoverAfter(track, before, point);
  CoverAfter(track, &point, *after);
  track.tail.insert(after, point);
}

void SliLedger::AddLocked(Track& track, const Point& point) {
  if (!track.tail.empty() && point.t <= track.tail.back().t) {
    AddLate(track, point);
    return;
  }
  ++stats_.samples;
  const Point* before = track.tail.empty() ? nullptr : &track.tail.back();
  Count(track, point.t, before == nullptr ? FirstIncrease(point) : CountedIncrease(*before, point));
  CoverAfter(track, before, point);
  if (track.tail.size() == 1 && late_window_ms_ == 0) {
    track.tail[0] = point;
    track.complete = false;
    return;
  }
  track.tail.push_back(point);
  TrimTail(track);
}

void SliLedger::Add(std::span<const Arrival> arrivals) {
  base::MutexLock lock(mu_);
  for (const Arrival& arrival : arrivals) {
    if (!arrival.is_number || !IsCounted(arrival.point.t, arrival.point.v)) {
      ++stats_.passed_over;
      continue;
    }
    Track& track = *arrival.track;
    if (track.warm) {
      AddLocked(track, arrival.point);
      continue;
    }
    if (track.waiting.empty()) cold_.push_back(&track);
    track.waiting.push_back(arrival.point);
  }
}

bool SliLedger::BeginFilling(Track* track, TimestampMs count_from, Reach reach, Filling& filling) {
  base::MutexLock lock(mu_);
  if (track->warm) return false;
  filling = Filling();
  filling.track_ = track;
  filling.keep_from_ = tsdb::kMaxTime;
  for (const Point& point : track->waiting)
    filling.keep_from_ = std::min(filling.keep_from_, point.t);
  filling.count_from_ = count_from == kFromWaiting ? filling.keep_from_ - 1 : count_from;
  filling.whole_ = filling.complete_ = reach == Reach::kWhole;
  return true;
}

bool SliLedger::FillSamples(Filling& filling, const tsdb::SampleBatch& batch) {
  base::MutexLock lock(mu_);
  std::vector<Point>& tail = filling.tail_;
  const DurationMs span = late_window_ms_ + kOverlapSpan;
  for (size_t i = 0; i < batch.t.size(); ++i) {
    const bool histogram = !batch.histograms.empty() && batch.histograms[i] != nullptr;
    const Point point{batch.t[i], batch.v[i], batch.starts.empty() ? 0 : batch.starts[i]};
    if (histogram || !IsCounted(point.t, point.v)) continue;
    const Point* before = tail.empty() ? nullptr : &tail.back();
    if (before != nullptr && point.t <= before->t) continue;
    if (point.t > filling.count_from_) {
      if (before == nullptr && !filling.whole_) return false;
      ++stats_.samples;
      Count(*filling.track_, point.t,
            before == nullptr ? FirstIncrease(point) : CountedIncrease(*before, point));
      CoverAfter(*filling.track_, before, point);
    }
    tail.push_back(point);
    // Cut rarely, so that it costs nothing a sample.
    if (tail.size() < 1024 || tail.size() % 512 != 0) continue;
    const Point limit{std::min(point.t - span, filling.keep_from_), 0, 0};
    const auto keep = std::lower_bound(tail.begin(), tail.end(), limit, Earlier);
    if (keep - tail.begin() < 2) continue;
    tail.erase(tail.begin(), keep - 1);
    filling.complete_ = false;
  }
  return true;
}

void SliLedger::EndFilling(Filling& filling) {
  base::MutexLock lock(mu_);
  Track& track = *filling.track_;
  // The part that was read held nothing that counts: what came before is still unknown, the track
  // stays cold.
  if (!filling.whole_ && filling.tail_.empty()) return;
  track.tail.assign(filling.tail_.begin(), filling.tail_.end());
  track.complete = filling.complete_;
  track.warm = true;
  std::vector<Point> waiting = std::exchange(track.waiting, {});
  std::stable_sort(waiting.begin(), waiting.end(), Earlier);
  for (const Point& point : waiting) {
    // The store may have given it as one that does not count.
    if (point.t <= filling.count_from_) rebuild_wanted_ = true;
    AddLocked(track, point);
  }
  if (!track.tail.empty()) TrimTail(track);
  track.tail.shrink_to_fit();
}

std::vector<SliLedger::Cold> SliLedger::ColdTracks() {
  base::MutexLock lock(mu_);
  std::erase_if(cold_, [](const Track* track) { return track->warm; });
  std::vector<Cold> out;
  out.reserve(cold_.size());
  for (Track* track : cold_) out.push_back({track, track->labels});
  return out;
}

bool SliLedger::TakeRebuildWanted() {
  base::MutexLock lock(mu_);
  return std::exchange(rebuild_wanted_, false);
}

void SliLedger::BeginSweep() {
  base::MutexLock lock(mu_);
  ++sweep_;
}

void SliLedger::EndSweep() {
  base::MutexLock lock(mu_);
  std::erase_if(cold_, [&](const Track* track) { return track->sweep != sweep_; });
  absl::erase_if(tracks_, [&](const auto& entry) { return entry.second->sweep != sweep_; });
}

WindowCount SliLedger::WindowLocked(TimestampMs to, DurationMs length,
                                    const SliceTotals& end) const {
  WindowCount out;
  out.to = to;
  out.from = slices_.Edge(to - length);
  const SliceTotals sums = end - slices_.Before(out.from);
  const EventCount zero;
  out.total = std::max(sums.total, zero);
  const EventCount bad = sli_.part_kind == Sli::Part::kBad ? sums.part : sums.total - sums.part;
  out.bad = std::clamp(bad, zero, out.total);
  out.inconsistent = out.bad != bad;
  out.covered_ms = sums.covered * kSliceMs;
  return out;
}

std::vector<WindowCount> SliLedger::Windows(TimestampMs to,
                                            std::span<const DurationMs> lengths) const {
  base::MutexLock lock(mu_);
  to = slices_.Edge(CeilToSlice(to));
  const SliceTotals end = slices_.Before(to);
  std::vector<WindowCount> out;
  out.reserve(lengths.size());
  for (const DurationMs length : lengths) out.push_back(WindowLocked(to, length, end));
  return out;
}

WindowCount SliLedger::Window(TimestampMs to, DurationMs length) const {
  return Windows(to, {&length, 1}).front();
}

std::vector<SliLedger::Cumulative> SliLedger::CumulativeAt(
    std::span<const TimestampMs> edges) const {
  base::MutexLock lock(mu_);
  std::vector<Cumulative> out;
  out.reserve(edges.size());
  for (const TimestampMs edge : edges) {
    const SliceTotals sums = slices_.Before(edge);
    const EventCount bad = sli_.part_kind == Sli::Part::kBad ? sums.part : sums.total - sums.part;
    out.push_back({slices_.Edge(edge), bad, sums.total, sums.covered * kSliceMs});
  }
  return out;
}

TimestampMs SliLedger::CoveredUntil() const {
  base::MutexLock lock(mu_);
  return slices_.CoveredUntil();
}

LedgerStats SliLedger::TakeStats() {
  base::MutexLock lock(mu_);
  return std::exchange(stats_, {});
}

size_t SliLedger::tracks() const {
  base::MutexLock lock(mu_);
  return tracks_.size();
}

size_t SliLedger::MemoryBytes() const {
  base::MutexLock lock(mu_);
  size_t bytes = sizeof(*this) + slices_.MemoryBytes();
  for (const auto& [ref, track] : tracks_) {
    bytes += sizeof(Track) + sizeof(ref) + sizeof(void*) +
             (track->tail.capacity() > 1 ? track->tail.capacity() * sizeof(Point) : 0) +
             track->waiting.capacity() * sizeof(Point);
  }
  return bytes;
}

}  // namespace slowburn::slo
