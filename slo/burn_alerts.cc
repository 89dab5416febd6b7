#include "slo/burn_alerts.h"

#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "slo/fingerprint.h"

namespace slowburn::slo {
namespace {

using base::Durability;
using base::Space;
using base::StateChange;

std::string FingerprintOf(const rules::LabelPairs& labels) {
  std::string text;
  base::JsonWriter(text).StringMap(labels);
  return Fingerprint(text);
}

std::string RecordKey(const std::string& id, const std::string& tier) {
  return absl::StrCat("a/", id, "/", tier);
}

std::string BurnText(const std::optional<double>& burn) {
  return burn.has_value() ? absl::StrFormat("%.4g", *burn) : "unknown";
}

std::optional<rules::LabelPairs> ReadPairs(const base::JsonValue& json, std::string_view key) {
  const base::JsonValue* map = json.Find(key);
  if (map == nullptr || map->kind != base::JsonValue::Kind::kObject) return std::nullopt;
  rules::LabelPairs pairs;
  for (const auto& [name, value] : map->members) pairs.emplace_back(name, value.string);
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

TimestampMs TimeAt(const base::JsonValue& json, std::string_view key) {
  const base::JsonValue* value = json.Find(key);
  return value == nullptr ? 0 : static_cast<TimestampMs>(value->number);
}

void SetPair(rules::LabelPairs& pairs, std::string_view name, std::string value) {
  const auto at =
      std::lower_bound(pairs.begin(), pairs.end(), name,
                       [](const auto& pair, std::string_view n) { return pair.first < n; });
  if (at != pairs.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    pairs.emplace(at, std::string(name), std::move(value));
  }
}

}  // namespace

rules::LabelPairs AlertLabels(const SloSpec& spec, const Tier& tier) {
  const rules::LabelPairs own = {{"alertname", kAlertName},
                                 {"long", FormatWindow(tier.long_ms)},
                                 {"service", spec.service},
                                 {"severity", tier.severity},
                                 {"short", FormatWindow(tier.short_ms)},
                                 {"slo", spec.name},
                                 {"tier", tier.name}};
  rules::LabelPairs labels;
  const auto is_taken = [&](const std::string& name) {
    return std::any_of(own.begin(), own.end(),
                       [&](const auto& pair) { return pair.first == name; });
  };
  for (const auto& [name, value] : spec.labels) {
    SetPair(labels, is_taken(name) ? absl::StrCat("exported_", name) : name, value);
  }
  for (const auto& [name, value] : own) SetPair(labels, name, value);
  return labels;
}

rules::LabelPairs AlertAnnotations(const SloSpec& spec, const Tier& tier,
                                   const TierReading& reading, const WindowCount& period) {
  const std::string long_text = FormatWindow(tier.long_ms);
  const std::string short_text = FormatWindow(tier.short_ms);
  const Budget budget = BudgetOf(period, spec.budget);
  const double spent =
      budget.allowed_bad > 0 ? reading.long_count.bad.ToDouble() / budget.allowed_bad : 0;
  rules::LabelPairs out;
  SetPair(out, "summary",
          absl::StrCat(spec.service, "/", spec.name, " burns its error budget ",
                       BurnText(reading.long_burn), " times as fast as it may (", long_text, "), ",
                       BurnText(reading.short_burn), " times over the last ", short_text));
  SetPair(out, "description",
          absl::StrCat(
              FormatPercent(spent), " of the ", FormatWindow(spec.period_ms),
              " budget went within the last ", long_text, ": ", reading.long_count.bad.ToString(),
              " of ", reading.long_count.total.ToString(), " events were bad (",
              FormatPercent(ErrorRatio(reading.long_count).value_or(0)), "; ", short_text, ": ",
              reading.short_count.bad.ToString(), " of ", reading.short_count.total.ToString(),
              ", ", FormatPercent(ErrorRatio(reading.short_count).value_or(0)), "). Tier ",
              tier.name, " fires above ", FormatPercent(tier.threshold.ToDouble()), " (factor ",
              absl::StrFormat("%.6g", tier.factor.ToDouble()), "). Of the budget for ",
              spec.objective, "%, ", FormatPercent(budget.remaining_ratio), " is left.",
              spec.description.empty() ? "" : absl::StrCat(" ", spec.description)));
  for (const auto& [name, value] : spec.annotations) SetPair(out, name, value);
  return out;
}

BurnAlerts::BurnAlerts(base::StateStore& state, rules::AlertSink& sink, SloMetrics& metrics,
                       std::string external_url)
    : state_(state), sink_(sink), metrics_(metrics), external_url_(std::move(external_url)) {}

std::string BurnAlerts::Url(const std::string& id) const {
  return external_url_.empty() ? "" : absl::StrCat(external_url_, "/api/slo/v1/slos/", id);
}

bool BurnAlerts::LoadRecord(std::string_view key, std::string_view value) {
  const size_t slash = key.find('/', 2);
  const absl::StatusOr<base::JsonValue> json = base::ParseJson(value);
  if (slash == std::string_view::npos || !json.ok()) return false;
  std::optional<rules::LabelPairs> labels = ReadPairs(*json, "labels");
  std::optional<rules::LabelPairs> annotations = ReadPairs(*json, "annotations");
  const std::string_view state = json->StringAt("state");
  if (!labels.has_value() || !annotations.has_value() || (state != "firing" && state != "inactive"))
    return false;
  Record& record =
      records_[{std::string(key.substr(2, slash - 2)), std::string(key.substr(slash + 1))}];
  record = {state == "firing", TimeAt(*json, "since"), *std::move(labels), *std::move(annotations)};
  return true;
}

bool BurnAlerts::LoadEnded(std::string_view key, std::string_view value) {
  const absl::StatusOr<base::JsonValue> json = base::ParseJson(value);
  if (!json.ok()) return false;
  std::optional<rules::LabelPairs> labels = ReadPairs(*json, "labels");
  std::optional<rules::LabelPairs> annotations = ReadPairs(*json, "annotations");
  if (!labels.has_value() || !annotations.has_value()) return false;
  ended_[std::string(key.substr(2))] = {*std::move(labels), *std::move(annotations),
                                        std::string(json->StringAt("id")),
                                        TimeAt(*json, "starts_at"), TimeAt(*json, "ended_at")};
  return true;
}

absl::Status BurnAlerts::Load() {
  base::MutexLock lock(mu_);
  records_.clear();
  ended_.clear();
  const auto report = [&](std::string_view key, bool ok) {
    if (ok) return true;
    metrics_.corrupt_records.Increment();
    base::Error("the state of an SLO alert cannot be read; the tier starts inactive",
                {{"key", key}});
    return true;
  };
  RETURN_IF_ERROR(
      state_.Scan(Space::kSlo, "a/", "a0", [&](std::string_view key, std::string_view value) {
        return report(key, LoadRecord(key, value));
      }));
  return state_.Scan(Space::kSlo, "e/", "e0", [&](std::string_view key, std::string_view value) {
    return report(key, LoadEnded(key, value));
  });
}

void BurnAlerts::End(const Key& key, Record& record, TimestampMs now) {
  Ended& ended = ended_[FingerprintOf(record.labels)];
  ended = {record.labels, record.annotations, key.first, record.since, now};
  ended.unsaved = true;
}

void BurnAlerts::Judge(const SloSpec& spec, const Tier& tier, const TierReading& reading,
                       const WindowCount& period, TimestampMs now) {
  base::MutexLock lock(mu_);
  const Key key{spec.id, tier.name};
  const auto found = records_.find(key);
  const bool was_firing = found != records_.end() && found->second.firing;
  const bool fires = was_firing ? reading.holds() : reading.fires();
  if (!fires && !was_firing) return;
  Record& record = records_[key];
  if (!fires) {
    End(key, record, now);
    record.firing = false;
    record.since = now;
    record.unsaved = true;
    return;
  }
  rules::LabelPairs labels = AlertLabels(spec, tier);
  if (!was_firing) {
    record.since = now;
  } else if (labels != record.labels) {
    End(key, record, now);
  }
  const bool changed = !was_firing || labels != record.labels;
  // A hold has no numbers of the short window: what was said last stays said.
  if (changed || reading.fires())
    record.annotations = AlertAnnotations(spec, tier, reading, period);
  if (changed) {
    const std::string fingerprint = FingerprintOf(labels);
    if (ended_.erase(fingerprint) > 0) deleted_keys_.push_back("e/" + fingerprint);
    record.next_send = 0;
    record.unsaved = true;
  }
  record.firing = true;
  record.labels = std::move(labels);
}

void BurnAlerts::Retire(const std::vector<std::shared_ptr<const SloSpec>>& specs, TimestampMs now) {
  std::set<Key> wanted;
  for (const auto& spec : specs) {
    for (const Tier& tier : spec->tiers) wanted.emplace(spec->id, tier.name);
  }
  base::MutexLock lock(mu_);
  for (auto it = records_.begin(); it != records_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    if (it->second.firing) End(it->first, it->second, now);
    deleted_keys_.push_back(RecordKey(it->first.first, it->first.second));
    it = records_.erase(it);
  }
}

absl::Status BurnAlerts::Save() {
  std::vector<StateChange> changes;
  for (const std::string& key : deleted_keys_) changes.push_back({key, "", StateChange::kDelete});
  for (const auto& [key, record] : records_) {
    if (!record.unsaved) continue;
    StateChange& change = changes.emplace_back();
    change.key = RecordKey(key.first, key.second);
    base::JsonWriter json(change.value);
    json.BeginObject();
    json.Field("state", record.firing ? "firing" : "inactive");
    json.Field("since", record.since);
    json.Key("labels"), json.StringMap(record.labels);
    json.Key("annotations"), json.StringMap(record.annotations);
    json.EndObject();
  }
  for (const auto& [fingerprint, ended] : ended_) {
    if (!ended.unsaved) continue;
    StateChange& change = changes.emplace_back();
    change.key = "e/" + fingerprint;
    base::JsonWriter json(change.value);
    json.BeginObject();
    json.Field("id", std::string_view(ended.id));
    json.Field("starts_at", ended.starts_at);
    json.Field("ended_at", ended.ended_at);
    json.Key("labels"), json.StringMap(ended.labels);
    json.Key("annotations"), json.StringMap(ended.annotations);
    json.EndObject();
  }
  if (changes.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(state_.Apply(Space::kSlo, changes, Durability::kDisk));
  deleted_keys_.clear();
  for (auto& [key, record] : records_) record.unsaved = false;
  for (auto& [fingerprint, ended] : ended_) ended.unsaved = false;
  return absl::OkStatus();
}

void BurnAlerts::Send(TimestampMs now) {
  std::vector<rules::Alert> alerts;
  std::vector<TimestampMs*> sent;
  for (auto& [key, record] : records_) {
    if (!record.firing || record.next_send > now) continue;
    alerts.push_back(
        {record.labels, record.annotations, record.since, now + kFiringHorizon, Url(key.first)});
    sent.push_back(&record.next_send);
  }
  for (auto& [fingerprint, ended] : ended_) {
    if (ended.next_send > now) continue;
    alerts.push_back(
        {ended.labels, ended.annotations, ended.starts_at, ended.ended_at, Url(ended.id)});
    sent.push_back(&ended.next_send);
  }
  if (alerts.empty()) return;
  const size_t count = alerts.size();
  const absl::Status status = sink_.Send(std::move(alerts));
  if (!status.ok()) {
    metrics_.alert_send_failures.Increment(static_cast<double>(count));
    base::Error("SLO alerts were not taken over; they are sent again at the next evaluation",
                {{"alerts", count}, {"error", status}});
    return;
  }
  for (TimestampMs* next : sent) *next = now + kResendInterval;
}

void BurnAlerts::Settle(TimestampMs now) {
  base::MutexLock lock(mu_);
  const absl::Status status = Save();
  if (!status.ok()) {
    // A full disk must not silence a page: it is sent all the same, at worst once more after a
    // restart.
    metrics_.persist_failures.Increment();
    base::Error("the states of SLO alerts cannot be written", {{"error", status}});
  }
  Send(now);
  for (auto it = ended_.begin(); it != ended_.end();) {
    if (it->second.next_send == 0 || now - it->second.ended_at < kKeepResolved) {
      ++it;
      continue;
    }
    deleted_keys_.push_back("e/" + it->first);
    it = ended_.erase(it);
  }
  double firing = 0;
  for (const auto& [key, record] : records_) firing += record.firing ? 1 : 0;
  metrics_.alerts_firing.Set(firing);
}

BurnAlerts::State BurnAlerts::Find(const std::string& id, const std::string& tier) const {
  base::MutexLock lock(mu_);
  const auto found = records_.find({id, tier});
  if (found == records_.end()) return {};
  return {found->second.firing, found->second.since};
}

}  // namespace slowburn::slo
