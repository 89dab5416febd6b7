// Requests to receivers, their answers, and when to try again.
#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "notify/dispatcher.h"
#include "notify/http_config.h"
#include "notify/limits.h"

namespace slowburn::notify {
namespace {

// After the `attempts`-th failure; `unit` in [0, 1) spreads it by half to both sides.
base::DurationMs Backoff(int64_t attempts, double unit) {
  const double grown =
      double(kFirstBackoff) * std::pow(1.5, double(std::min<int64_t>(attempts, 64) - 1));
  return base::DurationMs(std::min(grown, double(kMaxBackoff)) * (0.5 + unit));
}

bool TimedOut(const absl::StatusOr<base::HttpResponse>& answer) {
  return absl::IsDeadlineExceeded(answer.status());
}

std::string DescribeFailure(const absl::StatusOr<base::HttpResponse>& answer) {
  if (!answer.ok()) return std::string(answer.status().message());
  std::string text = absl::StrCat("unexpected status code ", answer->status);
  const std::string body(absl::StripAsciiWhitespace(answer->body.substr(0, 200)));
  if (!body.empty()) absl::StrAppend(&text, ": ", body);
  return text;
}

}  // namespace

Dispatcher::Integration* Dispatcher::FindIntegration(const std::string& receiver, size_t lane) {
  const auto it = integrations_.find(receiver);
  return it == integrations_.end() || lane >= it->second.size() ? nullptr : it->second[lane].get();
}

void Dispatcher::FillRow(const Group& group, size_t lane, DeliveryRow& row) const {
  row.receiver = group.receiver;
  row.integration = absl::StrCat("webhook/", lane);
  row.group_key = group.key();
  row.group_labels = group.labels;
}

absl::StatusOr<base::HttpRequest> Dispatcher::MakeRequest(const Integration& integration,
                                                          const Delivery& delivery) const {
  base::HttpRequest request;
  request.method = "POST";
  request.url = integration.config.url;
  if (request.url.empty()) {
    ASSIGN_OR_RETURN(const std::string content, base::ReadFile(integration.config.url_file));
    request.url = std::string(absl::StripAsciiWhitespace(content));
    if (request.url.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("url_file ", integration.config.url_file, " is empty"));
    }
  }
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", absl::StrCat("Alertmanager/0.33.1 Slowburn/", base::kVersion)},
                     {"Idempotency-Key", delivery.row.id},
                     {"X-Notification-Attempt", absl::StrCat(delivery.row.attempts)}};
  request.body = delivery.body;
  request.timeout_ms = integration.config.timeout > 0 ? integration.config.timeout : kSendTimeout;
  request.max_body_bytes = kMaxAnswerBytes;
  request.config = integration.config.http;
  return request;
}

void Dispatcher::StartAttempt(Group& group, size_t lane) {
  Lane& l = group.lanes[lane];
  Integration* integration = FindIntegration(group.receiver, lane);
  if (l.pending == nullptr || l.pending->in_flight || l.queued || integration == nullptr ||
      draining_ || stopped_)
    return;
  if (const TimestampMs now = Now(); integration->paused_until > now) {
    return ScheduleRetry(group, lane, integration->paused_until);
  }
  if (integration->in_flight >= kMaxInFlightPerIntegration) {
    l.queued = true;
    integration->waiting.push_back(group.id);
    return;
  }
  Delivery& delivery = *l.pending;
  ++delivery.row.attempts;
  delivery.in_flight = true;
  delivery.started_ns = deps_.clock.MonotonicNs();
  ++integration->in_flight;
  ++in_flight_;
  metrics_.requests.Increment();
  auto done = [weak = weak_from_this(), receiver = group.receiver, id = group.id, lane,
               delivery_id = delivery.row.id](absl::StatusOr<base::HttpResponse> answer) {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->PostTask([weak, receiver, id, lane, delivery_id, answer = std::move(answer)] {
      if (const auto me = weak.lock()) me->OnAnswer(receiver, id, lane, delivery_id, answer);
    });
  };
  absl::StatusOr<base::HttpRequest> request = MakeRequest(*integration, delivery);
  if (request.ok()) {
    deps_.http.Start(std::move(*request), std::move(done));
  } else {
    done(request.status());  // counts as an attempt, and is tried again: the file may come back
  }
}

void Dispatcher::OnAnswer(const std::string& receiver, const std::string& group_id, size_t lane,
                          const std::string& delivery_id,
                          absl::StatusOr<base::HttpResponse> answer) {
  base::MutexLock lock(mu_);
  --in_flight_;
  idle_.NotifyAll();
  if (stopped_) return;
  if (Integration* integration = FindIntegration(receiver, lane)) {
    integration->in_flight = std::max(0, integration->in_flight - 1);
  }
  Group* group = FindGroup(group_id);
  if (group != nullptr && lane < group->lanes.size()) {
    const Delivery* pending = group->lanes[lane].pending.get();
    if (pending != nullptr && pending->in_flight && pending->row.id == delivery_id)
      HandleAnswer(*group, lane, answer);
  }
  StartWaiting(receiver, lane);
}

