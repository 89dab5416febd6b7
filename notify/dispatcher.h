// Dispatcher: the machine inside Notifier. One lock guards everything; timers and answers come in
// as tasks of the Executor, each of them: take the lock, change the state, make it durable, start
// requests.
//
//   Send → alerts_ → routes → groups → (timer) Flush: snapshot, mutes
//     → per lane: DecideLane → intent → StartAttempt → OnAnswer: outcome, or a retry timer
//     → settled lanes drop resolved alerts → an empty group goes away
//
// Only notify's own .cc files include this. Lifetimes: held by Notifier, and weakly by timers and
// callbacks.
#ifndef SLOWBURN_NOTIFY_DISPATCHER_H_
#define SLOWBURN_NOTIFY_DISPATCHER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "notify/group.h"
#include "notify/inhibitor.h"
#include "notify/notifier.h"
#include "notify/notify_metrics.h"
#include "notify/stored_alert.h"
#include "notify/webhook.h"

namespace slowburn::notify {

class Dispatcher final : public std::enable_shared_from_this<Dispatcher> {
 public:
  explicit Dispatcher(Notifier::Deps deps);

  // Loads the state, applies `config`, starts the timers.
  absl::Status Start(ConfigPtr config) ABSL_LOCKS_EXCLUDED(mu_);
  void Stop() ABSL_LOCKS_EXCLUDED(mu_, gate_mu_);
  void Drain(base::DurationMs at_most) ABSL_LOCKS_EXCLUDED(mu_);

  // As in Notifier.
  void ApplyConfig(ConfigPtr config) ABSL_LOCKS_EXCLUDED(mu_);
  void ReportBadConfig();
  ConfigPtr config() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Send(std::vector<rules::Alert> alerts) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<AlertView> Alerts(const AlertFilter& filter) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<GroupView> Groups(const AlertFilter& filter) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::string> SetSilence(Silence silence) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status ExpireSilence(const std::string& id) ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<Silence> FindSilence(const std::string& id) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<Silence> AllSilences() ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<DeliveryRow> Deliveries(size_t limit, std::string_view receiver)
      ABSL_LOCKS_EXCLUDED(mu_);
  void UpdateMetrics() ABSL_LOCKS_EXCLUDED(mu_);
  TimestampMs started_at() const { return started_at_; }
  TimestampMs Now() const { return deps_.clock.Now(); }

 private:
  struct Integration {  // one webhook of one receiver
    WebhookConfig config;
    TimestampMs paused_until = 0;  // Retry-After of any answer holds back all of them
    int in_flight = 0;
    // Ids of groups whose lane is `queued`, for want of a free request.
    std::deque<std::string> waiting;
  };
  struct Changes {  // of one step: made durable together, then acted on
    std::vector<base::StateChange> state;
    base::Durability durability = base::Durability::kProcess;
    std::vector<std::pair<std::string, size_t>> start;  // group id and lane with a new intent
    bool over_limit = false;                            // a group could not be made
    void Put(std::string key, std::string value) {
      state.push_back({std::move(key), std::move(value)});
    }
    void Delete(std::string key) {
      state.push_back({std::move(key), "", base::StateChange::kDelete});
    }
  };
  struct SnapshotItem {
    const StoredAlert* alert;
    bool resolved, muted;
  };
  using Snapshot = std::vector<SnapshotItem>;  // in the order of a notification
  struct Mute {
    const char* reason = nullptr;  // null: not muted
    std::vector<std::string> by;
  };
  struct Batch {  // what one lane may be told now
    std::vector<Notification::Item> items;
    FingerprintSet firing, resolved;
  };
  // What to do with a resolved alert that a group does not hold: it may be one that was told long
  // ago.
  enum class ResolvedAlerts { kOnlyMembers, kJoin };

