// The writing half of Head: what the committer found acceptable becomes part of the series.
#include <algorithm>
#include <bit>

#include "tsdb/head.h"
#include "tsdb/head_columns.h"
#include "tsdb/histogram.h"
#include "tsdb/partition.h"
#include "tsdb/sample_bytes.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kAhead = 12;  // samples whose memory is fetched before it is needed

}  // namespace

static_assert((kBytesPerChunk + kMaxSampleBytes) * 3 / 2 / OpenChunk::kStep < 255,
              "fits open_capacity");

void Head::PutBytes(Series& series, const uint8_t* bytes, size_t count) {
  const size_t size = series.open_size + count;
  const size_t capacity = series.open_capacity * OpenChunk::kStep;
  if (size > capacity) {
    const size_t steps =
        (std::max(size, capacity + capacity / 2) + OpenChunk::kStep - 1) / OpenChunk::kStep;
    series.open = OpenChunk::Grow(series.open, series.open_size, steps * OpenChunk::kStep);
    series.open_capacity = static_cast<uint8_t>(steps);
    sample_bytes_ += steps * OpenChunk::kStep - capacity;
  }
  std::copy(bytes, bytes + count, series.open->bytes() + series.open_size);
  series.open_size = static_cast<uint16_t>(size);
}

// Samples share a chunk only within one partition, and on one side of where a seal cut or cuts: a
// seal takes whole chunks.
TimeRange Head::WindowOf(TimestampMs t) const {
  TimeRange window = PartitionOf(t);
  if (seal_until_ > window.start && seal_until_ < window.end) {
    (t < seal_until_ ? window.end : window.start) = seal_until_;
  }
  return window;
}

bool Head::ShareWindow(TimestampMs first, TimestampMs t, TimeRange& window) const {
  if (!window.Contains(t)) [[unlikely]]
    window = WindowOf(t);
  return window.Contains(first);
}

// Whether the open chunk cannot take a sample at `t`.
bool Head::IsFull(const Series& series, TimestampMs t, TimeRange& window) const {
  return series.open_count >= kSamplesPerChunk || series.open_size >= kBytesPerChunk ||
         !ShareWindow(series.open->first_t, t, window);
}

SeriesExtra& Head::Extra(Series& series) {
  if (series.extra == nullptr) series.extra = new SeriesExtra;
  return *series.extra;
}

void Head::SetNewestHistogram(Slot slot, HistogramPtr histogram) {
  Series& series = series_[slot];
  base::MutexLock lock(shards_[ShardOf(slot)].mu);
  Extra(series).newest_histogram = std::move(histogram);
}

size_t Head::Apply(std::span<const StagedSample> samples, const std::vector<StagedDetail>& details,
                   CommitNumber commit) {
  // Stable order by shard: each lock is taken once, and a series' samples stay in their order.
  std::array<uint32_t, kShards + 1> begin{};
  for (const StagedSample& sample : samples) ++begin[ShardOf(sample.slot) + 1];
  for (size_t i = 1; i <= kShards; ++i) begin[i] += begin[i - 1];
  std::array<uint32_t, kShards> next{};
  std::copy(begin.begin(), begin.end() - 1, next.begin());
  shard_order_.resize(samples.size());
  for (uint32_t i = 0; i < samples.size(); ++i) shard_order_[next[ShardOf(samples[i].slot)]++] = i;

  size_t new_series = 0;
  Snapshots::Publishing publishing(snapshots_);
  for (size_t s = 0; s < kShards; ++s) {
    if (begin[s] == begin[s + 1]) continue;
    Shard& shard = shards_[s];
    base::MutexLock lock(shard.mu);
    PruneVersions(shard, publishing);
    for (uint32_t k = begin[s]; k < begin[s + 1]; ++k) {
      if (k + kAhead < samples.size()) {
        Prefetch(samples[shard_order_[k + kAhead]].slot, Fetch::kChunk);
      }
      const StagedSample& sample = samples[shard_order_[k]];
      const StagedDetail* detail = sample.detail == 0 ? nullptr : &details[sample.detail - 1];
      Series& series = series_[sample.slot];
      BeginCommit(shard, series, sample.slot, commit, publishing);
      NoteTime(sample.t);
      new_series += ApplyOne(series, sample, detail, commit, window_);
    }
  }
  samples_ += samples.size();
  publishing.Publish(commit);
  return new_series;
}

