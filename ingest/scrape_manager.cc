#include "ingest/scrape_manager.h"

#include <unistd.h>

#include <array>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace slowburn::ingest {
namespace {

uint64_t OffsetSeed(const tsdb::Labels& external_labels) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : absl::StrCat(host.data(), external_labels.ToString())) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

ScrapeManager::ScrapeManager(tsdb::Storage& storage, const base::Clock& clock,
                             base::Executor& executor, base::HttpClient& client,
                             prometheus::Registry& registry)
    : context_(new ScrapeContext{storage, clock, executor, client, ScrapeMetrics(registry), {}}) {}

ScrapeManager::~ScrapeManager() { Stop(); }

void ScrapeManager::ApplyConfig(std::vector<ScrapeConfig> configs,
                                const tsdb::Labels& external_labels) {
  const ScrapeGate::Pass pass(context_->gate);
  if (!pass) return;
  const uint64_t seed = OffsetSeed(external_labels);
  base::MutexLock lock(mu_);
  std::set<std::string> names;
  for (ScrapeConfig& config : configs) {
    const std::string name = config.job_name;
    names.insert(name);
    std::shared_ptr<ScrapePool>& pool = pools_[name];
    if (pool != nullptr) {
      pool->Reload(std::move(config));
      continue;
    }
    context_->metrics.pools_created.Increment();
    pool = std::make_shared<ScrapePool>(context_, std::move(config), seed);
    pool->Start();
  }
  for (auto it = pools_.begin(); it != pools_.end();) {
    if (names.contains(it->first)) {
      ++it;
      continue;
    }
    it->second->Stop();
    it = pools_.erase(it);
  }
  context_->metrics.pools.Set(static_cast<double>(pools_.size()));
}

void ScrapeManager::Stop() {
  context_->gate.Close();
  base::MutexLock lock(mu_);
  pools_.clear();
}

TargetsSnapshot ScrapeManager::Targets() const {
  TargetsSnapshot snapshot;
  base::MutexLock lock(mu_);
  for (const auto& [name, pool] : pools_) {
    pool->AppendActive(snapshot.active);
    snapshot.dropped_counts[name] = pool->AppendDropped(snapshot.dropped);
  }
  return snapshot;
}

std::vector<std::string> ScrapeManager::PoolNames() const {
  std::vector<std::string> names;
  base::MutexLock lock(mu_);
  for (const auto& [name, pool] : pools_) names.push_back(name);
  return names;
}

}  // namespace slowburn::ingest