void Dispatcher::HandleAnswer(Group& group, size_t lane,
                              const absl::StatusOr<base::HttpResponse>& answer) {
  Lane& l = group.lanes[lane];
  Delivery& delivery = *l.pending;
  const TimestampMs now = Now();
  delivery.in_flight = false;
  delivery.row.http_status = answer.ok() ? answer->status : 0;
  metrics_.latency.Observe(double(deps_.clock.MonotonicNs() - delivery.started_ns) / 1e9);
  const Answer verdict = answer.ok() ? ClassifyAnswer(answer->status) : Answer::kTryAgain;
  if (verdict == Answer::kAccepted) {
    delivery.row.error.clear();
    return Conclude(group, lane, DeliveryOutcome::kDelivered);
  }
  metrics_.requests_failed.Increment();
  delivery.row.error = DescribeFailure(answer);
  // Something stood between the receiver and us: it may have got the body.
  const bool never_sent =
      absl::IsInvalidArgument(answer.status()) || absl::IsNotFound(answer.status());
  if (answer.ok() ? answer->status >= 500 : !never_sent) delivery.maybe_delivered = true;
  const bool too_old = delivery.row.time + kDeliveryDeadline < now;
  if (verdict == Answer::kRefused || too_old || delivery.row.attempts == 1) {
    base::Warn("notification was not accepted", {{"receiver", group.receiver},
                                                 {"integration", delivery.row.integration},
                                                 {"group", delivery.row.group_key},
                                                 {"id", delivery.row.id},
                                                 {"attempt", delivery.row.attempts},
                                                 {"err", delivery.row.error}});
  }
  if (verdict == Answer::kRefused || too_old) {
    metrics_.Failed(FailureReason(int(delivery.row.http_status), TimedOut(answer))).Increment();
    return Conclude(group, lane, DeliveryOutcome::kFailed);
  }
  base::DurationMs wait = Backoff(delivery.row.attempts, ids_.Unit());
  const base::DurationMs asked = answer.ok() ? RetryAfter(answer->Header("retry-after"), now) : 0;
  if (asked > 0) {
    wait = std::max(wait, asked);
    Integration& integration = *FindIntegration(group.receiver, lane);
    integration.paused_until = std::max(integration.paused_until, now + asked);
  }
  ScheduleRetry(group, lane, now + wait);
  if (std::exchange(l.dirty, false)) {
    // A flush passed meanwhile: what goes out next is the newest state.
    Changes changes;
    DecideLane(group, lane, TakeSnapshot(group, now), now, changes);
    Settle(group, now, changes);
    Commit(changes).IgnoreError();
  }
}

void Dispatcher::StartWaiting(const std::string& receiver, size_t lane) {
  Integration* integration = FindIntegration(receiver, lane);
  while (integration != nullptr && !integration->waiting.empty() &&
         integration->in_flight < kMaxInFlightPerIntegration) {
    const std::string id = std::move(integration->waiting.front());
    integration->waiting.pop_front();
    Group* group = FindGroup(id);
    if (group == nullptr || lane >= group->lanes.size()) continue;
    group->lanes[lane].queued = false;
    StartAttempt(*group, lane);
  }
}

void Dispatcher::ScheduleRetry(Group& group, size_t lane, TimestampMs when) {
  Delivery& delivery = *group.lanes[lane].pending;
  deps_.executor.Cancel(delivery.retry_timer);
  delivery.retry_timer = deps_.executor.RunAt(
      when, [weak = weak_from_this(), id = group.id, lane, delivery_id = delivery.row.id] {
        if (const auto self = weak.lock()) self->OnRetryTimer(id, lane, delivery_id);
      });
}

void Dispatcher::OnRetryTimer(const std::string& group_id, size_t lane,
                              const std::string& delivery_id) {
  base::MutexLock lock(mu_);
  Group* group = FindGroup(group_id);
  if (stopped_ || group == nullptr || lane >= group->lanes.size()) return;
  const Delivery* pending = group->lanes[lane].pending.get();
  if (pending != nullptr && pending->row.id == delivery_id) StartAttempt(*group, lane);
}

void Dispatcher::Conclude(Group& group, size_t lane, DeliveryOutcome outcome) {
  Lane& l = group.lanes[lane];
  const Delivery& delivery = *l.pending;
  const TimestampMs now = Now();
  Changes changes;
  l.settled = outcome == DeliveryOutcome::kDelivered;
  if (l.settled) {
    SetEntry(group, lane,
             AfterDelivery(l.entry, delivery.firing, delivery.resolved, delivery.row.time),
             changes);
  } else if (delivery.maybe_delivered) {
    SetEntry(group, lane, AfterDoubtfulDelivery(l.entry, delivery.firing, delivery.resolved),
             changes);
  }
  CloseDelivery(group, lane, outcome, changes);
  changes.durability = base::Durability::kDisk;
  if (std::exchange(l.dirty, false))
    DecideLane(group, lane, TakeSnapshot(group, now), now, changes);
  Settle(group, now, changes);
  Commit(changes).IgnoreError();
}

void Dispatcher::CloseDelivery(Group& group, size_t lane, DeliveryOutcome outcome,
                               Changes& changes) {
  Delivery& delivery = *group.lanes[lane].pending;
  deps_.executor.Cancel(delivery.retry_timer);
  delivery.row.outcome = outcome;
  delivery.row.duration_ms = Now() - delivery.row.time;
  changes.Delete(LaneStateKey(kIntentPrefix, lane, group.id));
  ledger_.Append(std::move(delivery.row), changes.state);
  group.lanes[lane].pending.reset();
}

}  // namespace slowburn::notify
