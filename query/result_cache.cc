#include "query/result_cache.h"

namespace slowburn::query {
namespace {

constexpr size_t kBytesPerEntry = 256;  // list, table, and the tile itself

prometheus::Counter& Steps(prometheus::Registry& r, const char* source) {
  return base::AddCounter(r, "slowburn_query_cache_steps_total",
                          "Steps of range queries that may be kept, by where they came from.",
                          {{"source", source}});
}

}  // namespace

ResultCache::ResultCache(size_t limit_bytes, prometheus::Registry& registry)
    : limit_(limit_bytes),
      kept_steps_(Steps(registry, "cache")),
      evaluated_steps_(Steps(registry, "evaluation")),
      outdated_(base::AddCounter(registry, "slowburn_query_cache_outdated_tiles_total",
                                 "Tiles whose samples had changed when they were asked for.")),
      evicted_(base::AddCounter(registry, "slowburn_query_cache_evicted_tiles_total",
                                "Tiles that had to make room for others.")),
      held_(base::AddGauge(registry, "slowburn_query_cache_bytes",
                           "Memory that kept answers take, by our estimate.")) {
  base::AddGauge(registry, "slowburn_query_cache_limit_bytes", "--query.result-cache-size.")
      .Set(double(limit_bytes));
}

std::shared_ptr<const ResultTile> ResultCache::Find(const std::string& query, int64_t index) {
  base::MutexLock lock(mu_);
  const auto found = by_key_.find(Key(query, index));
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->tile;
}

void ResultCache::Put(const std::string& query, int64_t index, ResultTile tile) {
  tile.bytes += kBytesPerEntry + 2 * query.size();
  if (tile.bytes > limit_) return;
  base::MutexLock lock(mu_);
  Key key(query, index);
  if (const auto found = by_key_.find(key); found != by_key_.end()) Erase(found->second);
  while (bytes_ + tile.bytes > limit_) {
    Erase(std::prev(entries_.end()));
    evicted_.Increment();
  }
  bytes_ += tile.bytes;
  entries_.push_front({key, std::make_shared<const ResultTile>(std::move(tile))});
  by_key_.emplace(std::move(key), entries_.begin());
  held_.Set(double(bytes_));
}

void ResultCache::Erase(std::list<Entry>::iterator entry) {
  bytes_ -= entry->tile->bytes;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

void ResultCache::Count(size_t kept_steps, size_t evaluated_steps, size_t outdated_tiles) {
  kept_steps_.Increment(double(kept_steps));
  evaluated_steps_.Increment(double(evaluated_steps));
  outdated_.Increment(double(outdated_tiles));
}

size_t ResultCache::bytes() const {
  base::MutexLock lock(mu_);
  return bytes_;
}

}  // namespace slowburn::query
