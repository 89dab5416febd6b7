#include "slo/ledger_tap.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace slowburn::slo {
namespace {

// The metric names that a selector can match, when its matchers name them.
std::optional<std::vector<std::string>> MetricNames(const tsdb::Matchers& matchers) {
  for (const tsdb::Matcher& matcher : matchers) {
    if (matcher.name() != tsdb::kMetricName) continue;
    if (matcher.op() == tsdb::Matcher::Op::kEqual && !matcher.value().empty())
      return {{matcher.value()}};
    if (matcher.op() == tsdb::Matcher::Op::kRegex && !matcher.set_matches().empty())
      return matcher.set_matches();
  }
  return std::nullopt;
}

}  // namespace

LedgerTap::LedgerTap(std::vector<std::shared_ptr<SliLedger>> ledgers)
    : ledgers_(std::move(ledgers)) {
  for (const auto& ledger : ledgers_) {
    std::optional<std::vector<std::string>> names = MetricNames(ledger->sli().part);
    const std::optional<std::vector<std::string>> total = MetricNames(ledger->sli().total);
    if (!names.has_value() || !total.has_value()) {
      unnamed_.push_back(ledger.get());
      continue;
    }
    names->insert(names->end(), total->begin(), total->end());
    std::sort(names->begin(), names->end());
    names->erase(std::unique(names->begin(), names->end()), names->end());
    for (const std::string& name : *names) by_metric_[name].push_back(ledger.get());
  }
}

void LedgerTap::TryRoute(SliLedger* ledger, tsdb::SeriesRef ref, const tsdb::Labels& labels,
                         SliLedger::Origin origin, Routes& routes) const {
  const uint8_t roles = ledger->sli().RolesOf(labels);
  if (roles == 0) return;
  routes.push_back({ledger, ledger->TrackOf(ref, labels, roles, origin)});
}

bool LedgerTap::WantsSeries(tsdb::SeriesRef ref, const tsdb::Labels& labels, Past past) {
  Routes routes;
  const auto origin =
      added_ && past == Past::kNone ? SliLedger::Origin::kNew : SliLedger::Origin::kStored;
  const std::string_view metric = labels.metric_name();
  const auto named = by_metric_.find(absl::string_view(metric.data(), metric.size()));
  if (named != by_metric_.end()) {
    for (SliLedger* ledger : named->second) TryRoute(ledger, ref, labels, origin, routes);
  }
  for (SliLedger* ledger : unnamed_) TryRoute(ledger, ref, labels, origin, routes);
  if (routes.empty()) return false;
  Shard& shard = ShardOf(ref);
  base::MutexLock lock(shard.mu);
  shard.routes.insert_or_assign(ref, std::move(routes));
  return true;
}

void LedgerTap::OnCommit(std::span<const tsdb::TappedSample> samples) {
  // A ledger's lock is taken once for a run of samples that go to it alone, not once a sample.
  SliLedger* current = nullptr;
  absl::InlinedVector<SliLedger::Arrival, 64> run;
  const auto flush = [&] {
    if (current != nullptr && !run.empty()) current->Add(run);
    run.clear();
  };
  for (const tsdb::TappedSample& sample : samples) {
    Routes routes;
    {
      Shard& shard = ShardOf(sample.ref);
      base::MutexLock lock(shard.mu);
      const auto found = shard.routes.find(sample.ref);
      if (found == shard.routes.end()) continue;
      routes = found->second;
    }
    for (const Route& route : routes) {
      if (route.ledger != current) {
        flush();
        current = route.ledger;
      }
      run.push_back({route.track, {sample.t, sample.v, sample.start}, sample.histogram == nullptr});
    }
  }
  flush();
}

}  // namespace slowburn::slo