void Head::BeginCommit(Shard& shard, Series& series, Slot slot, CommitNumber commit,
                       const Snapshots::Publishing& publishing) {
  if (series.last_commit == commit) return;
  if (publishing.HasReaderFrom(series.last_commit)) {
    shard.versions[slot].push_back({series.last_commit, commit, series.appended});
  }
  series.last_commit = commit;
}

void Head::PruneVersions(Shard& shard, const Snapshots::Publishing& publishing) {
  const CommitNumber oldest = publishing.oldest();
  if (shard.versions.empty() || shard.pruned_to == oldest) return;
  shard.pruned_to = oldest;
  absl::erase_if(shard.versions, [&](auto& entry) {
    auto& versions = entry.second;
    const auto keep = std::find_if(versions.begin(), versions.end(),
                                   [&](const Version& v) { return v.until > oldest; });
    versions.erase(versions.begin(), keep);
    return versions.empty();
  });
}

bool Head::ApplyOne(Series& series, const StagedSample& sample, const StagedDetail* detail,
                    CommitNumber commit, TimeRange& window) {
  series.Set(Series::kPending, false);
  const bool is_histogram = detail != nullptr && detail->histogram != nullptr;
  const TimestampMs start = detail == nullptr ? 0 : detail->start;
  if (sample.late) {
    InsertLate(series, {sample.t, is_histogram ? 0 : std::bit_cast<double>(sample.bits),
                        is_histogram ? detail->histogram : nullptr, start, commit});
  } else if (is_histogram) {
    AppendHistogram(series, sample, *detail, window);
  } else {
    AppendFloat(series, sample, start, window);
  }
  if (series.state.load(std::memory_order_relaxed) != SeriesState::kReserved) return false;
  series.state.store(SeriesState::kLive, std::memory_order_release);
  return true;
}

void Head::SetNewest(Slot slot, const NewestSample& newest) {
  Series& series = series_[slot];
  series.newest.store(newest.t, std::memory_order_relaxed);
  series.newest_bits = newest.bits;
  series.Set(Series::kHasSamples);
  series.Set(Series::kNewestIsHistogram, newest.histogram != nullptr);
  if (newest.histogram != nullptr) SetNewestHistogram(slot, newest.histogram);
  series.state.store(SeriesState::kLive, std::memory_order_release);
}

void Head::ForgetNewest(Slot slot) {
  Series& series = series_[slot];
  if (series.open_count > 0) return;
  if (series.extra != nullptr && (!series.extra->closed.empty() || !series.extra->late.empty()))
    return;
  series.Set(Series::kHasSamples, false);
  series.Set(Series::kNewestIsHistogram, false);
}

void Head::AppendFloat(Series& series, const StagedSample& sample, TimestampMs start,
                       TimeRange& window) {
  const bool was_histograms = series.extra != nullptr && series.extra->open_histograms != nullptr;
  if (series.open_count > 0 && (was_histograms || IsFull(series, sample.t, window)))
    CloseChunk(series, sample.before_t);
  if (series.open == nullptr) {
    series.open = OpenChunk::New(OpenChunk::kStep);
    series.open_capacity = 1;
    sample_bytes_ += sizeof(OpenChunk) + OpenChunk::kStep;
  }
  if (series.open_count == 0) StartChunk(series, sample.t, sample.bits);
  ColumnTail tail = TailOf(series, sample.before_t, sample.before_bits);
  uint8_t bytes[kMaxSampleBytes];
  uint8_t* const last_byte = series.open->bytes() + series.open_size - 1;
  const size_t size = EncodeSample(tail, sample.t, sample.bits, start, last_byte, bytes);
  if (size > 0) PutBytes(series, bytes, size);
  SaveTail(series, tail);
  if (series.has_start || tail.start != 0) {
    Extra(series).start = tail.start;
    series.has_start = tail.start != 0;
  }
  ++series.open_count;
  ++series.appended;
}

void Head::AppendHistogram(Series& series, const StagedSample& sample, const StagedDetail& detail,
                           TimeRange& window) {
  SeriesExtra& extra = Extra(series);
  if (series.open_count > 0) {
    const HistogramColumn* open = extra.open_histograms.get();
    const bool full = open != nullptr && (series.open_count >= kSamplesPerChunk ||
                                          !ShareWindow(open->t.front(), sample.t, window));
    if (open == nullptr || full) CloseChunk(series, sample.before_t);
  }
  if (extra.open_histograms == nullptr) extra.open_histograms = std::make_unique<HistogramColumn>();
  extra.open_histograms->t.push_back(sample.t);
  extra.open_histograms->histograms.push_back(detail.histogram);
  extra.open_histograms->starts.push_back(detail.start);
  sample_bytes_ += BytesOf(*detail.histogram);
  ++series.open_count;
  ++series.appended;
}

