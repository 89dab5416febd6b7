#include "rules/rule_group.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "rules/alert_codec.h"
#include "rules/limits.h"
#include "rules/template/prometheus_functions.h"

namespace slowburn::rules {
namespace {

constexpr std::string_view kAlertMetric = "ALERTS";
constexpr std::string_view kAlertForMetric = "ALERTS_FOR_STATE";
constexpr std::string_view kAlertName = "alertname";
constexpr std::string_view kAlertStateLabel = "alertstate";
constexpr int kSendAhead = 4;  // a firing alert lives so many rounds without being sent again

double Seconds(int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

LabelPairs ToPairs(const tsdb::Labels& labels) {
  LabelPairs pairs;
  pairs.reserve(labels.size());
  for (const tsdb::LabelView label : labels) pairs.emplace_back(label.name, label.value);
  return pairs;
}

query::Series OnePoint(tsdb::Labels labels, TimestampMs t, double v) {
  query::Series series;
  series.labels = std::move(labels);
  series.floats.push_back({t, v});
  return series;
}

bool Stopped(const std::atomic<bool>* cancelled) {
  return cancelled != nullptr && cancelled->load();
}

}  // namespace

struct RuleGroup::Rule {
  std::shared_ptr<const RuleSpec> spec;
  std::string key_prefix;         // of its alerts in the state store
  std::set<tsdb::Labels> series;  // stored by the last evaluation; the evaluating thread's
  AlertTable alerts;              // the rest is guarded by the group's mu_
  RuleHealth health = RuleHealth::kUnknown;
  std::string last_error;
  double evaluation_seconds = 0;
  std::optional<TimestampMs> last_evaluation;
};

RuleGroup::RuleGroup(std::shared_ptr<const GroupSpec> spec, GroupSettings settings,
                     const RuleServices& services)
    : spec_(std::move(spec)),
      settings_(std::move(settings)),
      services_(services),
      metrics_(std::make_unique<RuleMetrics::Group>(services.metrics, spec_->Key())) {
  std::map<uint64_t, size_t> seen;
  for (const auto& rule_spec : spec_->rules) {
    auto rule = std::make_unique<Rule>();
    rule->spec = rule_spec;
    const size_t occurrence = seen[RuleIdentity(*rule_spec, 0)]++;
    rule->key_prefix =
        RuleKeyPrefix(spec_->file, spec_->name, RuleIdentity(*rule_spec, occurrence));
    rules_.push_back(std::move(rule));
  }
  metrics_->interval_seconds.Set(Seconds(settings_.interval * 1'000'000));
  metrics_->rules.Set(static_cast<double>(rules_.size()));
}

RuleGroup::~RuleGroup() = default;

void RuleGroup::Restore(const StoredState& stored, TimestampMs now) {
  std::map<std::string_view, Rule*> by_prefix;
  for (const auto& rule : rules_) by_prefix[rule->key_prefix] = rule.get();
  TimestampMs stopped_at = now;
  const auto group_record = stored.find(GroupStateKey(spec_->file, spec_->name));
  if (group_record != stored.end()) {
    group_record_ = true;
    if (const auto t = DecodeTime(group_record->second); t.ok()) {
      stopped_at = *t;
    } else {
      services_.metrics.state_records_bad.Increment();
    }
  }
  const DurationMs gap = std::max<DurationMs>(now - stopped_at, 0);
  for (const auto& [key, value] : stored) {
    if (key.rfind(kAlertKeys, 0) != 0) continue;
    persisted_[key] = 0;  // the next write replaces or deletes it
    const auto rule = by_prefix.find(RulePrefixOf(key));
    if (rule == by_prefix.end()) continue;
    absl::StatusOr<ActiveAlert> alert = DecodeAlert(value);
    if (!alert.ok()) {
      services_.metrics.state_records_bad.Increment();
      base::Warn(
          "alert state left out",
          {{"group", spec_->Key()}, {"alert", rule->second->spec->name}, {"err", alert.status()}});
      continue;
    }
    if (alert->state == AlertState::kPending) {
      // Nobody looked in between. A short gap counts as if it were not there; a longer one does not
      // count into `for`; after a long one the alert begins anew.
      if (gap > services_.options.for_outage_tolerance) continue;
      if (gap > services_.options.for_grace_period) alert->active_at += gap;
    }
    for (const query::Series& s : AlertSeries(*rule->second, *alert, now))
      rule->second->series.insert(s.labels);
    base::MutexLock lock(mu_);
    rule->second->alerts.Restore(*std::move(alert));
    services_.metrics.alerts_restored.Increment();
  }
}

void RuleGroup::TakeStateFrom(RuleGroup& old) {
  persisted_ = std::move(old.persisted_);
  group_record_ = old.group_record_;
  stale_ = std::move(old.stale_);
  std::vector<bool> taken(old.rules_.size(), false);
  for (const auto& rule : rules_) {
    for (size_t i = 0; i < old.rules_.size(); ++i) {
      Rule& from = *old.rules_[i];
      if (taken[i] || !SameIdentity(*rule->spec, *from.spec)) continue;
      taken[i] = true;
      base::MutexLock old_lock(old.mu_);
      base::MutexLock lock(mu_);
      rule->series = std::move(from.series);
      rule->alerts = std::move(from.alerts);
      if (SameDefinition(*rule->spec, *from.spec)) {
        rule->health = from.health;
        rule->last_error = from.last_error;
        rule->evaluation_seconds = from.evaluation_seconds;
        rule->last_evaluation = from.last_evaluation;
      }
      break;
    }
  }
  for (size_t i = 0; i < old.rules_.size(); ++i) {
    if (!taken[i]) stale_.insert(old.rules_[i]->series.begin(), old.rules_[i]->series.end());
  }
  base::MutexLock old_lock(old.mu_);
  base::MutexLock lock(mu_);
  evaluation_seconds_ = old.evaluation_seconds_;
  last_evaluation_ = old.last_evaluation_;
}

std::vector<tsdb::Labels> RuleGroup::TakeSeries() {
  std::set<tsdb::Labels> all = std::move(stale_);
  stale_.clear();
  for (const auto& rule : rules_) {
    all.merge(rule->series);
    rule->series.clear();
  }
  return {all.begin(), all.end()};
}

std::vector<std::string> RuleGroup::StoredKeys() const {
  std::vector<std::string> keys;
  for (const auto& [key, fingerprint] : persisted_) keys.push_back(key);
  if (group_record_) keys.push_back(GroupStateKey(spec_->file, spec_->name));
  return keys;
}

void RuleGroup::CountIterations(int64_t scheduled, int64_t missed) {
  metrics_->iterations.Increment(static_cast<double>(scheduled));
  metrics_->iterations_missed.Increment(static_cast<double>(missed));
}

void RuleGroup::Evaluate(TimestampMs ts, const std::atomic<bool>* cancelled) {
  const TimestampMs begun = services_.clock.Now();
  const int64_t begun_ns = services_.clock.MonotonicNs();
  size_t samples = 0;
  double rule_seconds = 0;
  for (const auto& rule : rules_) {
    if (Stopped(cancelled)) return;
    EvaluateRule(*rule, ts, cancelled, samples);
    base::MutexLock lock(mu_);
    rule_seconds += rule->evaluation_seconds;
  }
  StoreStale(ts - settings_.query_offset);
  Persist(ts);
  const double seconds = Seconds(services_.clock.MonotonicNs() - begun_ns);
  services_.metrics.group_duration.Observe(seconds);
  metrics_->last_duration_seconds.Set(seconds);
  metrics_->last_rule_duration_sum_seconds.Set(rule_seconds);
  metrics_->last_evaluation_timestamp.Set(static_cast<double>(ts) / 1000);
  metrics_->last_samples.Set(static_cast<double>(samples));
  base::MutexLock lock(mu_);
  evaluation_seconds_ = seconds;
  last_evaluation_ = begun;
}

void RuleGroup::EvaluateRule(Rule& rule, TimestampMs ts, const std::atomic<bool>* cancelled,
                             size_t& samples) {
  const TimestampMs begun = services_.clock.Now();
  const int64_t begun_ns = services_.clock.MonotonicNs();
  metrics_->evaluations.Increment();
  const bool alerting = rule.spec->kind == RuleKind::kAlerting;
  absl::StatusOr<Sampled> series =
      alerting ? Alerts(rule, ts, cancelled) : Record(rule, ts, cancelled);
  absl::Status status = series.status();
  bool failed = !status.ok();
  if (series.ok()) {
    samples += series->size();
    if (alerting) Send(rule, ts);
    status = Store(rule, *series, ts - settings_.query_offset);
    // Rejected samples make a rule unhealthy, but it was evaluated.
    failed = absl::IsUnavailable(status);
  }
  if (failed) metrics_->failures.Increment();
  if (failed && !Stopped(cancelled)) {
    base::Warn("Evaluating rule failed", {{"component", "rule manager"},
                                          {"file", spec_->file},
                                          {"group", spec_->name},
                                          {"name", rule.spec->name},
                                          {"err", status}});
  }
  const double seconds = Seconds(services_.clock.MonotonicNs() - begun_ns);
  services_.metrics.rule_duration.Observe(seconds);
  base::MutexLock lock(mu_);
  rule.health = status.ok() ? RuleHealth::kOk : RuleHealth::kError;
  rule.last_error = std::string(status.message());
  rule.evaluation_seconds = seconds;
  rule.last_evaluation = begun;
}

absl::StatusOr<RuleGroup::Sampled> RuleGroup::Query(const Rule& rule, TimestampMs t,
                                                    const std::atomic<bool>* cancelled) {
  ASSIGN_OR_RETURN(query::QueryResult result,
                   services_.query(*spec_, rule.spec->expr, t, cancelled));
  if (result.type == query::ValueType::kVector) return std::move(result.series);
  if (result.type != query::ValueType::kScalar) {
    return absl::FailedPreconditionError("rule result is not a vector or scalar");
  }
  Sampled one;
  one.push_back(OnePoint({}, result.scalar.t, result.scalar.v));
  return one;
}

absl::StatusOr<RuleGroup::Sampled> RuleGroup::Record(const Rule& rule, TimestampMs ts,
                                                     const std::atomic<bool>* cancelled) {
  ASSIGN_OR_RETURN(Sampled vector, Query(rule, ts - settings_.query_offset, cancelled));
  std::set<tsdb::Labels> seen;
  for (query::Series& series : vector) {
    tsdb::LabelsBuilder builder(series.labels);
    builder.Set(tsdb::kMetricName, rule.spec->name);
    for (const TemplatedPair& label : rule.spec->label_templates)
      builder.Set(label.name, label.text);
    series.labels = builder.Build();
    if (!seen.insert(series.labels).second) {
      return absl::FailedPreconditionError(
          "vector contains metrics with the same labelset after applying rule labels");
    }
  }
  if (spec_->limit > 0 && static_cast<int64_t>(vector.size()) > spec_->limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("exceeded limit of ", spec_->limit, " with ", vector.size(), " series"));
  }
  return vector;
}

namespace {

// Expands the templates of one rule at one time.
class AlertExpander {
 public:
  AlertExpander(const GroupSpec& group, const RuleSpec& rule, const RuleServices& services,
                const GroupSettings& settings, TimestampMs ts, const std::atomic<bool>* cancelled)
      : rule_(rule), metrics_(services.metrics) {
    TemplateContext context;
    context.query = [&group, &services, ts, cancelled](std::string_view expr) {
      return services.query(group, expr, ts, cancelled);
    };
    context.external_url = services.options.external_url;
    context.now = ts;
    functions_ = PrometheusTemplateFunctions(std::move(context));
    external_labels_ = TemplateValue::StringMap(ToPairs(settings.external_labels));
    external_url_ = TemplateValue::String(services.options.external_url);
  }

