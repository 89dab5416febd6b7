#include "ingest/scrape_cache.h"

#include <utility>

namespace slowburn::ingest {
namespace {

constexpr uint64_t kMetadataIterations = 10;  // that metadata outlives its metric
// Entries that failing scrapes may add to twice the good ones.
constexpr size_t kFailedSlack = 1000;

}  // namespace

ScrapeCache::Entry* ScrapeCache::Find(const tsdb::RawKey& key) {
  const auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : &it->second;
}

ScrapeCache::Entry& ScrapeCache::Add(const tsdb::RawKey& key, tsdb::Labels labels) {
  Entry& entry = entries_[key];
  entry.labels = std::move(labels);
  return entry;
}

bool ScrapeCache::See(Entry& entry) { return std::exchange(entry.seen, iteration_) != iteration_; }

void ScrapeCache::Track(Entry& entry) {
  if (entry.tracked == iteration_) return;
  entry.tracked_before = entry.tracked;
  entry.tracked = iteration_;
}

void ScrapeCache::ForEachStale(const std::function<void(Entry&)>& visit) {
  for (auto& [key, entry] : entries_) {
    if (entry.tracked + 1 == iteration_) visit(entry);
  }
}

void ScrapeCache::Rollback() {
  for (auto& [key, entry] : entries_) {
    if (entry.tracked == iteration_) entry.tracked = entry.tracked_before;
    // A series that this scrape would have made does not exist; a reference from before still
    // holds, and is found again by its labels.
    if (entry.seen == iteration_) entry.ref = tsdb::SeriesRef::kUnknown;
  }
}

void ScrapeCache::ForgetReferences() {
  for (auto& [key, entry] : entries_) entry.ref = tsdb::SeriesRef::kUnknown;
}

bool ScrapeCache::EndIteration(End end) {
  base::MutexLock lock(metadata_mu_);
  const size_t size = entries_.size() + metadata_.size();
  const bool forced = end == End::kKeep && size > good_size_ * 2 + kFailedSlack;
  if (end == End::kFlush || forced) {
    std::erase_if(entries_, [&](const auto& item) {
      return item.second.seen != iteration_ && item.second.tracked != iteration_;
    });
    std::erase_if(metadata_, [&](const auto& item) {
      return iteration_ - item.second.seen > kMetadataIterations;
    });
    if (!forced) good_size_ = entries_.size() + metadata_.size();
  }
  ++iteration_;
  return forced;
}

ScrapeCache::MetadataEntry& ScrapeCache::TouchMetadata(std::string_view family) {
  auto it = metadata_.find(family);
  if (it == metadata_.end()) it = metadata_.emplace(std::string(family), MetadataEntry()).first;
  it->second.seen = iteration_;
  return it->second;
}

void ScrapeCache::SetType(std::string_view family, tsdb::MetricType type) {
  base::MutexLock lock(metadata_mu_);
  MetadataEntry& entry = TouchMetadata(family);
  if (entry.metadata.type != type) entry.stored = false;
  entry.metadata.type = type;
}

void ScrapeCache::SetHelp(std::string_view family, std::string_view help) {
  base::MutexLock lock(metadata_mu_);
  MetadataEntry& entry = TouchMetadata(family);
  if (entry.metadata.help == help) return;
  entry.stored = false;
  entry.metadata.help = help;
}

void ScrapeCache::SetUnit(std::string_view family, std::string_view unit) {
  base::MutexLock lock(metadata_mu_);
  MetadataEntry& entry = TouchMetadata(family);
  if (entry.metadata.unit == unit) return;
  entry.stored = false;
  entry.metadata.unit = unit;
}

std::vector<tsdb::MetricMetadata> ScrapeCache::ChangedMetadata() const {
  base::MutexLock lock(metadata_mu_);
  std::vector<tsdb::MetricMetadata> changed;
  for (const auto& [metric, entry] : metadata_) {
    if (!entry.stored) changed.push_back({metric, entry.metadata});
  }
  return changed;
}

void ScrapeCache::MarkMetadataStored() {
  base::MutexLock lock(metadata_mu_);
  for (auto& [metric, entry] : metadata_) entry.stored = true;
}

std::vector<tsdb::MetricMetadata> ScrapeCache::AllMetadata() const {
  base::MutexLock lock(metadata_mu_);
  std::vector<tsdb::MetricMetadata> all;
  all.reserve(metadata_.size());
  for (const auto& [metric, entry] : metadata_) all.push_back({metric, entry.metadata});
  return all;
}

std::optional<tsdb::Metadata> ScrapeCache::MetadataOf(std::string_view family) const {
  base::MutexLock lock(metadata_mu_);
  const auto it = metadata_.find(family);
  if (it == metadata_.end()) return std::nullopt;
  return it->second.metadata;
}

}  // namespace slowburn::ingest
