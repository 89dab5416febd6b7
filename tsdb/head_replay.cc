// The part of Head that is filled from the log, at start: many samples of a series at a time, and
// several series at once.
#include <algorithm>
#include <utility>

#include "tsdb/head.h"
#include "tsdb/head_columns.h"

namespace slowburn::tsdb {
namespace {

constexpr CommitNumber kFromTheLog = 0;  // every reader sees it
constexpr size_t kSeriesAhead = 8;       // of the index, fetched before they are looked up

size_t StepsOf(size_t bytes) { return (bytes + OpenChunk::kStep - 1) / OpenChunk::kStep; }

}  // namespace

void Head::MakeLogged(std::span<const LabelView> pairs, std::span<PairId> ids,
                      std::span<LoggedSeries> series) {
  std::vector<PairId> of_all;
  std::vector<LabelIndex::IdsKey> keys;
  size_t count = 0;
  for (const LoggedSeries& one : series) count += one.numbers.size();
  of_all.reserve(count);  // keys point into it
  keys.reserve(series.size());
  base::WriterLock lock(index_mu_);
  for (const LoggedSeries& one : series) {
    const size_t begin = of_all.size();
    for (const uint32_t number : one.numbers) {
      if (ids[number] == LabelIndex::kNoPair)
        ids[number] = index_.Intern(pairs[number].name, pairs[number].value);
      of_all.push_back(ids[number]);
    }
    keys.push_back(LabelIndex::KeyOf(std::span(of_all).subspan(begin)));
  }
  for (size_t i = 0; i < series.size(); ++i) {
    if (i + kSeriesAhead < series.size()) index_.Prefetch(keys[i + kSeriesAhead]);
    Slot& slot = series[i].slot;
    slot = index_.FindSeries(keys[i]);
    if (slot != kNoSlot) continue;
    slot = series_.Allocate();
    if (slot == kNoSlot) continue;
    series_[slot].labels = index_.InsertSeries(keys[i], slot);
    series_[slot].state.store(SeriesState::kLive, std::memory_order_release);
  }
}

// Puts what was encoded behind the open chunk, which may not be there yet.
void Head::ReplayBytes(Series& series, std::span<const uint8_t> bytes, ReplayTally& tally) {
  const size_t size = series.open_size + bytes.size();
  const size_t steps = std::max<size_t>(StepsOf(size), 1);
  if (series.open == nullptr) {
    series.open = OpenChunk::New(steps * OpenChunk::kStep);
    tally.bytes += sizeof(OpenChunk) + steps * OpenChunk::kStep;
    series.open_capacity = static_cast<uint8_t>(steps);
  } else if (steps > series.open_capacity) {
    const size_t grown = std::max<size_t>(steps, series.open_capacity * 3U / 2);
    series.open = OpenChunk::Grow(series.open, series.open_size, grown * OpenChunk::kStep);
    tally.bytes += (grown - series.open_capacity) * OpenChunk::kStep;
    series.open_capacity = static_cast<uint8_t>(grown);
  }
  std::copy(bytes.begin(), bytes.end(), series.open->bytes() + series.open_size);
  series.open_size = static_cast<uint16_t>(size);
}

// Appends what is in order. Returns how many samples that were, from the first one on.
size_t Head::ReplayInOrder(Series& series, std::span<const LoggedSample> samples,
                           ReplayTally& tally) {
  TimestampMs newest = series.newest.load(std::memory_order_relaxed);
  if (series.Is(Series::kHasSamples) && samples.front().t <= newest) return 0;
  if (series.extra != nullptr && series.extra->open_histograms != nullptr)
    CloseChunk(series, newest);
  uint8_t bytes[kBytesPerChunk + kMaxSampleBytes];
  size_t size = 0, unsaved = 0;  // what is encoded in `bytes` and not in the chunk yet
  size_t count = series.open_count;
  ColumnTail tail;
  TimestampMs first_t = 0;
  uint64_t first_bits = 0;
  if (count > 0) {
    tail = TailOf(series, newest, series.newest_bits);
    first_t = series.open->first_t;
    first_bits = series.open->first_bits;
  }
  const auto save = [&] {
    ReplayBytes(series, {bytes, size}, tally);
    series.appended += static_cast<uint32_t>(unsaved);
    size = unsaved = 0;
    series.open->first_t = first_t;
    series.open->first_bits = first_bits;
    series.open_count = static_cast<uint8_t>(count);
    SaveTail(series, tail);
  };
  size_t n = 0;
  for (; n < samples.size(); ++n) {
    const LoggedSample& sample = samples[n];
    if (n > 0 && sample.t <= newest) break;
    const bool full = count >= kSamplesPerChunk || series.open_size + size >= kBytesPerChunk;
    if (count > 0 && (full || !ShareWindow(first_t, sample.t, tally.window))) {
      save();
      CloseChunk(series, newest);
      count = 0;
    }
    if (count == 0) {
      first_t = sample.t;
      first_bits = sample.bits;
      tail = ColumnTail();
      tail.t = first_t;
      tail.bits = first_bits;
      series.open_size = 0;
      series.has_start = false;
    }
    uint8_t* const last = size > 0               ? bytes + size - 1
                          : series.open_size > 0 ? series.open->bytes() + series.open_size - 1
                                                 : nullptr;
    size += EncodeSample(tail, sample.t, sample.bits, 0, last, bytes + size);
    ++count, ++unsaved;
    newest = sample.t;
  }
  save();
  series.has_start = false;  // none of these has one
  series.newest.store(newest, std::memory_order_relaxed);
  series.newest_bits = samples[n - 1].bits;
  series.Set(Series::kHasSamples);
  series.Set(Series::kNewestIsHistogram, false);
  tally.samples += n;
  tally.Note(samples[0].t);
  tally.Note(newest);
  return n;
}

void Head::Replay(Slot slot, std::span<const LoggedSample> samples, ReplayTally& tally) {
  while (!samples.empty()) {
    const size_t n = ReplayInOrder(series_[slot], samples, tally);
    samples = samples.subspan(n);
    if (samples.empty()) return;
    ReplayOne(slot, samples.front(), nullptr, 0, tally);
    samples = samples.subspan(1);
  }
}

void Head::ReplayOne(Slot slot, const LoggedSample& logged, const HistogramPtr& histogram,
                     TimestampMs start, ReplayTally& tally) {
  const auto [t, bits, ignored_slot, ignored_detail] = logged;
  Series& series = series_[slot];
  StagedSample sample{t, bits, series.newest.load(std::memory_order_relaxed), series.newest_bits,
                      slot};
  sample.late = series.Is(Series::kHasSamples) && t <= sample.before_t;
  if (sample.late && Compare(series, t, bits, histogram) == Stored::kEqual) return;
  const StagedDetail detail{histogram, start, nullptr};
  ApplyOne(series, sample, &detail, kFromTheLog, tally.window);
  tally.Note(t);
  ++tally.samples;
  if (sample.late && t < sample.before_t) return;
  // The chunk's last sample is now hidden by a late one: what follows must not be encoded against
  // it.
  if (sample.late && series.open_count > 0) CloseChunk(series, t);
  series.newest.store(t, std::memory_order_relaxed);
  series.newest_bits = bits;
  series.Set(Series::kHasSamples);
  series.Set(Series::kNewestIsHistogram, histogram != nullptr);
  if (histogram != nullptr) Extra(series).newest_histogram = histogram;
}

void Head::ReplayWithoutSamples(Slot slot, TimestampMs exemplar) {
  Series& series = series_[slot];
  const TimestampMs newest = series.newest.load(std::memory_order_relaxed);
  if (!series.Is(Series::kHasSamples) && exemplar > newest)
    series.newest.store(exemplar, std::memory_order_relaxed);
}

void Head::AddReplayed(const ReplayTally& tally) {
  samples_ += tally.samples;
  sample_bytes_ += tally.bytes;
  if (tally.samples == 0) return;
  NoteTime(tally.min_t);
  NoteTime(tally.max_t);
}

}  // namespace slowburn::tsdb