void Head::CloseChunk(Series& series, TimestampMs last_t) {
  SeriesExtra& extra = Extra(series);
  ClosedChunk* chunk = nullptr;
  if (extra.open_histograms != nullptr) {
    chunk = ClosedChunk::New({});
    chunk->first_t = extra.open_histograms->t.front();
    chunk->histograms = std::move(extra.open_histograms);
  } else {
    chunk = ClosedChunk::New({series.open->bytes(), series.open_size});
    chunk->first_t = series.open->first_t;
    chunk->first_bits = series.open->first_bits;
  }
  chunk->last_t = last_t;
  chunk->count = series.open_count;
  sample_bytes_ += sizeof(ClosedChunk) + chunk->size;
  chunk->first_index = series.appended - series.open_count;
  extra.closed.push_back(chunk);
  ++chunks_;
  series.open_count = 0;
}

void Head::InsertLate(Series& series, LateSample sample) {
  std::vector<LateSample>& late = Extra(series).late;
  const auto at = std::lower_bound(late.begin(), late.end(), sample.t,
                                   [](const LateSample& s, TimestampMs t) { return s.t < t; });
  const size_t bytes = BytesOf(sample);
  if (at != late.end() && at->t == sample.t) {
    Uncount(*at);
    *at = std::move(sample);
  } else {
    late.insert(at, std::move(sample));
  }
  sample_bytes_ += bytes;
}

void Head::NoteTime(TimestampMs t) {
  swept_min_ = std::min(swept_min_, t);
  if (t > max_time()) max_time_.store(t, std::memory_order_relaxed);
  if (t < min_time()) min_time_.store(t, std::memory_order_relaxed);
}

void Head::ClearLogged() {
  for (Slot slot = 0, end = series_.end(); slot < end; ++slot)
    series_[slot].Set(Series::kLogged, false);
}

Head::Stored Head::Compare(const Series& series, TimestampMs t, uint64_t bits,
                           const HistogramPtr& histogram) const {
  // The committer is the only writer, so nothing moves underneath.
  const auto judge = [&](uint64_t stored, const HistogramPtr& stored_histogram) {
    if ((histogram == nullptr) != (stored_histogram == nullptr)) return Stored::kOther;
    const bool equal = histogram != nullptr ? *histogram == *stored_histogram : bits == stored;
    return equal ? Stored::kEqual : Stored::kOther;
  };
  const SeriesExtra* extra = series.extra;
  SeriesSamples samples;
  if (extra != nullptr) {
    const auto late =
        std::lower_bound(extra->late.begin(), extra->late.end(), t,
                         [](const LateSample& s, TimestampMs at) { return s.t < at; });
    if (late != extra->late.end() && late->t == t)
      return judge(std::bit_cast<uint64_t>(late->v), late->histogram);
    const auto chunk =
        std::lower_bound(extra->closed.begin(), extra->closed.end(), t,
                         [](const ClosedChunk* c, TimestampMs at) { return c->last_t < at; });
    if (chunk != extra->closed.end()) {
      if ((*chunk)->first_t > t) return Stored::kNothing;
      samples.closed.push_back({*chunk, (*chunk)->count});
    } else if (extra->open_histograms != nullptr) {
      samples.open_histograms = *extra->open_histograms;
      samples.open_count = series.open_count;
    }
  }
  if (samples.closed.empty() && samples.open_count == 0 && series.open_count > 0) {
    samples.open_first_t = series.open->first_t;
    samples.open_first_bits = series.open->first_bits;
    samples.open_count = series.open_count;
    samples.open_bytes.assign(series.open->bytes(), series.open->bytes() + series.open_size);
  }
  ChunkIterator it(std::move(samples), {t, t == kMaxTime ? t : t + 1});
  SampleBatch batch;
  if (!it.Next(batch)) return Stored::kNothing;
  return judge(std::bit_cast<uint64_t>(batch.v[0]),
               batch.histograms.empty() ? nullptr : batch.histograms[0]);
}

}  // namespace slowburn::tsdb
