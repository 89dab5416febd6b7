// BurnAlerts: which tiers fire since when, on disk and towards the AlertSink.
//
// A state is written before it is sent, so that a kill in between sends it late, never loses it and
// never starts it anew. A firing alert is sent again every minute, with an end four minutes ahead;
// a resolved one for 15 minutes. When labels of a firing alert change (an edit of the SLO), the old
// identity is resolved and the new one keeps the start.
//
// Keys in Space::kSlo: a/<slo id>/<tier> the state of a tier; e/<fingerprint> an alert that ended
// not long ago.
//
// Threads: Find is thread-safe; everything else is called from one thread at a time.
#ifndef SLOWBURN_SLO_BURN_ALERTS_H_
#define SLOWBURN_SLO_BURN_ALERTS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/state_store.h"
#include "rules/alert_sink.h"
#include "slo/burn.h"
#include "slo/slo_metrics.h"
#include "slo/slo_spec.h"

namespace slowburn::slo {

inline constexpr DurationMs kResendInterval = base::kMinute;
// ends_at of a firing alert lies this far ahead.
inline constexpr DurationMs kFiringHorizon = 4 * base::kMinute;
inline constexpr DurationMs kKeepResolved = 15 * base::kMinute;
inline constexpr const char* kAlertName = "ErrorBudgetBurn";

// alertname, slo, service, tier, severity, long, short and the SLO's own labels; where one of those
// has such a name, it goes by exported_<name>.
rules::LabelPairs AlertLabels(const SloSpec& spec, const Tier& tier);
// summary and description in plain words with the numbers of both windows, and the SLO's own
// annotations.
rules::LabelPairs AlertAnnotations(const SloSpec& spec, const Tier& tier,
                                   const TierReading& reading, const WindowCount& period);

class BurnAlerts {
 public:
  BurnAlerts(base::StateStore& state, rules::AlertSink& sink, SloMetrics& metrics,
             std::string external_url);

  absl::Status Load();
  // The verdict of one evaluation on one tier.
  void Judge(const SloSpec& spec, const Tier& tier, const TierReading& reading,
             const WindowCount& period, TimestampMs now);
  // Resolves what fires for an SLO or tier that is not in `specs`.
  void Retire(const std::vector<std::shared_ptr<const SloSpec>>& specs, TimestampMs now);
  // Writes what changed, then sends what is due. Failures are counted, logged and tried again at
  // the next call.
  void Settle(TimestampMs now);

  struct State {
    bool firing = false;
    std::optional<TimestampMs> since;
  };
  State Find(const std::string& id, const std::string& tier) const;

 private:
  using Key = std::pair<std::string, std::string>;  // SLO id, tier
  struct Record {
    bool firing = false;
    TimestampMs since = 0;
    rules::LabelPairs labels, annotations;
    TimestampMs next_send = 0;
    bool unsaved = false;
  };
  struct Ended {
    rules::LabelPairs labels, annotations;
    std::string id;
    TimestampMs starts_at = 0, ended_at = 0, next_send = 0;
    bool unsaved = false;
  };

  void End(const Key& key, Record& record, TimestampMs now);
  absl::Status Save();
  void Send(TimestampMs now);
  bool LoadRecord(std::string_view key, std::string_view value);
  bool LoadEnded(std::string_view key, std::string_view value);
  std::string Url(const std::string& id) const;

  base::StateStore& state_;
  rules::AlertSink& sink_;
  SloMetrics& metrics_;
  const std::string external_url_;
  mutable base::Mutex mu_;  // records_ only, against Find
  std::map<Key, Record> records_;
  std::map<std::string, Ended> ended_;  // by fingerprint of the labels
  std::vector<std::string> deleted_keys_;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_BURN_ALERTS_H_
