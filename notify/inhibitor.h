// Inhibitor: alerts that mute others. A target is muted while an unresolved source exists that has
// the same values of the rule's `equal` labels (absent and "" are the same). An alert that is both
// source and target of a rule is not muted by such another one, and so never by itself.
//
// Every rule keeps all its sources per tuple of `equal` values, so that one that goes away never
// hides another. Threads: not thread-safe; the Dispatcher's lock guards it.
#ifndef SLOWBURN_NOTIFY_INHIBITOR_H_
#define SLOWBURN_NOTIFY_INHIBITOR_H_

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "notify/config.h"
#include "notify/label_set.h"

namespace slowburn::notify {

class Inhibitor {
 public:
  explicit Inhibitor(const std::vector<InhibitRuleConfig>& rules);

  // The alert as it is now; it is a source until `ends_at`.
  void Upsert(Fingerprint fingerprint, const LabelSet& labels, base::TimestampMs ends_at);
  void Remove(Fingerprint fingerprint, const LabelSet& labels);
  // An alert that mutes `labels` at `now`: of the first rule that applies.
  std::optional<Fingerprint> InhibitedBy(const LabelSet& labels, base::TimestampMs now) const;
  size_t rules() const { return rules_.size(); }

 private:
  using Sources = std::map<Fingerprint, base::TimestampMs>;  // until when
  struct Bucket {
    Sources only_sources;  // do not match the target side
    Sources both_sides;
  };
  struct Rule {
    InhibitRuleConfig config;
    std::unordered_map<std::string, Bucket> buckets;  // by EqualKey
  };
  static std::string EqualKey(const InhibitRuleConfig& rule, const LabelSet& labels);
  static std::optional<Fingerprint> FirstLive(const Sources& sources, base::TimestampMs now);

  std::vector<Rule> rules_;
};

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_INHIBITOR_H_
