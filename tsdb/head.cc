#include "tsdb/head.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/admission.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kAhead = 16;  // series fetched before they are looked at

}  // namespace

Head::Head(const Limits& limits, size_t max_exemplars)
    : limits_(limits), index_(series_), exemplars_(max_exemplars) {}

Head::~Head() = default;

void Head::Lookup(std::span<const RawKey> keys, std::span<Slot> out) const {
  {
    base::ReaderLock lock(keys_mu_);
    keys_.Find(keys, out);
  }
  // A key outlives its series until the sweep that drops both is done. (The commit that follows
  // looks at the same cache lines.)
  for (size_t i = 0; i < out.size(); ++i) {
    if (i + kAhead < out.size()) Prefetch(out[i + kAhead], Fetch::kSeries);
    if (out[i] == kNoSlot) continue;
    if (series_[out[i]].state.load(std::memory_order_acquire) != SeriesState::kLive)
      out[i] = kNoSlot;
  }
}

absl::StatusOr<Slot> Head::Resolve(const Labels& labels, bool& reserved, Origin origin) {
  LabelIndex::Probe probe;
  base::WriterLock lock(index_mu_);
  Slot slot = index_.Find(labels, probe);
  if (slot == kNoSlot) {
    if (origin == Origin::kSender) {
      RETURN_IF_ERROR(CheckSeriesLabels(labels, limits_));
      RETURN_IF_ERROR(CheckSeriesCount(index_.series_count(), limits_));
    }
    slot = series_.Allocate();
    if (slot == kNoSlot) {
      return absl::ResourceExhaustedError(
          absl::StrCat("this process has made ", kNoSlot - 1,
                       " series, which is all it can number: restart it"));
    }
    Series& series = series_[slot];
    series.labels = index_.Insert(labels, probe, slot);
    series.state.store(SeriesState::kReserved, std::memory_order_release);
  }
  reserved = series_[slot].state.load(std::memory_order_acquire) == SeriesState::kReserved;
  if (reserved) ++reserved_[slot];
  return slot;
}

Slot Head::FindLive(const Labels& labels) const {
  LabelIndex::Probe probe;
  base::ReaderLock lock(index_mu_);
  const Slot slot = index_.Find(labels, probe);
  if (slot == kNoSlot) return kNoSlot;
  return series_[slot].state.load(std::memory_order_acquire) == SeriesState::kLive ? slot : kNoSlot;
}

void Head::Release(std::span<const Slot> reserved) {
  if (reserved.empty()) return;
  std::vector<IndexedSeries> dead;
  base::WriterLock lock(index_mu_);
  for (const Slot slot : reserved) {
    const auto it = reserved_.find(slot);
    if (it == reserved_.end() || --it->second > 0) continue;
    reserved_.erase(it);
    Series& series = series_[slot];
    if (series.state.load(std::memory_order_acquire) != SeriesState::kReserved) continue;
    series.state.store(SeriesState::kDead, std::memory_order_release);
    dead.push_back({slot, series.labels});
  }
  if (dead.empty()) return;
  index_.Remove(dead);
  for (const IndexedSeries& one : dead) series_.Bury(one.slot);
}

void Head::BindKeys(std::span<const std::pair<RawKey, Slot>> bindings) {
  if (bindings.empty()) return;
  base::WriterLock lock(keys_mu_);
  for (const auto& [key, slot] : bindings) {
    if (series_[slot].state.load(std::memory_order_acquire) == SeriesState::kLive)
      keys_.Insert(key, slot);
  }
}

Labels Head::LabelsOf(Slot slot) const {
  base::ReaderLock lock(index_mu_);
  return index_.LabelsOf(series_[slot].labels);
}

Labels Head::LabelsOf(Slot slot, std::vector<PairId>& ids) const {
  base::ReaderLock lock(index_mu_);
  const PairIds block = series_[slot].labels;
  ids.assign(block + 1, block + 1 + block[0]);
  return index_.LabelsOf(block);
}

void Head::SetMetadata(std::string_view metric, const Metadata& metadata) {
  base::MutexLock lock(metadata_mu_);
  const auto it = metadata_.find(metric);
  if (it != metadata_.end()) {
    it->second = metadata;
  } else if (metadata_.size() < limits_.metadata_metrics) {
    metadata_.emplace(metric, metadata);
  }
}

