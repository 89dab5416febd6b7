// ScrapeCache: what is known of one target's series from one scrape to the next: the store's
// reference for each series text, which texts relabelling drops, which series must be marked stale
// when they vanish, and the metadata.
//
// An iteration is one scrape: Find/Add/Track for each sample, then EndIteration. A scrape that
// fails half-way is taken back with Rollback. Threads: one at a time, but for Metadata() and
// MetadataOf(), which any thread may call.
#ifndef SLOWBURN_INGEST_SCRAPE_CACHE_H_
#define SLOWBURN_INGEST_SCRAPE_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "tsdb/labels.h"
#include "tsdb/storage.h"

namespace slowburn::ingest {

class ScrapeCache {
 public:
  struct Entry {
    tsdb::SeriesRef ref = tsdb::SeriesRef::kUnknown;
    tsdb::Labels labels;          // after relabelling; empty: dropped by it
    uint64_t seen = 0;            // iteration of the last sample
    uint64_t tracked = 0;         // iteration in which it was last to be marked stale when absent
    uint64_t tracked_before = 0;  // what `tracked` was before this iteration
    bool dropped() const { return labels.empty(); }
  };

  // Null: not known. Pointers live until the entry is not seen for a scrape.
  Entry* Find(const tsdb::RawKey& key);
  Entry& Add(const tsdb::RawKey& key, tsdb::Labels labels);
  // Notes that the entry had a sample in this iteration. False: it had one already.
  bool See(Entry& entry);
  void Track(Entry& entry);

  // Series that were tracked in the iteration before and not in this one. After Rollback: all that
  // were tracked before.
  void ForEachStale(const std::function<void(Entry&)>& visit);

  // This iteration's samples were not stored: forgets references that it made and what it tracked.
  void Rollback();
  // The commit failed: what was tracked stays so, the references may not exist.
  void ForgetReferences();
  // kFlush after a good scrape: forgets what was not seen. kKeep after a failed one, until too much
  // has gathered.
  enum class End : uint8_t { kFlush, kKeep };
  // True when entries were thrown away although the scrape failed.
  bool EndIteration(End end);

  void SetType(std::string_view family, tsdb::MetricType type);
  void SetHelp(std::string_view family, std::string_view help);
  void SetUnit(std::string_view family, std::string_view unit);
  // Families whose metadata changed since the last call of MarkMetadataStored.
  std::vector<tsdb::MetricMetadata> ChangedMetadata() const;
  void MarkMetadataStored();
  std::vector<tsdb::MetricMetadata> AllMetadata() const;  // sorted by metric
  std::optional<tsdb::Metadata> MetadataOf(std::string_view family) const;

 private:
  struct KeyHash {
    size_t operator()(const tsdb::RawKey& key) const { return key.low; }
  };
  struct MetadataEntry {
    tsdb::Metadata metadata;
    uint64_t seen = 0;
    bool stored = false;
  };

  MetadataEntry& TouchMetadata(std::string_view family) ABSL_EXCLUSIVE_LOCKS_REQUIRED(metadata_mu_);

  uint64_t iteration_ = 2;  // so that an entry that was never tracked (0) is not of the one before
  size_t good_size_ = 0;    // entries after the last good scrape
  std::unordered_map<tsdb::RawKey, Entry, KeyHash> entries_;

  mutable base::Mutex metadata_mu_;
  std::map<std::string, MetadataEntry, std::less<>> metadata_ ABSL_GUARDED_BY(metadata_mu_);
};

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_SCRAPE_CACHE_H_
