// ResultCache: answers of range queries, kept in tiles. A dashboard that asks again a minute later
// has most of them.
//
// Design:
//   tile      kTileSteps steps of one query, at multiples of the step;
//             [i * kTileSteps, (i+1) * kTileSteps) * step. What is kept is the finished answer
//             (labels, times, values), so that it is equal to the last bit.
//   key       the query's text as it is printed, the step, the lookback. A query is kept only if
//             its value at a step depends on the samples in a window around that step and on
//             nothing else, such as the range that is asked for: see cache_rules.h.
//   horizon   tiles are kept when all samples that they may look at are older than those that
//             usually still come.
//   validity  a tile has the numbers that tsdb::ChangeEpochs had for its metrics and times before
//             it was made; it is used while they are the same. Late samples, deletions and
//             retention change them.
//   failures  nothing is kept of a query that failed or has annotations: their texts tell of the
//             whole range.
//   use       kept_range.h finds the longest run of tiles and has the steps on both sides of it
//             evaluated.
//
// This class is the store: bounded in bytes, the tile that was not asked for longest goes first.
//
// Threads: thread-safe. Tiles are immutable and live as long as somebody holds them.
#ifndef SLOWBURN_QUERY_RESULT_CACHE_H_
#define SLOWBURN_QUERY_RESULT_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "query/value.h"

namespace slowburn::query {

struct ResultTile {
  std::vector<Series> series;  // those that have a point in it, sorted by labels
  uint64_t epoch = 0;
  size_t bytes = 0;  // about
};

class ResultCache {
 public:
  static constexpr int64_t kTileSteps = 64;
  // At this index stands, for a query with annotations, that its tiles cannot be used.
  static constexpr int64_t kHasAnnotations = INT64_MIN;

  ResultCache(size_t limit_bytes, prometheus::Registry& registry);
  ResultCache(const ResultCache&) = delete;
  ResultCache& operator=(const ResultCache&) = delete;

  // Null: there is none.
  std::shared_ptr<const ResultTile> Find(const std::string& query, int64_t index)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Replaces what is there.
  void Put(const std::string& query, int64_t index, ResultTile tile) ABSL_LOCKS_EXCLUDED(mu_);

  // For the metrics: steps that were taken from tiles, and steps that had to be evaluated; tiles
  // that were no longer true.
  void Count(size_t kept_steps, size_t evaluated_steps, size_t outdated_tiles);
  size_t bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Key = std::pair<std::string, int64_t>;
  struct Entry {
    Key key;
    std::shared_ptr<const ResultTile> tile;
  };

  void Erase(std::list<Entry>::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t limit_;
  prometheus::Counter& kept_steps_;
  prometheus::Counter& evaluated_steps_;
  prometheus::Counter& outdated_;
  prometheus::Counter& evicted_;
  prometheus::Gauge& held_;

  mutable base::Mutex mu_;
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mu_);  // the last asked for first
  absl::flat_hash_map<Key, std::list<Entry>::iterator> by_key_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_RESULT_CACHE_H_