std::vector<MetricMetadata> Head::AllMetadata() const {
  base::MutexLock lock(metadata_mu_);
  std::vector<MetricMetadata> out;
  out.reserve(metadata_.size());
  for (const auto& [metric, metadata] : metadata_) out.push_back({metric, metadata});
  return out;
}

void Head::RetainFrom(TimestampMs from) {
  retained_from_.store(std::max(from, retained_from()), std::memory_order_relaxed);
  swept_min_ = kMaxTime;
}

void Head::SweepPage(Slot first, std::vector<Slot>& dead) {
  const TimestampMs from = retained_from();
  const Slot end = std::min<Slot>(series_.end(), first + static_cast<Slot>(SeriesTable::kPerPage));
  std::vector<SealedChunk*> retired;
  std::vector<IndexedSeries> removed;
  {
    base::WriterLock index_lock(index_mu_);
    for (Slot slot = first; slot < end; ++slot) {
      Series& series = series_[slot];
      if (series.state.load(std::memory_order_relaxed) != SeriesState::kLive) continue;
      base::MutexLock lock(shards_[ShardOf(slot)].mu);
      if (SweepSeries(series, from, retired)) continue;
      series.state.store(SeriesState::kDead, std::memory_order_release);
      removed.push_back({slot, series.labels});
    }
    index_.Remove(removed);
    for (const IndexedSeries& one : removed) {
      base::MutexLock lock(shards_[ShardOf(one.slot)].mu);
      dead.push_back(one.slot);
      series_.Bury(one.slot);
    }
  }
  snapshots_.Retire(std::move(retired));
}

// Drops chunks that ended before `from`. False when nothing is left.
bool Head::SweepSeries(Series& series, TimestampMs from, std::vector<SealedChunk*>& retired) {
  const bool open_is_old = series.newest.load(std::memory_order_relaxed) < from;
  TimestampMs first = kMaxTime;
  if (SeriesExtra* extra = series.extra; extra != nullptr) {
    const auto keep = std::find_if(extra->sealed.begin(), extra->sealed.end(),
                                   [&](const SealedChunk* chunk) { return chunk->last_t >= from; });
    for (auto it = extra->sealed.begin(); it != keep; ++it) {
      samples_ -= (*it)->count;
      --chunks_;
      retired.push_back(*it);
    }
    extra->sealed.erase(extra->sealed.begin(), keep);
    const auto late = std::find_if(extra->late.begin(), extra->late.end(),
                                   [&](const LateSample& sample) { return sample.t >= from; });
    samples_ -= static_cast<uint64_t>(late - extra->late.begin());
    extra->late.erase(extra->late.begin(), late);
    if (!extra->late.empty()) first = extra->late.front().t;
    if (!extra->sealed.empty()) first = std::min(first, extra->sealed.front()->first_t);
  }
  if (open_is_old && series.open_count > 0) {
    samples_ -= series.open_count;
    series.open_count = 0;
    if (series.extra != nullptr) series.extra->open_histograms = nullptr;
  }
  if (series.open_count > 0) {
    const HistogramColumn* histograms =
        series.extra == nullptr ? nullptr : series.extra->open_histograms.get();
    first = std::min(first, histograms != nullptr ? histograms->t.front() : series.open->first_t);
  }
  swept_min_ = std::min(swept_min_, first);
  return first != kMaxTime;
}

void Head::FinishSweep(const std::vector<Slot>& dead) {
  min_time_.store(std::max(swept_min_, retained_from()), std::memory_order_relaxed);
  if (dead.empty()) return;
  const absl::flat_hash_set<Slot> gone(dead.begin(), dead.end());
  exemplars_.Forget(gone);
  base::WriterLock lock(keys_mu_);
  keys_.EraseIf([&](Slot slot) { return gone.contains(slot); });
}

size_t Head::series_count() const {
  base::ReaderLock lock(index_mu_);
  return index_.series_count();
}

size_t Head::pair_count() const {
  base::ReaderLock lock(index_mu_);
  return index_.pair_count();
}

size_t Head::key_count() const {
  base::ReaderLock lock(keys_mu_);
  return keys_.size();
}

void Head::VisitPairs(const std::function<void(std::string_view name, std::string_view value,
                                               size_t series)>& visit) const {
  base::ReaderLock lock(index_mu_);
  for (const LabelIndex::Name& name : index_.names()) {
    for (const PairId id : name.pairs)
      visit(name.text, index_.PairText(id).value, index_.SlotsOf(id).size());
  }
}

}  // namespace slowburn::tsdb