  // dispatcher.cc: configuration, timers, durability.
  void UseConfig(ConfigPtr config) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RebuildIntegrations() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Brings groups in line with config_: new ones, members, lanes; those that lead nowhere go.
  void RerouteAll(Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReconcileGroup(Group& group, Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ScheduleFlush(Group& group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnFlushTimer(const std::string& group_id, uint64_t generation) ABSL_LOCKS_EXCLUDED(mu_);
  void ScheduleMaintenance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnMaintenance() ABSL_LOCKS_EXCLUDED(mu_);
  void UpdateMetricsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Makes the changes durable, then starts the new deliveries. The error is counted and logged
  // here.
  absl::Status Commit(Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Runs `task` unless the dispatcher is stopped; for answers, which come on foreign threads.
  void PostTask(std::function<void()> task) ABSL_LOCKS_EXCLUDED(gate_mu_);

  // dispatcher_alerts.cc: alerts come in and go.
  void TakeAlert(StoredAlert alert, Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RouteAlert(StoredAlert& alert, ResolvedAlerts resolved, TimestampMs now, Changes& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Group* FindGroup(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Group* CreateGroup(const Route& route, const StoredAlert& alert, Changes& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AddMember(Group& group, StoredAlert& alert) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RemoveMember(Group& group, Fingerprint fingerprint) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DestroyGroup(const std::string& id, Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CollectAlerts(TimestampMs now, Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // dispatcher_flush.cc: what must be told.
  Mute RouteMute(const Group& group, TimestampMs now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Mute MuteByInterval(const Route& route, TimestampMs now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Snapshot TakeSnapshot(Group& group, TimestampMs now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetUndeliverable(Group& group, TimestampMs now, Changes& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Flush(Group& group, TimestampMs now, Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DecideLane(Group& group, size_t lane, const Snapshot& snapshot, TimestampMs now,
                  Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static Batch MakeBatch(const LogEntry& entry, const Snapshot& snapshot, bool send_resolved);
  // A notification is still on its way: keep trying it, or put a newer one in its place.
  void DecideBesidePending(Group& group, size_t lane, const Snapshot& snapshot, TimestampMs now,
                           Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Tell(Group& group, size_t lane, const Batch& batch, std::string_view reason, TimestampMs now,
            Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Supersede(Group& group, size_t lane, std::string_view why, Changes& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SetEntry(Group& group, size_t lane, LogEntry entry, Changes& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Drops what the last flush saw resolved once all lanes are settled; then an empty group.
  void Settle(Group& group, TimestampMs now, Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // dispatcher_delivery.cc: telling it.
  Integration* FindIntegration(const std::string& receiver, size_t lane)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void StartAttempt(Group& group, size_t lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<base::HttpRequest> MakeRequest(const Integration& integration,
                                                const Delivery& delivery) const;
  void OnAnswer(const std::string& receiver, const std::string& group_id, size_t lane,
                const std::string& delivery_id, absl::StatusOr<base::HttpResponse> answer)
      ABSL_LOCKS_EXCLUDED(mu_);
  void HandleAnswer(Group& group, size_t lane, const absl::StatusOr<base::HttpResponse>& answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void StartWaiting(const std::string& receiver, size_t lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ScheduleRetry(Group& group, size_t lane, TimestampMs when)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnRetryTimer(const std::string& group_id, size_t lane, const std::string& delivery_id)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Conclude(Group& group, size_t lane, DeliveryOutcome outcome)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The row goes to the ledger, the intent away.
  void CloseDelivery(Group& group, size_t lane, DeliveryOutcome outcome, Changes& changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FillRow(const Group& group, size_t lane, DeliveryRow& row) const;

  // dispatcher_recovery.cc: the state of the last run.
  absl::Status Recover(Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckFormat(Changes& changes) const;
  absl::Status LoadAlerts() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadGroups(Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadLogEntries(Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadIntents(Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The lane that `key` speaks of; nullptr, and the key goes, when its group is unknown.
  Lane* LaneOfKey(std::string_view key, Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestoreMembers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ResumeDeliveries(Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // dispatcher_views.cc
  bool ReceiverShown(const AlertFilter& filter, const std::string& receiver) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Shown(const AlertFilter& filter, const StoredAlert& alert, TimestampMs now, AlertView& view)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Notifier::Deps deps_;
  const TimestampMs started_at_;
  NotifyMetrics metrics_;

  // Answers take only this one: a client may give them before Start of the request has returned.
  base::Mutex gate_mu_ ABSL_ACQUIRED_AFTER(mu_);
  bool closed_ ABSL_GUARDED_BY(gate_mu_) = false;

  mutable base::Mutex mu_;
  base::CondVar idle_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  int in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  ConfigPtr config_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<RouteTree> tree_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<Inhibitor> inhibitor_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::vector<std::unique_ptr<Integration>>> integrations_
      ABSL_GUARDED_BY(mu_);  // by receiver
  std::unordered_map<Fingerprint, StoredAlert> alerts_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, std::unique_ptr<Group>> groups_ ABSL_GUARDED_BY(mu_);  // by id
  UuidSource ids_ ABSL_GUARDED_BY(mu_);
  Silences silences_ ABSL_GUARDED_BY(mu_);
  Ledger ledger_ ABSL_GUARDED_BY(mu_);
  base::TimerId maintenance_timer_ ABSL_GUARDED_BY(mu_) = base::TimerId::kNone;
  uint64_t next_generation_ ABSL_GUARDED_BY(mu_) = 1;
};

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_DISPATCHER_H_
