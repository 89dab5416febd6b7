#include "tsdb/head.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kAhead = 16;  // series fetched before they are looked at
// Of a series without samples: its record, pair ids, places in postings and keys.
constexpr size_t kBytesPerSeries = 256;

}  // namespace

Head::Head(const Limits& limits, size_t max_exemplars, prometheus::Registry* registry)
    : admission_(limits, registry), index_(series_), exemplars_(max_exemplars) {}

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

absl::Status Head::CheckNewSeries(const Labels& labels) const {
  RETURN_IF_ERROR(admission_.CheckLabels(labels));
  const size_t existing = index_.series_count();
  RETURN_IF_ERROR(admission_.CheckNewSeries(
      existing, labels, [this](std::string_view job) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return index_.CountOf("job", job);
      }));
  return admission_.CheckHeadSeries(sample_bytes() + existing * kBytesPerSeries);
}

absl::StatusOr<Slot> Head::Resolve(const Labels& labels, bool& reserved, Origin origin) {
  LabelIndex::Probe probe;
  base::WriterLock lock(index_mu_);
  Slot slot = index_.Find(labels, probe);
  if (slot == kNoSlot) {
    if (origin == Origin::kSender) RETURN_IF_ERROR(CheckNewSeries(labels));
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
  } else if (metadata_.size() < admission_.limits().metadata_metrics) {
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

size_t Head::series_count() const {
  base::ReaderLock lock(index_mu_);
  return index_.series_count();
}

uint64_t Head::bytes() const { return sample_bytes() + series_count() * kBytesPerSeries; }

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
