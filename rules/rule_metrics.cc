#include "rules/rule_metrics.h"

namespace slowburn::rules {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Registry;
using prometheus::Summary;

Family<Counter>& Counters(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& Gauges(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
Summary& OneSummary(Registry& registry, const char* name, const char* help,
                    const Summary::Quantiles& quantiles) {
  return prometheus::BuildSummary().Name(name).Help(help).Register(registry).Add({}, quantiles);
}

base::MetricLabels GroupLabel(const std::string& key) { return {{"rule_group", key}}; }

}  // namespace

RuleMetrics::RuleMetrics(Registry& r)
    : rule_duration(OneSummary(r, "prometheus_rule_evaluation_duration_seconds",
                               "The duration for a rule to execute.",
                               {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}})),
      group_duration(OneSummary(
          r, "prometheus_rule_group_duration_seconds", "The duration of rule group evaluations.",
          {{0.01, 0.001}, {0.05, 0.005}, {0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}})),
      expansions(base::AddCounter(r, "prometheus_template_text_expansions_total",
                                  "The total number of template text expansions.")),
      expansion_failures(base::AddCounter(r, "prometheus_template_text_expansion_failures_total",
                                          "The total number of template text expansion failures.")),
      state_writes_failed(
          base::AddCounter(r, "slowburn_rule_state_write_failures_total",
                           "Writes of alert state that failed and are tried again.")),
      state_records_bad(
          base::AddCounter(r, "slowburn_rule_state_bad_records_total",
                           "Records of alert state that could not be read and were left out.")),
      alerts_restored(
          base::AddCounter(r, "slowburn_rule_alerts_restored_total",
                           "Alerts that were brought back at start from stored state.")),
      evaluations_(Counters(r, "prometheus_rule_evaluations_total",
                            "The total number of rule evaluations.")),
      failures_(Counters(r, "prometheus_rule_evaluation_failures_total",
                         "The total number of rule evaluation failures.")),
      iterations_(Counters(
          r, "prometheus_rule_group_iterations_total",
          "The total number of scheduled rule group evaluations, whether executed or missed.")),
      iterations_missed_(Counters(
          r, "prometheus_rule_group_iterations_missed_total",
          "The total number of rule group evaluations missed due to slow rule group evaluation.")),
      interval_(
          Gauges(r, "prometheus_rule_group_interval_seconds", "The interval of a rule group.")),
      last_duration_(Gauges(r, "prometheus_rule_group_last_duration_seconds",
                            "The duration of the last rule group evaluation.")),
      last_rule_duration_sum_(
          Gauges(r, "prometheus_rule_group_last_rule_duration_sum_seconds",
                 "The sum of time in seconds it took to evaluate each rule in the group.")),
      last_evaluation_(Gauges(r, "prometheus_rule_group_last_evaluation_timestamp_seconds",
                              "The timestamp of the last rule group evaluation in seconds.")),
      last_samples_(
          Gauges(r, "prometheus_rule_group_last_evaluation_samples",
                 "The number of samples returned during the last rule group evaluation.")),
      rules_(Gauges(r, "prometheus_rule_group_rules", "The number of rules.")) {}

RuleMetrics::Group::Group(RuleMetrics& m, const std::string& key)
    : metrics_(m),
      key_(m.Use(key)),
      evaluations(m.evaluations_.Add(GroupLabel(key))),
      failures(m.failures_.Add(GroupLabel(key))),
      iterations(m.iterations_.Add(GroupLabel(key))),
      iterations_missed(m.iterations_missed_.Add(GroupLabel(key))),
      interval_seconds(m.interval_.Add(GroupLabel(key))),
      last_duration_seconds(m.last_duration_.Add(GroupLabel(key))),
      last_rule_duration_sum_seconds(m.last_rule_duration_sum_.Add(GroupLabel(key))),
      last_evaluation_timestamp(m.last_evaluation_.Add(GroupLabel(key))),
      last_samples(m.last_samples_.Add(GroupLabel(key))),
      rules(m.rules_.Add(GroupLabel(key))) {}

RuleMetrics::Group::~Group() {
  base::MutexLock lock(metrics_.mu_);
  const auto users = metrics_.users_.find(key_);
  if (--users->second > 0) return;
  metrics_.users_.erase(users);
  metrics_.evaluations_.Remove(&evaluations);
  metrics_.failures_.Remove(&failures);
  metrics_.iterations_.Remove(&iterations);
  metrics_.iterations_missed_.Remove(&iterations_missed);
  metrics_.interval_.Remove(&interval_seconds);
  metrics_.last_duration_.Remove(&last_duration_seconds);
  metrics_.last_rule_duration_sum_.Remove(&last_rule_duration_sum_seconds);
  metrics_.last_evaluation_.Remove(&last_evaluation_timestamp);
  metrics_.last_samples_.Remove(&last_samples);
  metrics_.rules_.Remove(&rules);
}

const std::string& RuleMetrics::Use(const std::string& key) {
  base::MutexLock lock(mu_);
  ++users_[key];
  return key;
}

}  // namespace slowburn::rules