  void SetSample(const query::Series& series) {
    const TemplateValue labels = TemplateValue::StringMap(ToPairs(series.labels));
    const TemplateValue value = SampleValue(series);
    data_ = TemplateValue::Struct({{"Labels", labels},
                                   {"ExternalLabels", external_labels_},
                                   {"ExternalURL", external_url_},
                                   {"Value", value}},
                                  &DataType());
    variables_ = {labels, external_labels_, external_url_, value};
  }

  std::string Expand(const TemplatedPair& pair) {
    metrics_.expansions.Increment();
    if (!pair.compiled) return pair.text;
    absl::StatusOr<std::string> text = pair.compiled->Execute(data_, functions_, variables_);
    if (text.ok()) return *std::move(text);
    metrics_.expansion_failures.Increment();
    base::Warn("Expanding alert template failed", {{"alert", rule_.name}, {"err", text.status()}});
    return absl::StrCat("<error expanding template: error executing template ",
                        AlertTemplateName(rule_.name), ": ", std::string(text.status().message()),
                        ">");
  }

 private:
  static const TemplateType& DataType() {
    static const TemplateType* const type =
        new TemplateType{.name =
                             "struct { Labels map[string]string; ExternalLabels map[string]string; "
                             "ExternalURL string; Value "
                             "interface {} }",
                         .zero_is_string = false,
                         .methods = {},
                         .print = nullptr};
    return *type;
  }

