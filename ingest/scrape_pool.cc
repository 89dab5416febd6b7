#include "ingest/scrape_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace slowburn::ingest {
namespace {

constexpr DurationMs kPollInterval = 5 * base::kSecond;  // of files, at most

bool SameFileSd(const std::vector<FileSdConfig>& a, const std::vector<FileSdConfig>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const FileSdConfig& x, const FileSdConfig& y) {
                      return x.files == y.files && x.refresh_interval_ms == y.refresh_interval_ms;
                    });
}

}  // namespace

ScrapePool::ScrapePool(std::shared_ptr<ScrapeContext> context, ScrapeConfig config,
                       uint64_t offset_seed)
    : context_(std::move(context)),
      offset_seed_(offset_seed),
      config_(std::make_shared<const ScrapeConfig>(std::move(config))) {}

void ScrapePool::Start() {
  base::MutexLock lock(mu_);
  MakeDiscovery();
  Sync();
}

void ScrapePool::MakeDiscovery() {
  discoveries_.clear();
  for (const FileSdConfig& config : config_->file_sd) {
    discoveries_.emplace_back(
        config, [context = context_, job = config_->job_name](const absl::Status& error) {
          context->metrics.file_errors.Increment();
          base::Error("reading targets from a file failed, the last good list stays",
                      {{"job", job}, {"err", error}});
        });
  }
  PollDiscovery();
  SchedulePoll();
}

bool ScrapePool::PollDiscovery() {
  bool changed = false;
  for (FileDiscovery& discovery : discoveries_) changed |= discovery.Poll(context_->clock.Now());
  return changed;
}

void ScrapePool::SchedulePoll() {
  const uint64_t generation = ++generation_;
  if (discoveries_.empty()) return;
  DurationMs wait = kPollInterval;
  for (const FileDiscovery& discovery : discoveries_) {
    wait = std::min(wait, discovery.config().refresh_interval_ms);
  }
  context_->executor.RunAt(context_->clock.Now() + wait,
                           [context = context_, weak = weak_from_this(), generation] {
                             const ScrapeGate::Pass pass(context->gate);
                             const std::shared_ptr<ScrapePool> self = weak.lock();
                             if (pass && self != nullptr) self->OnPoll(generation);
                           });
}

void ScrapePool::OnPoll(uint64_t generation) {
  base::MutexLock lock(mu_);
  if (stopped_ || generation != generation_) return;
  if (PollDiscovery()) Sync();
  SchedulePoll();
}

void ScrapePool::Reload(ScrapeConfig config) {
  base::MutexLock lock(mu_);
  const std::shared_ptr<const ScrapeConfig> before =
      std::exchange(config_, std::make_shared<const ScrapeConfig>(std::move(config)));
  if (!SameFileSd(before->file_sd, config_->file_sd)) MakeDiscovery();
  if (before->fingerprint == config_->fingerprint) {
    Sync();
    return;
  }
  context_->metrics.pool_reloads.Increment();
  RestartLoops(before->series_fingerprint == config_->series_fingerprint);
}

void ScrapePool::Stop() {
  base::MutexLock lock(mu_);
  stopped_ = true;
  for (const auto& [identity, loop] : loops_) loop->Stop(ScrapeLoop::AfterStop::kMarkStale);
  loops_.clear();
}

std::shared_ptr<ScrapeLoop> ScrapePool::NewLoop(const Wanted& wanted,
                                                std::shared_ptr<ScrapeCache> cache) const {
  return std::make_shared<ScrapeLoop>(context_, config_, wanted.target, wanted.discovered,
                                      std::move(cache), offset_seed_);
}

