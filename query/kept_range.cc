#include "query/kept_range.h"

#include <algorithm>
#include <utility>

#include "query/histogram/arithmetic.h"

namespace slowburn::query {
namespace {

constexpr size_t kBytesPerHistogramUnit = 16;  // of SampleWeight
constexpr size_t kBytesPerLabels = 160;        // shared by the tiles of one evaluation

size_t BytesOf(const Series& series) {
  size_t bytes = sizeof(Series) + kBytesPerLabels + series.floats.size() * sizeof(tsdb::Sample);
  for (const HistogramPoint& point : series.histograms) {
    bytes += sizeof(HistogramPoint) + size_t(SampleWeight(*point.h)) * kBytesPerHistogramUnit;
  }
  return bytes;
}

template <typename Point>
std::pair<size_t, size_t> PlacesIn(const std::vector<Point>& points, TimestampMs start,
                                   TimestampMs end) {
  const auto first = std::ranges::lower_bound(points, start, {}, &Point::t);
  const auto last = std::ranges::lower_bound(first, points.end(), end, {}, &Point::t);
  return {size_t(first - points.begin()), size_t(last - points.begin())};
}

template <typename Point>
void AppendPoints(const std::vector<Point>& from, TimestampMs start, TimestampMs end,
                  std::vector<Point>& to) {
  const auto [first, last] = PlacesIn(from, start, end);
  to.insert(to.end(), from.begin() + ptrdiff_t(first), from.begin() + ptrdiff_t(last));
}

}  // namespace

KeptRange::KeptRange(ResultCache& cache, tsdb::ChangeEpochs& epochs, std::string id,
                     ReadsByMetric reads, const Timeline& timeline, TimestampMs settled)
    : cache_(cache),
      epochs_(epochs),
      id_(std::move(id)),
      reads_(std::move(reads)),
      timeline_(timeline),
      settled_(settled) {
  const DurationMs width = ResultCache::kTileSteps * timeline_.step;
  TimestampMs watched = tsdb::kMinTime;
  for (int64_t index = timeline_.start / width; StartOf(index) <= timeline_.last(); ++index) {
    if (ReadsUntil(index) > settled_) break;
    watched = ReadsUntil(index);
    tiles_.push_back({index, std::nullopt, nullptr});
  }
  if (tiles_.empty()) return;
  epochs_.Watch(watched);
  for (Tile& tile : tiles_) tile.epoch = EpochOf(tile.index);
}

TimestampMs KeptRange::ReadsUntil(int64_t index) const {
  const TimestampMs last_step = StartOf(index + 1) - timeline_.step;
  TimestampMs until = tsdb::kMinTime;
  for (const auto& [metric, reads] : reads_) until = std::max(until, last_step + reads.last + 1);
  return until;
}

std::optional<uint64_t> KeptRange::EpochOf(int64_t index) const {
  const TimestampMs first_step = StartOf(index), last_step = StartOf(index + 1) - timeline_.step;
  uint64_t sum = 0;
  for (const auto& [metric, reads] : reads_) {
    const std::optional<uint64_t> epoch =
        epochs_.Of(metric, {first_step + reads.first, last_step + reads.last + 1});
    if (!epoch) return std::nullopt;
    sum += *epoch;
  }
  return sum;
}

bool KeptRange::Look() {
  if (cache_.Find(id_, ResultCache::kHasAnnotations) != nullptr) return false;
  size_t outdated = 0;
  for (Tile& tile : tiles_) {
    tile.kept = cache_.Find(id_, tile.index);
    if (tile.kept == nullptr || tile.kept->epoch == EpochOf(tile.index)) continue;
    tile.kept = nullptr;
    ++outdated;
  }
  Choose();
  size_t evaluated = 0;
  for (const Timeline& piece : pieces_) evaluated += piece.steps();
  cache_.Count(timeline_.steps() - evaluated, evaluated, outdated);
  return true;
}

// The longest run of tiles, and what is to be evaluated around it.
void KeptRange::Choose() {
  for (size_t i = 0; i < tiles_.size();) {
    size_t end = i;
    while (end < tiles_.size() && tiles_[end].kept != nullptr) ++end;
    if (end - i > kept_until_ - kept_from_) kept_from_ = i, kept_until_ = end;
    i = end + 1;
  }
  if (!has_kept()) {
    pieces_.push_back(timeline_);
    return;
  }
  const TimestampMs kept_start = StartOf(tiles_[kept_from_].index);
  const TimestampMs kept_end = StartOf(tiles_[kept_until_ - 1].index + 1);
  if (kept_start > timeline_.start)
    pieces_.push_back({timeline_.start, kept_start - timeline_.step, timeline_.step});
  else
    TakeTiles();
  if (kept_end <= timeline_.last()) pieces_.push_back({kept_end, timeline_.end, timeline_.step});
}

size_t KeptRange::kept_bytes() const {
  size_t bytes = 0;
  for (size_t i = kept_from_; i < kept_until_; ++i) bytes += tiles_[i].kept->bytes;
  return bytes;
}

void KeptRange::Append(const Series& from, TimestampMs start, TimestampMs end) {
  const auto [place, fresh] = place_.try_emplace(from.labels, series_.size());
  if (fresh) series_.emplace_back().labels = from.labels;
  Series& to = series_[place->second];
  AppendPoints(from.floats, start, end, to.floats);
  AppendPoints(from.histograms, start, end, to.histograms);
}

// Of the first and the last tile perhaps a part.
void KeptRange::TakeTiles() {
  for (size_t i = kept_from_; i < kept_until_; ++i) {
    for (const Series& series : tiles_[i].kept->series)
      Append(series, timeline_.start, timeline_.last() + 1);
  }
}

void KeptRange::Add(std::vector<Series> series) {
  const bool before_tiles = has_kept() && pieces_[added_].start < StartOf(tiles_[kept_from_].index);
  if (!has_kept()) {
    series_ = std::move(series);
  } else {
    for (const Series& one : series) Append(one, timeline_.start, timeline_.last() + 1);
  }
  ++added_;
  if (before_tiles) TakeTiles();
}

ResultTile KeptRange::Cut(const std::vector<Series>& answer, int64_t index) const {
  ResultTile tile;
  const TimestampMs start = StartOf(index), end = StartOf(index + 1);
  for (const Series& from : answer) {
    Series to;
    AppendPoints(from.floats, start, end, to.floats);
    AppendPoints(from.histograms, start, end, to.histograms);
    if (to.floats.empty() && to.histograms.empty()) continue;
    to.labels = from.labels;
    tile.bytes += BytesOf(to);
    tile.series.push_back(std::move(to));
  }
  return tile;
}

void KeptRange::Keep(const std::vector<Series>& answer) {
  for (size_t i = 0; i < tiles_.size(); ++i) {
    const Tile& tile = tiles_[i];
    const bool whole = StartOf(tile.index) >= timeline_.start &&
                       StartOf(tile.index + 1) - timeline_.step <= timeline_.last();
    if (!whole || !tile.epoch || (i >= kept_from_ && i < kept_until_)) continue;
    ResultTile made = Cut(answer, tile.index);
    made.epoch = *tile.epoch;
    cache_.Put(id_, tile.index, std::move(made));
  }
}

void KeptRange::NoteAnnotations() { cache_.Put(id_, ResultCache::kHasAnnotations, {}); }

std::vector<Series> KeptRange::TakeSeries() {
  // A tile of which only a part is asked for may have series that have nothing in that part.
  std::erase_if(series_, [](const Series& s) { return s.floats.empty() && s.histograms.empty(); });
  return std::move(series_);
}

}  // namespace slowburn::query
