#include "tsdb/block_sample_iterator.h"

#include <algorithm>
#include <utility>

#include "tsdb/histogram_column.h"

namespace slowburn::tsdb {
namespace {

// Where both have a sample at one time, that of `later` counts.
void Merge(const SampleBatch& earlier, const SampleBatch& later, CopiedSamples& out) {
  out.Clear();
  size_t i = 0, j = 0;
  while (i < earlier.t.size() || j < later.t.size()) {
    if (j == later.t.size() || (i < earlier.t.size() && earlier.t[i] < later.t[j])) {
      out.Add(earlier, i++);
      continue;
    }
    if (i < earlier.t.size() && earlier.t[i] == later.t[j]) ++i;
    out.Add(later, j++);
  }
}

bool IsDeleted(const std::vector<TimeRange>& deleted, TimestampMs t) {
  return std::any_of(deleted.begin(), deleted.end(),
                     [t](const TimeRange& range) { return range.Contains(t); });
}

}  // namespace

void CopiedSamples::Clear() {
  t.clear();
  v.clear();
  starts.clear();
  histograms.clear();
}

void CopiedSamples::Add(const SampleBatch& from, size_t i) {
  if (!from.starts.empty() || !starts.empty()) {
    starts.resize(t.size());
    starts.push_back(from.starts.empty() ? 0 : from.starts[i]);
  }
  if (!from.histograms.empty() || !histograms.empty()) {
    histograms.resize(t.size());
    histograms.push_back(from.histograms.empty() ? nullptr : from.histograms[i]);
  }
  t.push_back(from.t[i]);
  v.push_back(from.v[i]);
}

BlockSampleIterator::BlockSampleIterator(std::shared_ptr<BlockReads> reads,
                                         std::shared_ptr<const void> owner,
                                         std::span<const SeriesMerge::Part> parts)
    : reads_(std::move(reads)), owner_(std::move(owner)), parts_(parts) {}

BlockSampleIterator::~BlockSampleIterator() {
  if (values_.capacity() > 0) reads_->GiveBuffer(std::move(values_));
}

// The columns of the next blocks that may overlap, in ascending time.
bool BlockSampleIterator::LoadCluster() {
  columns_.clear();
  at_ = 0;
  while (columns_.empty()) {
    if (parts_.empty()) return false;
    const uint32_t cluster = reads_->cluster(parts_.front().block);
    size_t loaded = 0;
    for (; !parts_.empty() && reads_->cluster(parts_.front().block) == cluster; ++loaded) {
      reads_->FindColumns(parts_.front(), columns_);
      parts_ = parts_.subspan(1);
    }
    if (loaded > 1) {
      std::stable_sort(
          columns_.begin(), columns_.end(),
          [](const FoundColumn& a, const FoundColumn& b) { return a.first < b.first; });
    }
  }
  return true;
}

size_t BlockSampleIterator::OverlapEnd() const {
  TimestampMs last = columns_[at_].last;
  size_t end = at_ + 1;
  for (; end < columns_.size() && columns_[end].first <= last; ++end)
    last = std::max(last, columns_[end].last);
  return end;
}

bool BlockSampleIterator::Cut(const FoundColumn& column, size_t& begin, size_t& end, Times& times) {
  const TimeRange range = reads_->range();
  begin = 0;
  end = column.count;
  if (column.first >= range.start && column.last < range.end) return true;
  times = reads_->TimesOf(column);
  if (times == nullptr) return false;
  const auto place = [&](TimestampMs t) {
    return static_cast<size_t>(std::lower_bound(times->begin(), times->end(), t) - times->begin());
  };
  begin = place(range.start);
  end = place(range.end);
  return begin < end;
}

bool BlockSampleIterator::Decode(const FoundColumn& found, size_t begin, size_t end) {
  times_ = reads_->TimesOf(found);
  if (times_ == nullptr) return false;
  ColumnParts parts;
  absl::Status status = SplitColumn(found.column, parts);
  const size_t n = end - begin;
  if (values_.capacity() == 0) values_ = reads_->TakeBuffer();
  values_.resize(n);
  if (status.ok()) status = DecodeColumnValues(found.column, parts, found.count, begin, values_);
  has_starts_ = found.column.has(kColumnStarts);
  if (status.ok() && has_starts_) {
    starts_.resize(n);
    status = DecodeColumnStarts(parts, found.count, begin, starts_);
  }
  has_histograms_ = found.column.has(kColumnHistograms);
  if (status.ok() && has_histograms_) {
    histograms_.resize(n);
    status = DecodeHistograms(parts.histograms, found.count, begin, histograms_);
  }
  if (!status.ok()) reads_->block(found.block).MarkDamaged(status);
  return status.ok();
}

SampleBatch BlockSampleIterator::Decoded(size_t begin, size_t end) const {
  SampleBatch out;
  out.t = std::span(*times_).subspan(begin, end - begin);
  out.v = values_;
  if (has_histograms_) out.histograms = histograms_;
  if (has_starts_) out.starts = starts_;
  return out;
}

// A column by itself of which nothing was deleted.
bool BlockSampleIterator::IsPlain(size_t end) const {
  return end - at_ == 1 && reads_->Deleted(columns_[at_].block, columns_[at_].series).empty();
}

// columns_[at_, end) without what was deleted, merged into merged_.
void BlockSampleIterator::CopyMerged(size_t end) {
  merged_.Clear();
  std::stable_sort(columns_.begin() + static_cast<ptrdiff_t>(at_),
                   columns_.begin() + static_cast<ptrdiff_t>(end),
                   [&](const FoundColumn& a, const FoundColumn& b) {
                     return reads_->block(a.block).order() < reads_->block(b.block).order();
                   });
  for (size_t i = at_; i < end; ++i) {
    const FoundColumn& column = columns_[i];
    size_t first = 0, last = 0;
    Times times;
    if (!Cut(column, first, last, times) || !Decode(column, first, last)) continue;
    const SampleBatch decoded = Decoded(first, last);
    deleted_ = reads_->Deleted(column.block, column.series);
    part_.Clear();
    for (size_t k = 0; k < decoded.t.size(); ++k) {
      if (!IsDeleted(deleted_, decoded.t[k])) part_.Add(decoded, k);
    }
    Merge(merged_.View(), part_.View(), merging_);
    std::swap(merged_, merging_);
  }
}

bool BlockSampleIterator::HasNext() {
  while (!has_merged_) {
    if (at_ == columns_.size() && !LoadCluster()) return false;
    const size_t end = OverlapEnd();
    if (IsPlain(end)) {
      size_t first = 0, last = 0;
      Times times;
      if (Cut(columns_[at_], first, last, times)) return true;
    } else {
      CopyMerged(end);
      has_merged_ = !merged_.t.empty();
    }
    at_ = end;
  }
  return true;
}

bool BlockSampleIterator::Next(SampleBatch& out) {
  while (HasNext()) {
    if (std::exchange(has_merged_, false)) {
      out = merged_.View();
      return true;
    }
    const FoundColumn& column = columns_[at_++];
    size_t begin = 0, end = 0;
    Times times;
    if (!Cut(column, begin, end, times) || !Decode(column, begin, end)) continue;
    out = Decoded(begin, end);
    return true;
  }
  return false;
}

bool BlockSampleIterator::SummaryOf(const FoundColumn& column, SampleSummary& out) const {
  const TimeRange range = reads_->range();
  return column.first >= range.start && column.last < range.end &&
         !column.column.has(kColumnHistograms | kColumnStarts | kColumnNaN) &&
         ReadColumnSummary(column.column, column.count, column.first, column.last, out);
}

SampleIterator::Run BlockSampleIterator::NextRun(IsEnough is_enough, SampleBatch& batch,
                                                 SampleSummary& summary) {
  if (HasNext() && !has_merged_ && SummaryOf(columns_[at_], summary) && is_enough(summary)) {
    ++at_;
    return Run::kSummary;
  }
  return Next(batch) ? Run::kBatch : Run::kEnd;
}

}  // namespace slowburn::tsdb
