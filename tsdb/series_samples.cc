#include "tsdb/series_samples.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace slowburn::tsdb {

// Without decoding: the first or the last sample of a chunk is in the range.
bool ChunkIterator::SurelyHasSample() const {
  if (!samples_.late.empty()) return true;  // only those in the range were taken
  for (const SeriesSamples::Part& part : samples_.closed) {
    if (range_.Contains(part.chunk->first_t)) return true;
    if (part.count == part.chunk->count && range_.Contains(part.chunk->last_t)) return true;
  }
  if (samples_.open_count == 0) return false;
  const HistogramColumn& histograms = samples_.open_histograms;
  return range_.Contains(histograms.t.empty() ? samples_.open_first_t : histograms.t.front());
}

bool ChunkIterator::HasSample() {
  if (primed_ || SurelyHasSample()) return true;
  primed_ = Fill();
  return primed_;
}

bool ChunkIterator::Next(SampleBatch& out) {
  if (!std::exchange(primed_, false) && !Fill()) return false;
  const size_t n = end_ - begin_;
  out.t = std::span(column_.t).subspan(begin_, n);
  out.v = std::span(column_.v).subspan(begin_, n);
  out.histograms =
      histograms_.empty() ? std::span<HistogramPtr>() : std::span(histograms_).subspan(begin_, n);
  out.starts = column_.starts.empty() ? std::span<TimestampMs>()
                                      : std::span(column_.starts).subspan(begin_, n);
  return true;
}

bool ChunkIterator::Fill() {
  while (status_.ok()) {
    column_.Clear();
    histograms_.clear();
    if (!samples_.late.empty()) {
      while (FillSome()) {
      }
      MergeLate();
      samples_.late.clear();
    } else {
      while (column_.t.size() < kBatchSamples && FillSome()) {
      }
    }
    if (column_.t.empty()) return false;
    if (status_.ok() && Trim()) return true;
  }
  return false;
}

bool ChunkIterator::FillSome() {
  if (next_ < samples_.closed.size()) return AddClosed(samples_.closed[next_++]);
  if (open_done_ || samples_.open_count == 0) return false;
  open_done_ = true;
  return AddOpen();
}

bool ChunkIterator::AddClosed(const SeriesSamples::Part& part) {
  const ClosedChunk& chunk = *part.chunk;
  if (chunk.histograms != nullptr) {
    AddHistograms(*chunk.histograms, part.count);
    return true;
  }
  if (!DecodeColumn(chunk.bytes(), part.count, chunk.first_t, chunk.first_bits, column_)) {
    status_ =
        absl::DataLossError(absl::StrCat("a chunk from ", chunk.first_t, " in memory is damaged"));
    return false;
  }
  if (!histograms_.empty()) histograms_.resize(column_.t.size());
  return true;
}

bool ChunkIterator::AddOpen() {
  if (!samples_.open_histograms.t.empty()) {
    AddHistograms(samples_.open_histograms, samples_.open_count);
    return true;
  }
  if (!DecodeColumn(samples_.open_bytes, samples_.open_count, samples_.open_first_t,
                    samples_.open_first_bits, column_)) {
    status_ = absl::DataLossError(
        absl::StrCat("the open chunk from ", samples_.open_first_t, " is damaged"));
    return false;
  }
  if (!histograms_.empty()) histograms_.resize(column_.t.size());
  return true;
}

void ChunkIterator::AddHistograms(const HistogramColumn& column, size_t count) {
  const size_t before = column_.t.size();
  histograms_.resize(before);
  column_.starts.resize(before, 0);
  for (size_t i = 0; i < count; ++i) {
    column_.t.push_back(column.t[i]);
    column_.v.push_back(0);
    column_.starts.push_back(column.starts[i]);
    histograms_.push_back(column.histograms[i]);
  }
}

bool ChunkIterator::Trim() {
  const auto first = column_.t.begin();
  begin_ = static_cast<size_t>(std::lower_bound(first, column_.t.end(), range_.start) - first);
  end_ = static_cast<size_t>(std::lower_bound(first, column_.t.end(), range_.end) - first);
  const auto all_zero = [](const std::vector<TimestampMs>& starts) {
    return std::all_of(starts.begin(), starts.end(), [](TimestampMs start) { return start == 0; });
  };
  if (all_zero(column_.starts)) column_.starts.clear();
  return begin_ < end_;
}

void ChunkIterator::MergeLate() {
  Column merged;
  std::vector<HistogramPtr> histograms;
  const size_t in_order = column_.t.size();
  const auto add = [&](TimestampMs t, double v, HistogramPtr histogram, TimestampMs start) {
    merged.t.push_back(t);
    merged.v.push_back(v);
    merged.starts.push_back(start);
    histograms.push_back(std::move(histogram));
  };
  size_t i = 0;
  for (const LateSample& late : samples_.late) {
    for (; i < in_order && column_.t[i] < late.t; ++i) {
      add(column_.t[i], column_.v[i], histograms_.empty() ? nullptr : histograms_[i],
          column_.starts.empty() ? 0 : column_.starts[i]);
    }
    if (i < in_order && column_.t[i] == late.t) ++i;
    add(late.t, late.v, late.histogram, late.start);
  }
  for (; i < in_order; ++i) {
    add(column_.t[i], column_.v[i], histograms_.empty() ? nullptr : histograms_[i],
        column_.starts.empty() ? 0 : column_.starts[i]);
  }
  column_ = std::move(merged);
  histograms_ = std::move(histograms);
  const bool none = std::all_of(histograms_.begin(), histograms_.end(),
                                [](const HistogramPtr& histogram) { return histogram == nullptr; });
  if (none) histograms_.clear();
}

}  // namespace slowburn::tsdb
