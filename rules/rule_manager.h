// RuleManager: runs the groups of all rule files on time.
//
//   RuleManager manager(executor, {clock, storage, EngineRuleQuery(engine), sink, &state, metrics,
//                                  options});
//   manager.Update(config);      // starts, and at each reload again
//   … manager.Groups() …
//   manager.Stop();              // or the destructor
//
// A group is evaluated at multiples of its interval, shifted by a part that its name decides, so
// that groups spread over time. An evaluation that takes longer than the interval costs the slots
// it runs over (they are counted, never queued). At start every alert that a former process left in
// the state store is back before the first evaluation.
//
// Threads: all methods from any thread; Update and Stop one at a time. Groups run concurrently on
// the executor; Update waits for the evaluations under way of groups that change. Lifetimes:
// executor and services outlive the manager.
#ifndef SLOWBURN_RULES_RULE_MANAGER_H_
#define SLOWBURN_RULES_RULE_MANAGER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/mutex.h"
#include "rules/rule_group.h"
#include "rules/rule_status.h"
#include "rules/spec.h"

namespace slowburn::rules {

// The reloadable part: from prometheus.yml and the rule files.
struct RuleConfig {
  std::vector<std::shared_ptr<const GroupSpec>> groups;
  DurationMs evaluation_interval = base::kMinute;  // global.evaluation_interval
  DurationMs query_offset = 0;                     // global.rule_query_offset
  tsdb::Labels external_labels;                    // global.external_labels
  AlertRelabel relabel;                            // alerting.alert_relabel_configs; may be null
};

class RuleManager {
 public:
  RuleManager(base::Executor& executor, RuleServices services);
  ~RuleManager();
  RuleManager(const RuleManager&) = delete;
  RuleManager& operator=(const RuleManager&) = delete;

  // Groups that did not change go on undisturbed; of the others rules with the same name and labels
  // keep their alerts. kUnavailable: the state store cannot be read (only at the first call); the
  // rules run, with no alerts restored.
  absl::Status Update(RuleConfig config);
  // No evaluation begins any more; waits for those under way, whose queries are cancelled. State
  // stays in the store.
  void Stop();

  // Sorted by file and name.
  std::vector<GroupStatus> Groups() const;

  // The last slot at or before `now` of a group with this key (file;name).
  static TimestampMs SlotBefore(const std::string& key, DurationMs interval, TimestampMs now);

 private:
  struct Scheduled;
  using ScheduledPtr = std::shared_ptr<Scheduled>;
  using Stored = std::map<std::string, RuleGroup::StoredState, std::less<>>;  // by FILE 0 GROUP

  GroupSettings SettingsOf(const GroupSpec& spec, const RuleConfig& config) const;
  // REQUIRES: marked as running.
  void Run(const ScheduledPtr& scheduled, TimestampMs slot);
  void Schedule(const ScheduledPtr& scheduled, TimestampMs slot);
  // Nothing of it runs afterwards.
  void Halt(Scheduled& scheduled);
  void MarkStaleLater(std::vector<tsdb::Labels> series, DurationMs after);
  absl::StatusOr<Stored> ReadState() const;
  void DeleteState(const std::vector<std::string>& keys);

  base::Executor& executor_;
  const RuleServices services_;
  std::atomic<bool> stopping_{false};

  // Outlives the manager in tasks that wait on the executor.
  struct Alive {
    base::Mutex mu;
    bool alive = true;
  };
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();

  base::Mutex update_mu_;  // one Update or Stop at a time
  bool restored_ ABSL_GUARDED_BY(update_mu_) = false;
  mutable base::Mutex mu_;
  std::map<std::string, ScheduledPtr> groups_ ABSL_GUARDED_BY(mu_);  // by file, 0, name
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_RULE_MANAGER_H_
