#include "notify/inhibitor.h"

#include "absl/strings/str_cat.h"

namespace slowburn::notify {

Inhibitor::Inhibitor(const std::vector<InhibitRuleConfig>& rules) {
  for (const InhibitRuleConfig& rule : rules) rules_.push_back({rule, {}});
}

// Length-prefixed, so that no value can look like the border to the next one.
std::string Inhibitor::EqualKey(const InhibitRuleConfig& rule, const LabelSet& labels) {
  std::string key;
  for (const std::string& name : rule.equal) {
    const std::string_view value = LabelValue(labels, name);
    absl::StrAppend(&key, value.size(), ":");
    key += value;
  }
  return key;
}

void Inhibitor::Upsert(Fingerprint fingerprint, const LabelSet& labels, base::TimestampMs ends_at) {
  for (Rule& rule : rules_) {
    if (!MatchesAll(rule.config.source, labels)) continue;
    Bucket& bucket = rule.buckets[EqualKey(rule.config, labels)];
    const bool both = MatchesAll(rule.config.target, labels);
    (both ? bucket.both_sides : bucket.only_sources)[fingerprint] = ends_at;
  }
}

void Inhibitor::Remove(Fingerprint fingerprint, const LabelSet& labels) {
  for (Rule& rule : rules_) {
    const auto it = rule.buckets.find(EqualKey(rule.config, labels));
    if (it == rule.buckets.end()) continue;
    it->second.only_sources.erase(fingerprint);
    it->second.both_sides.erase(fingerprint);
    if (it->second.only_sources.empty() && it->second.both_sides.empty()) rule.buckets.erase(it);
  }
}

std::optional<Fingerprint> Inhibitor::FirstLive(const Sources& sources, base::TimestampMs now) {
  for (const auto& [fingerprint, ends_at] : sources) {
    if (ends_at > now) return fingerprint;
  }
  return std::nullopt;
}

std::optional<Fingerprint> Inhibitor::InhibitedBy(const LabelSet& labels,
                                                  base::TimestampMs now) const {
  for (const Rule& rule : rules_) {
    if (!MatchesAll(rule.config.target, labels)) continue;
    const auto it = rule.buckets.find(EqualKey(rule.config, labels));
    if (it == rule.buckets.end()) continue;
    if (const auto found = FirstLive(it->second.only_sources, now)) return found;
    if (MatchesAll(rule.config.source, labels)) continue;
    if (const auto found = FirstLive(it->second.both_sides, now)) return found;
  }
  return std::nullopt;
}

}  // namespace slowburn::notify
