// The webhook's body (version 4), byte for byte as Alertmanager writes it, and what a receiver's
// answer means.
//
// Threads: plain functions.
#ifndef SLOWBURN_NOTIFY_WEBHOOK_H_
#define SLOWBURN_NOTIFY_WEBHOOK_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/http_client.h"
#include "notify/stored_alert.h"

namespace slowburn::notify {

struct Notification {
  std::string_view receiver, reason, external_url, group_key;
  const LabelSet& group_labels;
  const LabelSet& route_labels;
  struct Item {
    const StoredAlert* alert;
    bool resolved;
  };
  std::vector<Item> alerts;  // in the order they are sent
};

// Keeps the first `max_alerts` (0: all); status and common labels are of those that are kept.
std::string WebhookBody(const Notification& notification, size_t max_alerts);

// Alertmanager's classes, plus 408 and 425 (and 429) worth another try.
enum class Answer { kAccepted, kTryAgain, kRefused };
Answer ClassifyAnswer(int status);
// The `reason` label of alertmanager_notifications_failed_total. Status 0: no answer came.
std::string_view FailureReason(int status, bool timed_out);
// Retry-After in seconds or as a date, capped at kMaxRetryAfter; 0 when absent or unreadable.
base::DurationMs RetryAfter(std::string_view header, base::TimestampMs now);

// Go's regexp.QuoteMeta: receivers' names look like this in bodies.
std::string QuoteMeta(std::string_view text);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_WEBHOOK_H_
