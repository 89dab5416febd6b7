// KeptRange: one range query's use of the ResultCache.
//
//   KeptRange kept(cache, epochs, id, reads, timeline, settled);   // before the Querier is made
//   kept.Look();                                                   // after
//   for (const Timeline& piece : kept.pieces()) kept.Add(piece, evaluated series);
//   result.series = kept.TakeSeries();   // in no order
//   kept.Keep(result.series);            // the pieces were evaluated without annotations
//
// At most two pieces are evaluated: what is before and what is after the longest run of true tiles.
//
// Threads: one query, one thread. Lifetimes: borrows cache and epochs.
#ifndef SLOWBURN_QUERY_KEPT_RANGE_H_
#define SLOWBURN_QUERY_KEPT_RANGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "query/cache_rules.h"
#include "query/plan/timeline.h"
#include "query/result_cache.h"
#include "tsdb/change_epochs.h"

namespace slowburn::query {

class KeptRange {
 public:
  // Of samples that are not older than `settled` nothing is kept. REQUIRES: IsAligned(timeline).
  KeptRange(ResultCache& cache, tsdb::ChangeEpochs& epochs, std::string id, ReadsByMetric reads,
            const Timeline& timeline, TimestampMs settled);
  static bool IsAligned(const Timeline& timeline) {
    return timeline.start >= 0 && timeline.start % timeline.step == 0;
  }

  // False: nothing of this query is to be kept, since it has annotations; forget this object.
  bool Look();
  const std::vector<Timeline>& pieces() const { return pieces_; }
  bool has_kept() const { return kept_until_ > kept_from_; }
  // About, of what the tiles add to the answer.
  size_t kept_bytes() const;

  // In the order of the pieces.
  void Add(std::vector<Series> series);
  std::vector<Series> TakeSeries();
  void Keep(const std::vector<Series>& answer);
  void NoteAnnotations();

 private:
  struct Tile {
    int64_t index = 0;
    std::optional<uint64_t> epoch;  // before the Querier
    std::shared_ptr<const ResultTile> kept;
  };

  TimestampMs StartOf(int64_t index) const {
    return index * ResultCache::kTileSteps * timeline_.step;
  }
  std::optional<uint64_t> EpochOf(int64_t index) const;
  TimestampMs ReadsUntil(int64_t index) const;
  void Choose();
  void TakeTiles();
  void Append(const Series& from, TimestampMs start, TimestampMs end);
  ResultTile Cut(const std::vector<Series>& answer, int64_t index) const;

  ResultCache& cache_;
  tsdb::ChangeEpochs& epochs_;
  const std::string id_;
  const ReadsByMetric reads_;
  const Timeline timeline_;
  const TimestampMs settled_;
  std::vector<Tile> tiles_;                // all that the range touches
  size_t kept_from_ = 0, kept_until_ = 0;  // of tiles_, those that are used
  std::vector<Timeline> pieces_;
  size_t added_ = 0;  // pieces
  std::vector<Series> series_;
  absl::flat_hash_map<tsdb::Labels, size_t> place_;  // in series_
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_KEPT_RANGE_H_
