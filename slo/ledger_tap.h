// LedgerTap: carries samples from the append path to the ledgers of the SLIs that select their
// series.
//
// A tap is made for a fixed list of ledgers. When SLOs come or go, SloManager adds a new tap and
// removes the old one afterwards: for a moment both bring the same samples, which ledgers recognise
// by their time, so none is lost and none counts twice.
//
// Threads: as tsdb/commit_tap.h says.
#ifndef SLOWBURN_SLO_LEDGER_TAP_H_
#define SLOWBURN_SLO_LEDGER_TAP_H_

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "base/mutex.h"
#include "slo/sli_ledger.h"
#include "tsdb/commit_tap.h"

namespace slowburn::slo {

class LedgerTap final : public tsdb::CommitTap {
 public:
  explicit LedgerTap(std::vector<std::shared_ptr<SliLedger>> ledgers);

  bool WantsSeries(tsdb::SeriesRef ref, const tsdb::Labels& labels, Past past) override;
  void OnCommit(std::span<const tsdb::TappedSample> samples) override;

  // AddTap has returned: series that are asked about from now on are new, or come back.
  void MarkAdded() { added_ = true; }

 private:
  struct Route {
    SliLedger* ledger;
    SliLedger::Track* track;
  };
  using Routes = absl::InlinedVector<Route, 2>;
  struct alignas(64) Shard {
    base::Mutex mu;
    absl::flat_hash_map<tsdb::SeriesRef, Routes> routes ABSL_GUARDED_BY(mu);
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(tsdb::SeriesRef ref) { return shards_[static_cast<uint64_t>(ref) % kShards]; }
  void TryRoute(SliLedger* ledger, tsdb::SeriesRef ref, const tsdb::Labels& labels,
                SliLedger::Origin origin, Routes& routes) const;

  const std::vector<std::shared_ptr<SliLedger>> ledgers_;
  // A ledger can want a series only if it is here under the series' metric name, or in unnamed_.
  absl::flat_hash_map<std::string, std::vector<SliLedger*>> by_metric_;
  std::vector<SliLedger*> unnamed_;
  std::atomic<bool> added_ = false;
  std::array<Shard, kShards> shards_;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_LEDGER_TAP_H_
