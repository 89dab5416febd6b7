// The metrics of rules, under Prometheus' names. One set of children a group (label
// rule_group="FILE;GROUP"), removed with the group. Threads: thread-safe. Lifetimes: the registry
// outlives this.
#ifndef SLOWBURN_RULES_RULE_METRICS_H_
#define SLOWBURN_RULES_RULE_METRICS_H_

#include <map>
#include <string>

#include "base/metrics.h"
#include "base/mutex.h"
#include "prometheus/summary.h"

namespace slowburn::rules {

class RuleMetrics {
 public:
  explicit RuleMetrics(prometheus::Registry& registry);
  RuleMetrics(const RuleMetrics&) = delete;
  RuleMetrics& operator=(const RuleMetrics&) = delete;

  // Children of one group; gone from /metrics when the last object with this key is destroyed: a
  // reload makes the new group before it drops the old one.
  class Group {
   public:
    Group(RuleMetrics& metrics, const std::string& key);
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

   private:
    RuleMetrics& metrics_;
    const std::string key_;

   public:
    prometheus::Counter& evaluations;
    prometheus::Counter& failures;
    prometheus::Counter& iterations;
    prometheus::Counter& iterations_missed;
    prometheus::Gauge& interval_seconds;
    prometheus::Gauge& last_duration_seconds;
    prometheus::Gauge& last_rule_duration_sum_seconds;
    prometheus::Gauge& last_evaluation_timestamp;
    prometheus::Gauge& last_samples;
    prometheus::Gauge& rules;
  };

  prometheus::Summary& rule_duration;   // prometheus_rule_evaluation_duration_seconds
  prometheus::Summary& group_duration;  // prometheus_rule_group_duration_seconds
  prometheus::Counter& expansions;
  prometheus::Counter& expansion_failures;
  prometheus::Counter& state_writes_failed;
  prometheus::Counter& state_records_bad;
  prometheus::Counter& alerts_restored;

 private:
  // Counts one more user of `key`; for the member initializers of Group, which must hold the lock
  // of none.
  const std::string& Use(const std::string& key);

  base::Mutex mu_;
  std::map<std::string, int> users_ ABSL_GUARDED_BY(mu_);
  prometheus::Family<prometheus::Counter>& evaluations_;
  prometheus::Family<prometheus::Counter>& failures_;
  prometheus::Family<prometheus::Counter>& iterations_;
  prometheus::Family<prometheus::Counter>& iterations_missed_;
  prometheus::Family<prometheus::Gauge>& interval_;
  prometheus::Family<prometheus::Gauge>& last_duration_;
  prometheus::Family<prometheus::Gauge>& last_rule_duration_sum_;
  prometheus::Family<prometheus::Gauge>& last_evaluation_;
  prometheus::Family<prometheus::Gauge>& last_samples_;
  prometheus::Family<prometheus::Gauge>& rules_;
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_RULE_METRICS_H_
