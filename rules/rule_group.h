// RuleGroup: rules that are evaluated one after the other at one time, and what they left behind.
//
//   RuleGroup group(spec, settings, services);
//   group.Restore(…);                     // state of an earlier process, once
//   group.Evaluate(t); group.Evaluate(t + interval); …
//
// Each rule commits its samples before the next one is evaluated, so that it sees them. A rule that
// fails stores nothing and keeps its alerts as they are. Series that a rule no longer gives get a
// staleness marker.
//
// Threads: one Evaluate at a time, and none while TakeStateFrom, Restore or TakeSeries run; Status
// may be called at any time. Lifetimes: everything in RuleServices outlives the group.
#ifndef SLOWBURN_RULES_RULE_GROUP_H_
#define SLOWBURN_RULES_RULE_GROUP_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/state_store.h"
#include "query/value.h"
#include "rules/alert_sink.h"
#include "rules/alert_table.h"
#include "rules/rule_metrics.h"
#include "rules/rule_status.h"
#include "rules/spec.h"
#include "tsdb/storage.h"

namespace slowburn::query {
class Engine;
}

namespace slowburn::rules {

// An instant query of a rule of `group`. `cancelled` becomes true when nobody waits for the answer
// any more.
using RuleQuery = std::function<absl::StatusOr<query::QueryResult>(
    const GroupSpec& group, std::string_view expr, TimestampMs t,
    const std::atomic<bool>* cancelled)>;
RuleQuery EngineRuleQuery(query::Engine& engine);

// Changes an alert's labels before it is sent; false: it is not sent at all
// (alert_relabel_configs).
using AlertRelabel = std::function<bool(LabelPairs& labels)>;

// Flags --rules.alert.* and --web.external-url.
struct RuleOptions {
  DurationMs resend_delay = base::kMinute;           // --rules.alert.resend-delay
  DurationMs for_outage_tolerance = base::kHour;     // --rules.alert.for-outage-tolerance
  DurationMs for_grace_period = 10 * base::kMinute;  // --rules.alert.for-grace-period
  std::string external_url;
};

struct RuleServices {
  const base::Clock& clock;
  tsdb::Storage& storage;
  RuleQuery query;
  AlertSink& sink;
  base::StateStore* state = nullptr;  // null: alerts do not survive a restart
  RuleMetrics& metrics;
  RuleOptions options;
};

struct GroupSettings {
  DurationMs interval = base::kMinute;
  DurationMs query_offset = 0;
  tsdb::Labels external_labels;
  AlertRelabel relabel;  // may be null
};

class RuleGroup {
 public:
  // As the state store gives it: keys and values of this group.
  using StoredState = std::map<std::string, std::string, std::less<>>;

  RuleGroup(std::shared_ptr<const GroupSpec> spec, GroupSettings settings,
            const RuleServices& services);
  ~RuleGroup();
  RuleGroup(const RuleGroup&) = delete;
  RuleGroup& operator=(const RuleGroup&) = delete;

  // Alerts that an earlier process stored. Records that cannot be read, or belong to no rule, are
  // left out and deleted with the next write.
  void Restore(const StoredState& stored, TimestampMs now);
  // After a reload: rules of the same name and labels go on where `old` stopped. `old` is of no use
  // afterwards.
  void TakeStateFrom(RuleGroup& old);
  // Every series that needs a staleness marker when this group is gone. Empties it.
  std::vector<tsdb::Labels> TakeSeries();
  // Keys that this group has in the state store.
  std::vector<std::string> StoredKeys() const;

  // `ts` is the time of the slot; samples get ts - query_offset. Returns early once `cancelled` is
  // true.
  void Evaluate(TimestampMs ts, const std::atomic<bool>* cancelled = nullptr);
  void CountIterations(int64_t scheduled, int64_t missed);

  GroupStatus Status() const;
  const GroupSpec& spec() const { return *spec_; }
  const std::shared_ptr<const GroupSpec>& shared_spec() const { return spec_; }
  const GroupSettings& settings() const { return settings_; }

 private:
  struct Rule;
  using Sampled = std::vector<query::Series>;  // each with exactly one point

  absl::StatusOr<Sampled> Query(const Rule& rule, TimestampMs t,
                                const std::atomic<bool>* cancelled);
  void EvaluateRule(Rule& rule, TimestampMs ts, const std::atomic<bool>* cancelled,
                    size_t& samples);
  absl::StatusOr<Sampled> Record(const Rule& rule, TimestampMs ts,
                                 const std::atomic<bool>* cancelled);
  absl::StatusOr<Sampled> Alerts(Rule& rule, TimestampMs ts, const std::atomic<bool>* cancelled);
  absl::StatusOr<std::vector<AlertFinding>> Expand(const Rule& rule, const Sampled& vector,
                                                   TimestampMs ts,
                                                   const std::atomic<bool>* cancelled);
  void Send(Rule& rule, TimestampMs ts);
  Alert Outgoing(const Rule& rule, const ActiveAlert& alert, TimestampMs ts) const;
  // Stores what the rule gave and marks what it no longer gives. The error is the last rejection's.
  absl::Status Store(Rule& rule, const Sampled& series, TimestampMs t);
  void StoreStale(TimestampMs t);
  void Persist(TimestampMs ts);
  std::map<std::string, const ActiveAlert*> StateKeys() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Sampled AlertSeries(const Rule& rule, const ActiveAlert& alert, TimestampMs t) const;

  const std::shared_ptr<const GroupSpec> spec_;
  const GroupSettings settings_;
  const RuleServices& services_;
  std::unique_ptr<RuleMetrics::Group> metrics_;

  // Only the evaluating thread touches these.
  std::set<tsdb::Labels> stale_;               // of rules that a reload took away
  std::map<std::string, uint64_t> persisted_;  // key → fingerprint of what the store holds
  bool group_record_ = false;                  // the store holds this group's time of evaluation

  mutable base::Mutex mu_;
  // The list is fixed, status and alerts are guarded by mu_.
  std::vector<std::unique_ptr<Rule>> rules_;
  double evaluation_seconds_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<TimestampMs> last_evaluation_ ABSL_GUARDED_BY(mu_);
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_RULE_GROUP_H_