std::map<std::string, ScrapePool::Wanted> ScrapePool::WantedTargets() {
  std::map<std::string, Wanted> wanted;
  dropped_.clear();
  dropped_count_ = 0;
  size_t failed = 0, found = 0;
  const auto add_group = [&](const TargetGroup& group) {
    for (size_t i = 0; i < group.targets.size(); ++i) {
      ++found;
      const tsdb::Labels discovered = DiscoveredLabels(*config_, group, group.targets[i]);
      absl::StatusOr<std::optional<Target>> target = MakeTarget(*config_, discovered);
      if (!target.ok()) {
        ++failed;
        base::Error("creating a target failed", {{"job", config_->job_name},
                                                 {"group", group.source},
                                                 {"instance", i},
                                                 {"err", target.status()}});
      } else if (!target->has_value()) {
        ++dropped_count_;
        const uint64_t keep = config_->limits.keep_dropped_targets;
        if (keep == 0 || dropped_.size() < keep) dropped_.push_back(discovered);
      } else {
        std::string identity = (*target)->Identity();
        wanted.try_emplace(std::move(identity), Wanted{**std::move(target), discovered});
      }
    }
  };
  for (const TargetGroup& group : config_->static_groups) add_group(group);
  for (const FileDiscovery& discovery : discoveries_) {
    for (const TargetGroup& group : discovery.groups()) add_group(group);
  }
  prometheus::Registry& registry = context_->metrics.registry;
  const base::MetricLabels job = {{"scrape_job", config_->job_name}};
  base::AddCounter(registry, "prometheus_target_scrape_pool_sync_total",
                   "Total number of syncs that were executed on a scrape pool.", job)
      .Increment();
  base::AddCounter(registry, "prometheus_target_sync_failed_total",
                   "Total number of target sync failures.", job)
      .Increment(static_cast<double>(failed));
  base::AddGauge(registry, "prometheus_target_scrape_pool_targets",
                 "Current number of targets in this scrape pool.", job)
      .Set(static_cast<double>(wanted.size()));
  base::AddGauge(registry, "prometheus_sd_discovered_targets",
                 "Current number of discovered targets.",
                 {{"name", "scrape"}, {"config", config_->job_name}})
      .Set(static_cast<double>(found));
  return wanted;
}

namespace {

std::string TargetLimitError(size_t targets, uint64_t limit, ScrapeMetrics& metrics) {
  if (limit == 0 || targets <= limit) return "";
  metrics.target_limit.Increment();
  return absl::StrCat("target_limit exceeded (number of targets: ", targets, ", limit: ", limit,
                      ")");
}

}  // namespace

void ScrapePool::Sync() {
  std::map<std::string, Wanted> wanted = WantedTargets();
  for (auto it = loops_.begin(); it != loops_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
    } else {
      it->second->Stop(ScrapeLoop::AfterStop::kMarkStale);
      it = loops_.erase(it);
    }
  }
  const std::string forced =
      TargetLimitError(wanted.size(), config_->limits.targets, context_->metrics);
  for (auto& [identity, one] : wanted) {
    std::shared_ptr<ScrapeLoop>& loop = loops_[identity];
    const bool fresh = loop == nullptr;
    if (fresh) loop = NewLoop(one, std::make_shared<ScrapeCache>());
    loop->SetDiscovered(one.discovered);
    loop->SetForcedError(forced);
    if (fresh) loop->Start();
  }
}

// Each loop gets a successor that begins when its last scrape is stored; with the same series it
// inherits the cache.
void ScrapePool::RestartLoops(bool same_series) {
  std::map<std::string, Wanted> wanted = WantedTargets();
  std::map<std::string, std::shared_ptr<ScrapeLoop>> old = std::exchange(loops_, {});
  const std::string forced =
      TargetLimitError(wanted.size(), config_->limits.targets, context_->metrics);
  for (auto& [identity, one] : wanted) {
    const auto it = old.find(identity);
    const bool inherit = it != old.end() && same_series;
    const std::shared_ptr<ScrapeLoop> loop =
        NewLoop(one, inherit ? it->second->cache() : std::make_shared<ScrapeCache>());
    loop->SetForcedError(forced);
    loops_[identity] = loop;
    if (it == old.end()) {
      loop->Start();
      continue;
    }
    loop->InheritStatus(it->second->status());
    it->second->Stop(inherit ? ScrapeLoop::AfterStop::kHandOver : ScrapeLoop::AfterStop::kMarkStale,
                     [loop] { loop->Start(); });
    old.erase(it);
  }
  for (const auto& [identity, loop] : old) loop->Stop(ScrapeLoop::AfterStop::kMarkStale);
}

void ScrapePool::AppendActive(std::vector<ActiveTarget>& out) const {
  base::MutexLock lock(mu_);
  for (const auto& [identity, loop] : loops_) {
    const Target& target = loop->target();
    out.push_back({config_->job_name, loop->discovered(), target.labels, target.url,
                   target.interval_text, target.timeout_text, loop->status(), loop->cache()});
  }
}

size_t ScrapePool::AppendDropped(std::vector<DroppedTarget>& out) const {
  base::MutexLock lock(mu_);
  for (const tsdb::Labels& discovered : dropped_) out.push_back({config_->job_name, discovered});
  return dropped_count_;
}

}  // namespace slowburn::ingest