  const RuleSpec& rule_;
  RuleMetrics& metrics_;
  TemplateFunctions functions_;
  TemplateValue external_labels_, external_url_, data_;
  std::vector<TemplateValue> variables_;
};

}  // namespace

absl::StatusOr<std::vector<AlertFinding>> RuleGroup::Expand(const Rule& rule, const Sampled& vector,
                                                            TimestampMs ts,
                                                            const std::atomic<bool>* cancelled) {
  std::vector<AlertFinding> findings;
  findings.reserve(vector.size());
  AlertExpander expander(*spec_, *rule.spec, services_, settings_, ts, cancelled);
  for (const query::Series& series : vector) {
    expander.SetSample(series);
    AlertFinding finding;
    tsdb::LabelsBuilder builder(series.labels);
    builder.Del(tsdb::kMetricName);
    for (const TemplatedPair& label : rule.spec->label_templates)
      builder.Set(label.name, expander.Expand(label));
    builder.Set(kAlertName, rule.spec->name);
    finding.labels = builder.Build();
    for (const TemplatedPair& annotation : rule.spec->annotation_templates) {
      finding.annotations.emplace_back(annotation.name, expander.Expand(annotation));
    }
    if (series.histograms.empty() && !series.floats.empty()) finding.value = series.floats.back().v;
    findings.push_back(std::move(finding));
  }
  return findings;
}

RuleGroup::Sampled RuleGroup::AlertSeries(const Rule& rule, const ActiveAlert& alert,
                                          TimestampMs t) const {
  if (alert.state == AlertState::kInactive) return {};
  tsdb::LabelsBuilder builder(alert.labels);
  builder.Set(kAlertName, rule.spec->name);
  builder.Set(tsdb::kMetricName, kAlertForMetric);
  Sampled series;
  // Whole seconds, towards the past.
  const TimestampMs since =
      alert.active_at >= 0 ? alert.active_at / 1000 : (alert.active_at - 999) / 1000;
  series.push_back(OnePoint(builder.Build(), t, static_cast<double>(since)));
  builder.Set(tsdb::kMetricName, kAlertMetric);
  builder.Set(kAlertStateLabel, Name(alert.state));
  series.push_back(OnePoint(builder.Build(), t, 1));
  return series;
}

absl::StatusOr<RuleGroup::Sampled> RuleGroup::Alerts(Rule& rule, TimestampMs ts,
                                                     const std::atomic<bool>* cancelled) {
  const TimestampMs t = ts - settings_.query_offset;
  ASSIGN_OR_RETURN(const Sampled vector, Query(rule, t, cancelled));
  ASSIGN_OR_RETURN(std::vector<AlertFinding> findings, Expand(rule, vector, ts, cancelled));
  base::MutexLock lock(mu_);
  RETURN_IF_ERROR(rule.alerts.Update(ts, {rule.spec->hold, rule.spec->keep_firing, spec_->limit},
                                     std::move(findings)));
  Sampled out;
  for (const auto& [labels, alert] : rule.alerts.all()) {
    for (query::Series& series : AlertSeries(rule, alert, t)) out.push_back(std::move(series));
  }
  return out;
}

Alert RuleGroup::Outgoing(const Rule& rule, const ActiveAlert& alert, TimestampMs ts) const {
  Alert out;
  tsdb::LabelsBuilder builder(alert.labels);
  for (const tsdb::LabelView external : settings_.external_labels) {
    if (!alert.labels.Has(external.name)) builder.Set(external.name, external.value);
  }
  out.labels = ToPairs(builder.Build());
  for (const auto& [name, text] : alert.annotations) {
    if (!text.empty()) out.annotations.emplace_back(name, text);
  }
  out.starts_at = alert.fired_at.value_or(alert.active_at);
  const DurationMs round = std::max(settings_.interval, services_.options.resend_delay);
  out.ends_at = alert.resolved_at ? *alert.resolved_at : ts + kSendAhead * round;
  out.generator_url = services_.options.external_url + TableLink(rule.spec->expr);
  return out;
}

void RuleGroup::Send(Rule& rule, TimestampMs ts) {
  std::vector<Alert> outgoing;
  std::vector<tsdb::Labels> sent;
  {
    base::MutexLock lock(mu_);
    for (const ActiveAlert* alert : rule.alerts.Due(ts, services_.options.resend_delay)) {
      Alert out = Outgoing(rule, *alert, ts);
      sent.push_back(alert->labels);
      if (settings_.relabel && !settings_.relabel(out.labels)) continue;
      outgoing.push_back(std::move(out));
    }
  }
  if (sent.empty()) return;
  if (!outgoing.empty()) {
    const absl::Status status = services_.sink.Send(std::move(outgoing));
    if (!status.ok()) {  // all of them are due again at the next evaluation
      base::Warn("Sending alerts failed",
                 {{"group", spec_->Key()}, {"alert", rule.spec->name}, {"err", status}});
      return;
    }
  }
  base::MutexLock lock(mu_);
  rule.alerts.MarkSent(sent, ts);
}

absl::Status RuleGroup::Store(Rule& rule, const Sampled& series, TimestampMs t) {
  if (series.empty() && rule.series.empty()) return absl::OkStatus();
  const std::unique_ptr<tsdb::Appender> appender = services_.storage.NewAppender();
  absl::Status last_error;
  std::set<tsdb::Labels> stored;
  std::vector<tsdb::Labels> appended;  // by index of the Append call
  for (const query::Series& s : series) {
    absl::StatusOr<tsdb::SeriesRef> ref = appender->Resolve(s.labels, nullptr);
    if (!ref.ok()) {
      last_error = ref.status();
      continue;
    }
    if (s.histograms.empty()) {
      appender->Append(*ref, t, s.floats.back().v);
    } else {
      if (absl::Status valid = s.histograms.back().h->Validate(); !valid.ok()) {
        last_error = valid;
        continue;
      }
      appender->AppendHistogram(*ref, t, s.histograms.back().h);
    }
    appended.push_back(s.labels);
    stored.insert(s.labels);
  }
  for (const tsdb::Labels& labels : rule.series) {
    if (stored.find(labels) != stored.end()) continue;
    const absl::StatusOr<tsdb::SeriesRef> ref = appender->Resolve(labels, nullptr);
    if (ref.ok()) appender->Append(*ref, t, tsdb::StaleNaN());
  }
  absl::StatusOr<tsdb::CommitResult> result = appender->Commit();
  if (!result.ok()) return absl::UnavailableError(std::string(result.status().message()));
  size_t rejected = 0;
  for (const tsdb::RejectedSample& r : result->rejected) {
    if (r.index >= appended.size()) continue;  // a staleness marker
    ++rejected;
    stored.erase(appended[r.index]);
    const std::string_view why = tsdb::Describe(r.reason);
    last_error = absl::FailedPreconditionError(absl::string_view(why.data(), why.size()));
  }
  if (rejected > 0) {
    base::Warn("Error on ingesting result from rule evaluation", {{"group", spec_->Key()},
                                                                  {"name", rule.spec->name},
                                                                  {"num_dropped", rejected},
                                                                  {"err", last_error}});
  }
  rule.series = std::move(stored);
  return last_error;
}

void RuleGroup::StoreStale(TimestampMs t) {
  if (stale_.empty()) return;
  const std::unique_ptr<tsdb::Appender> appender = services_.storage.NewAppender();
  for (const tsdb::Labels& labels : stale_) {
    const absl::StatusOr<tsdb::SeriesRef> ref = appender->Resolve(labels, nullptr);
    // Another rule may give the series now: its sample of this time is there already and wins.
    if (ref.ok()) appender->Append(*ref, t, tsdb::StaleNaN());
  }
  if (appender->Commit().ok()) stale_.clear();
}

std::map<std::string, const ActiveAlert*> RuleGroup::StateKeys() const {
  std::map<std::string, const ActiveAlert*> keys;
  for (const auto& rule : rules_) {
    for (const auto& [labels, alert] : rule->alerts.all())
      keys[AlertStateKey(rule->key_prefix, labels)] = &alert;
  }
  return keys;
}

void RuleGroup::Persist(TimestampMs ts) {
  if (services_.state == nullptr) return;
  std::vector<base::StateChange> changes;
  std::map<std::string, uint64_t> next;
  bool appeared = false;  // or vanished: worth a sync
  bool any = false;
  {
    base::MutexLock lock(mu_);
    const auto keys = StateKeys();
    any = !keys.empty();
    for (const auto& [key, alert] : keys) {
      const uint64_t fingerprint = StateFingerprint(*alert);
      next[key] = fingerprint;
      const auto old = persisted_.find(key);
      if (old != persisted_.end() && old->second == fingerprint) continue;
      appeared |= old == persisted_.end() || alert->last_sent_at == ts;
      changes.push_back({key, EncodeAlert(*alert), base::StateChange::kPut});
    }
  }
  for (const auto& [key, fingerprint] : persisted_) {
    if (next.find(key) != next.end()) continue;
    changes.push_back({key, "", base::StateChange::kDelete});
    appeared = true;
  }
  if (any) {
    changes.push_back(
        {GroupStateKey(spec_->file, spec_->name), EncodeTime(ts), base::StateChange::kPut});
  } else if (group_record_) {
    changes.push_back({GroupStateKey(spec_->file, spec_->name), "", base::StateChange::kDelete});
  }
  if (changes.empty()) return;
  const absl::Status status =
      services_.state->Apply(base::Space::kRules, changes,
                             appeared ? base::Durability::kDisk : base::Durability::kProcess);
  if (!status.ok()) {  // what differs now differs at the next evaluation, too
    services_.metrics.state_writes_failed.Increment();
    base::Warn("Storing alert state failed", {{"group", spec_->Key()}, {"err", status}});
    return;
  }
  persisted_ = std::move(next);
  group_record_ = any;
}

GroupStatus RuleGroup::Status() const {
  GroupStatus out;
  out.file = spec_->file;
  out.name = spec_->name;
  out.interval = settings_.interval;
  out.limit = spec_->limit;
  base::MutexLock lock(mu_);
  out.evaluation_seconds = evaluation_seconds_;
  out.last_evaluation = last_evaluation_;
  for (const auto& rule : rules_) {
    RuleStatus status{
        rule->spec, rule->health, rule->last_error, rule->evaluation_seconds, rule->last_evaluation,
        {}};
    for (const auto& [labels, alert] : rule->alerts.all()) {
      if (alert.state != AlertState::kInactive) status.alerts.push_back(alert);
    }
    out.rules.push_back(std::move(status));
  }
  return out;
}

}  // namespace slowburn::rules
