#include "notify/webhook.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/json.h"
#include "base/number.h"
#include "notify/limits.h"

namespace slowburn::notify {
namespace {

using base::JsonWriter;

// Go's RFC3339Nano: no trailing zeros, no dot without digits.
std::string GoTime(TimestampMs t) {
  std::string text = base::FormatRfc3339(t, 3);
  const size_t dot = text.rfind('.');
  if (dot == std::string::npos) return text;
  size_t end = text.size() - 1;  // the Z
  while (end > dot + 1 && text[end - 1] == '0') --end;
  if (end == dot + 1) --end;
  return text.substr(0, end) + "Z";
}

void WriteAlert(JsonWriter& json, const Notification::Item& item) {
  json.BeginObject();
  json.Field("status", item.resolved ? "resolved" : "firing");
  json.Key("labels");
  json.StringMap(item.alert->labels);
  json.Key("annotations");
  json.StringMap(item.alert->annotations);
  json.Field("startsAt", GoTime(item.alert->starts_at));
  json.Field("endsAt",
             item.resolved ? GoTime(item.alert->ends_at) : std::string("0001-01-01T00:00:00Z"));
  json.Field("generatorURL", item.alert->generator_url);
  json.Field("fingerprint", FingerprintHex(item.alert->fingerprint));
  json.EndObject();
}

// The pairs of the first set that all others have too.
LabelSet Common(const std::vector<Notification::Item>& items, LabelSet StoredAlert::*member) {
  if (items.empty()) return {};
  LabelSet common = items.front().alert->*member;
  for (const Notification::Item& item : items) {
    const LabelSet& other = item.alert->*member;
    std::erase_if(common,
                  [&](const auto& pair) { return LabelValue(other, pair.first) != pair.second; });
    if (common.empty()) break;
  }
  return common;
}

}  // namespace

std::string WebhookBody(const Notification& n, size_t max_alerts) {
  std::vector<Notification::Item> items = n.alerts;
  size_t keep = std::min(items.size(), kMaxAlertsPerNotification);
  if (max_alerts != 0) keep = std::min(keep, max_alerts);
  const size_t truncated = items.size() - keep;
  items.resize(keep);
  const bool firing =
      std::any_of(items.begin(), items.end(), [](const auto& item) { return !item.resolved; });

  std::string out;
  JsonWriter json(out, base::JsonEscapes::kGo);
  json.BeginObject();
  json.Field("receiver", QuoteMeta(n.receiver));
  json.Field("status", firing ? "firing" : "resolved");
  json.Key("alerts");
  json.BeginArray();
  for (const Notification::Item& item : items) WriteAlert(json, item);
  json.EndArray();
  json.Field("notification_reason", n.reason);
  json.Key("groupLabels");
  json.StringMap(n.group_labels);
  json.Key("commonLabels");
  json.StringMap(Common(items, &StoredAlert::labels));
  json.Key("commonAnnotations");
  json.StringMap(Common(items, &StoredAlert::annotations));
  if (!n.route_labels.empty()) {
    json.Key("routeLabels");
    json.StringMap(n.route_labels);
  }
  json.Field("externalURL", n.external_url);
  json.Field("version", "4");
  json.Field("groupKey", n.group_key);
  json.Field("truncatedAlerts", int64_t(truncated));
  json.EndObject();
  out += '\n';
  return out;
}

Answer ClassifyAnswer(int status) {
  if (status >= 200 && status < 300) return Answer::kAccepted;
  if (status == 408 || status == 425 || status == 429 || status >= 500) return Answer::kTryAgain;
  return Answer::kRefused;
}

std::string_view FailureReason(int status, bool timed_out) {
  if (timed_out) return "contextDeadlineExceeded";
  if (status == 401 || status == 403) return "authError";
  if (status == 429) return "rateLimited";
  if (status >= 400 && status < 500) return "clientError";
  if (status >= 500) return "serverError";
  return "other";
}

base::DurationMs RetryAfter(std::string_view header, base::TimestampMs now) {
  const absl::string_view text(header.data(), header.size());
  base::DurationMs wait = 0;
  int64_t seconds = 0;
  absl::Time date;
  std::string error;
  if (absl::SimpleAtoi(text, &seconds)) {
    wait = std::clamp<int64_t>(seconds, 0, kMaxRetryAfter / base::kSecond) * base::kSecond;
  } else if (absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, &date, &error)) {
    wait = absl::ToUnixMillis(date) - now;
  }
  return std::clamp<base::DurationMs>(wait, 0, kMaxRetryAfter);
}

std::string QuoteMeta(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace slowburn::notify
