// The part of Head that lets go of samples: to blocks, and by retention.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "tsdb/head.h"
#include "tsdb/partition.h"
#include "tsdb/sample_bytes.h"

namespace slowburn::tsdb {
namespace {

void AddTo(Head::PartitionSlots& partitions, TimestampMs t, Slot slot) {
  std::vector<Slot>& slots = partitions[FloorToPartition(t)];
  if (slots.empty() || slots.back() != slot) slots.push_back(slot);
}

bool LateBefore(const LateSample& sample, TimestampMs t) { return sample.t < t; }

}  // namespace

std::vector<Slot> Head::Matching(const Matchers& matchers) const {
  base::ReaderLock lock(index_mu_);
  std::vector<Slot> slots = index_.Select(matchers);
  std::erase_if(slots, [&](Slot slot) {
    return series_[slot].state.load(std::memory_order_acquire) != SeriesState::kLive;
  });
  return slots;
}

Head::SortedSeries Head::ListSeries() const {
  SortedSeries out;
  std::vector<IndexedSeries> found;
  {
    base::ReaderLock lock(index_mu_);
    found.reserve(index_.series_count());
    for (Slot slot = 0, end = series_.end(); slot < end; ++slot) {
      const Series& series = series_[slot];
      if (series.state.load(std::memory_order_acquire) == SeriesState::kLive)
        found.push_back({slot, series.labels});
    }
    out.pairs_ = index_.PairTexts();
  }
  SortByLabels(found, out.pairs_);
  out.slots_.reserve(found.size());
  for (const IndexedSeries& one : found) out.slots_.push_back(one.slot);
  return out;
}

Labels Head::SortedSeries::LabelsOf(const Head& head, Slot slot) const {
  const PairIds ids = head.series_[slot].labels;
  std::vector<LabelView> views(ids[0]);
  for (uint32_t i = 0; i < ids[0]; ++i) views[i] = pairs_[ids[i + 1]];
  return Labels::FromSorted(views);
}

SealNumber Head::BeginSeal(TimestampMs until) {
  seal_until_ = std::max(seal_until_, until);
  window_ = {0, 0};
  return ++seal_;
}

void Head::CloseBefore(std::span<const Slot> slots, TimestampMs until, PartitionSlots& partitions) {
  for (const Slot slot : slots) {
    Series& series = series_[slot];
    if (series.state.load(std::memory_order_relaxed) != SeriesState::kLive) continue;
    const TimestampMs newest = series.newest.load(std::memory_order_relaxed);
    if (series.open_count > 0 && newest < until) {
      base::MutexLock lock(shards_[ShardOf(slot)].mu);
      CloseChunk(series, newest);
      sample_bytes_ -=
          series.open == nullptr ? 0 : sizeof(OpenChunk) + series.open_capacity * OpenChunk::kStep;
      OpenChunk::Delete(std::exchange(series.open, nullptr));
      series.open_size = 0;
      series.open_capacity = 0;
    }
    const SeriesExtra* extra = series.extra;
    if (extra == nullptr) continue;
    for (const ClosedChunk* chunk : extra->closed) {
      if (chunk->last_t < until) AddTo(partitions, chunk->first_t, slot);
    }
    for (const LateSample& late : extra->late) {
      if (late.t < until) AddTo(partitions, late.t, slot);
    }
  }
}

bool Head::TakeSealed(Slot slot, TimeRange partition, TimestampMs until, SeriesSamples& out) {
  partition.end = std::min(partition.end, until);
  const Series& series = series_[slot];
  base::MutexLock lock(shards_[ShardOf(slot)].mu);
  SeriesExtra* extra = series.extra;
  if (extra == nullptr) return false;
  for (ClosedChunk* chunk : extra->closed) {
    if (chunk->in_blocks || chunk->first_t < partition.start) continue;
    if (chunk->last_t >= partition.end) break;
    chunk->in_blocks = true;
    out.closed.push_back({chunk, chunk->count});
  }
  auto late = std::lower_bound(extra->late.begin(), extra->late.end(), partition.start, LateBefore);
  for (; late != extra->late.end() && late->t < partition.end; ++late) {
    if (late->in_blocks) continue;
    late->in_blocks = true;
    out.late.push_back(*late);
  }
  return !out.closed.empty() || !out.late.empty();
}

void Head::Unmark(std::span<const Slot> slots) {
  for (const Slot slot : slots) {
    const Series& series = series_[slot];
    base::MutexLock lock(shards_[ShardOf(slot)].mu);
    if (series.extra == nullptr) continue;
    for (ClosedChunk* chunk : series.extra->closed) chunk->in_blocks = false;
    for (LateSample& late : series.extra->late) late.in_blocks = false;
  }
}

void Head::RetainFrom(TimestampMs from) {
  from = std::max(from, retained_from());
  changes_.SetRetained(from);  // before anything is hidden
  retained_from_.store(from, std::memory_order_relaxed);
}

void Head::BeginSweep() { swept_min_ = kMaxTime; }

void Head::SweepPage(Slot first, Marked marked, TimestampMs idle_from, std::vector<Slot>& dead) {
  const Slot end = std::min<Slot>(series_.end(), first + static_cast<Slot>(SeriesTable::kPerPage));
  std::vector<ClosedChunk*> retired;
  std::vector<IndexedSeries> removed;
  {
    base::WriterLock index_lock(index_mu_);
    for (Slot slot = first; slot < end; ++slot) {
      Series& series = series_[slot];
      if (series.state.load(std::memory_order_relaxed) != SeriesState::kLive) continue;
      base::MutexLock lock(shards_[ShardOf(slot)].mu);
      if (SweepSeries(series, slot, marked, idle_from, retired)) continue;
      series.state.store(SeriesState::kDead, std::memory_order_release);
      removed.push_back({slot, series.labels});
    }
    index_.Remove(removed);
    for (const IndexedSeries& one : removed) {
      base::MutexLock lock(shards_[ShardOf(one.slot)].mu);
      dead.push_back(one.slot);
      const Series& series = series_[one.slot];
      if (series.open != nullptr)
        sample_bytes_ -= sizeof(OpenChunk) + series.open_capacity * OpenChunk::kStep;
      series_.Bury(one.slot);
    }
  }
  snapshots_.Retire(std::move(retired));
}

void Head::Uncount(const ClosedChunk& chunk) {
  samples_ -= chunk.count;
  --chunks_;
  sample_bytes_ -= sizeof(chunk) + chunk.size;
  if (chunk.histograms != nullptr) sample_bytes_ -= BytesOf(*chunk.histograms);
}

void Head::Uncount(const LateSample& late) {
  --samples_;
  sample_bytes_ -= BytesOf(late);
}

void Head::SweepOpen(Series& series, TimestampMs from) {
  if (series.open_count == 0 || series.newest.load(std::memory_order_relaxed) >= from) return;
  samples_ -= series.open_count;
  series.open_count = 0;
  if (series.extra == nullptr || series.extra->open_histograms == nullptr) return;
  sample_bytes_ -= BytesOf(*series.extra->open_histograms);
  series.extra->open_histograms = nullptr;
}

// Drops what ended before the retained time, and what is marked. False when the series is to die.
bool Head::SweepSeries(Series& series, Slot slot, Marked marked, TimestampMs idle_from,
                       std::vector<ClosedChunk*>& retired) {
  const TimestampMs from = retained_from();
  TimestampMs first = kMaxTime;
  if (SeriesExtra* extra = series.extra; extra != nullptr) {
    std::erase_if(extra->closed, [&](ClosedChunk* chunk) {
      const bool gone = chunk->last_t < from || (marked == Marked::kFree && chunk->in_blocks);
      if (gone) Uncount(*chunk);
      if (gone) retired.push_back(chunk);
      return gone;
    });
    std::erase_if(extra->late, [&](const LateSample& late) {
      const bool gone = late.t < from || (marked == Marked::kFree && late.in_blocks);
      if (gone) Uncount(late);
      return gone;
    });
    if (!extra->late.empty()) first = extra->late.front().t;
    if (!extra->closed.empty()) first = std::min(first, extra->closed.front()->first_t);
  }
  SweepOpen(series, from);
  if (series.open_count > 0) {
    const HistogramColumn* histograms =
        series.extra == nullptr ? nullptr : series.extra->open_histograms.get();
    first = std::min(first, histograms != nullptr ? histograms->t.front() : series.open->first_t);
  }
  swept_min_ = std::min(swept_min_, first);
  if (first != kMaxTime) return true;
  const TimestampMs newest = series.newest.load(std::memory_order_relaxed);
  if (newest < from) return false;
  return newest >= idle_from || exemplars_.Holds(slot);
}

void Head::FinishSweep(const std::vector<Slot>& dead) {
  min_time_.store(std::max(swept_min_, retained_from()), std::memory_order_relaxed);
  if (dead.empty()) return;
  const absl::flat_hash_set<Slot> gone(dead.begin(), dead.end());
  exemplars_.Forget(gone);
  base::WriterLock lock(keys_mu_);
  keys_.EraseIf([&](Slot slot) { return gone.contains(slot); });
}

}  // namespace slowburn::tsdb
