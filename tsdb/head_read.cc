// The reading half of Head.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "tsdb/head.h"
#include "tsdb/histogram.h"

namespace slowburn::tsdb {
namespace {

void CopyOpen(const Series& series, const HistogramColumn* histograms, uint32_t count,
              SeriesSamples& out) {
  out.open_count = count;
  if (histograms == nullptr) {
    out.open_first_t = series.open->first_t;
    out.open_first_bits = series.open->first_bits;
    out.open_bytes.assign(series.open->bytes(), series.open->bytes() + series.open_size);
    return;
  }
  const auto first = [count](const auto& column) {
    return std::vector(column.begin(), column.begin() + count);
  };
  out.open_histograms.t = first(histograms->t);
  out.open_histograms.histograms = first(histograms->histograms);
  out.open_histograms.starts = first(histograms->starts);
}

}  // namespace

TimeRange Head::Retained(TimeRange range) const {
  return {std::max(range.start, retained_from()), range.end};
}

uint32_t Head::VisibleEnd(const Shard& shard, const Series& series, Slot slot,
                          CommitNumber commit) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (series.last_commit <= commit) return series.appended;
  const auto it = shard.versions.find(slot);
  if (it == shard.versions.end()) return 0;
  for (auto version = it->second.rbegin(); version != it->second.rend(); ++version) {
    if (version->from <= commit) return version->appended;
  }
  return 0;
}

bool Head::MayHaveSamples(Slot slot, TimeRange range, const ReadPoint& point) const {
  return Read(slot, range, point, nullptr);
}

bool Head::Read(Slot slot, TimeRange range, const ReadPoint& point, SeriesSamples* out) const {
  range = Retained(range);
  const Series* series = series_.Find(slot);
  if (range.empty() || series == nullptr) return false;
  const Shard& shard = shards_[ShardOf(slot)];
  base::MutexLock lock(shard.mu);
  if (series->state.load(std::memory_order_acquire) != SeriesState::kLive) return false;
  const uint32_t visible = VisibleEnd(shard, *series, slot, point.commit);
  // Marked: in the reader's blocks, if they are those of the seal or later ones.
  const bool pass_marked = point.seal >= seal_.load(std::memory_order_relaxed);
  // Modulo 2^32: the samples in memory are far fewer.
  const auto seen_of = [&](uint32_t first_index, uint32_t count) {
    const int32_t seen = static_cast<int32_t>(visible - first_index);
    return seen <= 0 ? 0 : std::min(static_cast<uint32_t>(seen), count);
  };
  bool found = false;
  const SeriesExtra* extra = series->extra;
  if (extra != nullptr) {
    auto chunk =
        std::lower_bound(extra->closed.begin(), extra->closed.end(), range.start,
                         [](const ClosedChunk* c, TimestampMs t) { return c->last_t < t; });
    for (; chunk != extra->closed.end() && (*chunk)->first_t < range.end; ++chunk) {
      const uint32_t seen = seen_of((*chunk)->first_index, (*chunk)->count);
      if (seen == 0) break;
      if (pass_marked && (*chunk)->in_blocks) continue;
      if (out == nullptr) return true;
      found = true;
      out->closed.push_back({*chunk, seen});
    }
    for (const LateSample& late : extra->late) {
      if (late.commit > point.commit || !range.Contains(late.t)) continue;
      if (pass_marked && late.in_blocks) continue;
      if (out == nullptr) return true;
      found = true;
      out->late.push_back(late);
    }
  }
  const uint32_t seen = seen_of(series->appended - series->open_count, series->open_count);
  if (seen == 0 || series->newest.load(std::memory_order_relaxed) < range.start) return found;
  const HistogramColumn* histograms = extra == nullptr ? nullptr : extra->open_histograms.get();
  if ((histograms != nullptr ? histograms->t.front() : series->open->first_t) >= range.end)
    return found;
  if (out != nullptr) CopyOpen(*series, histograms, seen, *out);
  return true;
}

std::vector<Slot> Head::Select(const Matchers& matchers, TimeRange range) const {
  range = Retained(range);
  // Most queries are about the last hours, or only about older times: those find nothing here.
  if (range.empty() || range.end <= min_time()) return {};
  base::ReaderLock lock(index_mu_);
  std::vector<IndexedSeries> found;
  for (const Slot slot : index_.Select(matchers)) {
    const Series& series = series_[slot];
    if (series.state.load(std::memory_order_acquire) != SeriesState::kLive) continue;
    if (series.newest.load(std::memory_order_relaxed) < range.start) continue;
    found.push_back({slot, series.labels});
  }
  index_.Sort(found);
  std::vector<Slot> slots;
  slots.reserve(found.size());
  for (const IndexedSeries& one : found) slots.push_back(one.slot);
  return slots;
}

