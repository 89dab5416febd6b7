// Notifier: routes alerts to receivers, as Alertmanager does, and forgets nothing that it has
// accepted.
//
//   // Loads its state and starts its timers:
//   ASSIGN_OR_RETURN(auto notifier, notify::Notifier::Create(deps, config));
//   rules_engine(…, *notifier);               // as rules::AlertSink
//   notifier->ApplyConfig(new_config);        // groups, timers and requests go on
//   notifier->Drain(5 * base::kSecond);       // at the end
//
// Everything lives in Space::kNotify of the StateStore and is found again at the next Create:
// alerts, silences, groups with their timers, what every receiver was told, notifications under
// way, the delivery ledger.
//   - An alert or silence is on disk before Send or SetSilence returns OK. (A mere renewal of a
//     firing alert survives SIGKILL at once and power loss a little later.)
//   - A notification is on disk before it is sent and its outcome after. One without an outcome is
//     sent again with the same bytes and the same Idempotency-Key, unless a newer one took its
//     place. So a crash costs at most a repetition.
//   - When the disk fails, silences are refused, but pages still go out: Send returns an error and
//     routes nevertheless.
//
// Where we differ from Alertmanager on purpose: the end of an alert that was told as firing is told
// even if it is silenced, inhibited or muted by then; 408, 425 and 429 are tried again and
// Retry-After is heeded; a notification that nobody took is kept when its alerts end meanwhile;
// repeat_interval counts from the decision to send; an alert that fires again after its end pages
// even where send_resolved is false.
//
// Threads: thread-safe; nothing blocks on the network. Work runs on the Executor.
// Lifetimes: everything in Deps must outlive the Notifier; after its destructor no task or callback
// touches them.
#ifndef SLOWBURN_NOTIFY_NOTIFIER_H_
#define SLOWBURN_NOTIFY_NOTIFIER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/http_client.h"
#include "base/state_store.h"
#include "notify/config.h"
#include "notify/ledger.h"
#include "notify/silences.h"
#include "notify/views.h"
#include "rules/alert_sink.h"

namespace prometheus {
class Registry;
}

namespace slowburn::notify {

class Dispatcher;

class Notifier final : public rules::AlertSink {
 public:
  struct Deps {
    base::StateStore& store;
    base::Executor& executor;
    const base::Clock& clock;
    base::HttpClient& http;
    prometheus::Registry& registry;
    std::string external_url;  // of this server, in every notification
    uint64_t seed = 0;         // of ids and jitter; 0: from the operating system
  };

  // The version of Alertmanager that the API speaks; amtool compares major and minor.
  static constexpr char kAlertmanagerVersion[] = "0.33.1+slowburn";

  static absl::StatusOr<std::unique_ptr<Notifier>> Create(Deps deps, ConfigPtr config);
  ~Notifier() override;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Groups live on under (receiver, route key, labels); requests under way are not cancelled.
  void ApplyConfig(ConfigPtr config);
  // A reload failed before ApplyConfig: for alertmanager_config_last_reload_successful.
  void ReportBadConfig();
  ConfigPtr config() const;

  // kInvalidArgument names the alerts that make no sense, one a line; the others were taken.
  // kResourceExhausted: too many alerts. kUnavailable: routed, but not durable.
  absl::Status Send(std::vector<rules::Alert> alerts) override;

  std::vector<AlertView> Alerts(const AlertFilter& filter) const;  // by fingerprint
  std::vector<GroupView> Groups(const AlertFilter& filter) const;  // by labels, then receiver

  absl::StatusOr<std::string> SetSilence(Silence silence);  // see Silences::Set
  absl::Status ExpireSilence(const std::string& id);
  std::optional<Silence> FindSilence(const std::string& id) const;
  // Active by end, pending by start, expired by end backwards.
  std::vector<Silence> AllSilences() const;

  // Newest first, those under way included; `receiver` "" is all.
  std::vector<DeliveryRow> Deliveries(size_t limit, std::string_view receiver) const;

  base::TimestampMs started_at() const;
  base::TimestampMs Now() const;  // of the clock that decides
  // Brings the gauges (alerts, silences, groups) up to date; done every 30 s and worth doing before
  // /metrics is read.
  void UpdateMetrics();
  // Begins no further request and waits, in real time, until those under way have ended. What is
  // left is sent after the next start.
  void Drain(base::DurationMs at_most);

 private:
  explicit Notifier(std::shared_ptr<Dispatcher> dispatcher);
  const std::shared_ptr<Dispatcher> dispatcher_;  // also held, weakly, by timers and callbacks
};

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_NOTIFIER_H_