void Head::Materialise(std::vector<Slot>& slots, std::vector<Labels>& labels) const {
  labels.clear();
  base::ReaderLock lock(index_mu_);
  // Series come in the order of their labels: each is anywhere in memory, and so are its pairs.
  for (const Slot slot : slots) __builtin_prefetch(series_.Find(slot));
  for (const Slot slot : slots) __builtin_prefetch(series_[slot].labels);
  std::erase_if(slots, [&](Slot slot) {
    const Series& series = series_[slot];
    if (series.state.load(std::memory_order_acquire) != SeriesState::kLive) return true;
    labels.push_back(index_.LabelsOf(series.labels));
    return false;
  });
}

std::vector<std::string> Head::LabelNames(const Matchers& matchers, TimeRange range,
                                          const ReadPoint& point) const {
  std::vector<std::string> out;
  if (Retained(range).empty() || range.end <= min_time()) return out;
  base::ReaderLock lock(index_mu_);
  absl::flat_hash_set<PairId> pairs;
  if (!matchers.empty()) {
    for (const Slot slot : index_.Select(matchers)) {
      if (!MayHaveSamples(slot, range, point)) continue;
      const PairIds ids = series_[slot].labels;
      pairs.insert(ids + 1, ids + 1 + ids[0]);
    }
  }
  const auto is_used = [&](PairId id) {
    if (!matchers.empty()) return pairs.contains(id);
    const std::span<const Slot> slots = index_.SlotsOf(id).view();
    return std::any_of(slots.begin(), slots.end(),
                       [&](Slot slot) { return MayHaveSamples(slot, range, point); });
  };
  for (const LabelIndex::Name& name : index_.names()) {
    if (std::any_of(name.pairs.begin(), name.pairs.end(), is_used)) out.push_back(name.text);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> Head::LabelValues(std::string_view name, const Matchers& matchers,
                                           TimeRange range, const ReadPoint& point) const {
  std::vector<std::string> out;
  if (Retained(range).empty() || range.end <= min_time()) return out;
  base::ReaderLock lock(index_mu_);
  const LabelIndex::Name* found = index_.FindName(name);
  if (found == nullptr) return out;
  Postings matching;
  if (!matchers.empty()) matching = index_.Select(matchers);
  for (const PairId id : found->pairs) {
    const std::span<const Slot> slots = index_.SlotsOf(id).view();
    const auto may = [&](Slot slot) { return MayHaveSamples(slot, range, point); };
    bool used = false;
    if (matchers.empty()) {
      used = std::any_of(slots.begin(), slots.end(), may);
    } else {
      const Postings both = Intersection(slots, matching);
      used = std::any_of(both.begin(), both.end(), may);
    }
    if (used) out.emplace_back(index_.PairText(id).value);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Querier::SeriesExemplars> Head::Exemplars(const std::vector<Matchers>& any_of,
                                                      TimeRange range,
                                                      const ReadPoint& point) const {
  range = Retained(range);
  std::map<Slot, std::vector<Exemplar>> by_slot;
  exemplars_.Visit(point.commit, [&](Slot slot, const Exemplar& exemplar) {
    if (range.Contains(exemplar.t)) by_slot[slot].push_back(exemplar);
  });
  std::map<Labels, std::vector<Exemplar>> by_labels;
  {
    base::ReaderLock lock(index_mu_);
    for (auto& [slot, exemplars] : by_slot) {
      if (series_[slot].state.load(std::memory_order_acquire) != SeriesState::kLive) continue;
      const Labels labels = index_.LabelsOf(series_[slot].labels);
      const bool wanted = std::any_of(any_of.begin(), any_of.end(), [&](const Matchers& matchers) {
        return MatchesAll(matchers, labels);
      });
      if (wanted) by_labels[labels] = std::move(exemplars);
    }
  }
  std::vector<Querier::SeriesExemplars> out;
  for (auto& [labels, exemplars] : by_labels) out.push_back({labels, std::move(exemplars)});
  return out;
}

}  // namespace slowburn::tsdb
