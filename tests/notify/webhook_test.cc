#include "notify/webhook.h"

#include <gtest/gtest.h>

#include "base/number.h"
#include "notify/limits.h"

namespace slowburn::notify {
namespace {

StoredAlert Alert(LabelSet labels, LabelSet annotations, TimestampMs start, TimestampMs end,
                  std::string url = "") {
  StoredAlert alert;
  alert.labels = std::move(labels);
  alert.annotations = std::move(annotations);
  alert.fingerprint = FingerprintOf(alert.labels);
  alert.starts_at = start;
  alert.ends_at = end;
  alert.generator_url = std::move(url);
  return alert;
}

constexpr TimestampMs kNewYear = 1767225600120;  // 2026-01-01T00:00:00.12Z

TEST(WebhookBody, IsAlertmanagersByteForByte) {
  // What Alertmanager 0.33.1 sent for the same alert.
  const LabelSet labels{{"alertname", "X<a>&"}, {"severity", "page"}, {"é", "1"}};
  const StoredAlert alert =
      Alert(labels, {{"s", "line\nb\u2028"}}, kNewYear, kNewYear + 1, "http://x/a?b=c&d");
  const LabelSet no_labels;
  const std::string key = "{}/{severity=\"page\"}:" + LabelSetString(labels);
  const Notification n{.receiver = "page",
                       .reason = "first notification",
                       .external_url = "http://vm:18093",
                       .group_key = key,
                       .group_labels = labels,
                       .route_labels = no_labels,
                       .alerts = {{&alert, false}}};
  EXPECT_EQ(WebhookBody(n, 2),
            "{\"receiver\":\"page\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\","
            "\"labels\":{\"alertname\":"
            "\"X\\u003ca\\u003e\\u0026\",\"severity\":\"page\",\"\xc3\xa9\":\"1\"},\"annotations\":"
            "{\"s\":\"line\\nb"
            "\\u2028\"},\"startsAt\":\"2026-01-01T00:00:00.12Z\",\"endsAt\":\"0001-01-01T00:00:"
            "00Z\",\"generatorURL\":"
            "\"http://x/"
            "a?b=c\\u0026d\",\"fingerprint\":\"6c02b7c7e23c7bf8\"}],\"notification_reason\":"
            "\"first notification"
            "\",\"groupLabels\":{\"alertname\":\"X\\u003ca\\u003e\\u0026\",\"severity\":\"page\","
            "\"\xc3\xa9\":\"1\"},"
            "\"commonLabels\":{\"alertname\":\"X\\u003ca\\u003e\\u0026\",\"severity\":\"page\","
            "\"\xc3\xa9\":\"1\"},"
            "\"commonAnnotations\":{\"s\":\"line\\nb\\u2028\"},\"externalURL\":\"http://"
            "vm:18093\",\"version\":\"4\","
            "\"groupKey\":\"{}/{severity=\\\"page\\\"}:{alertname=\\\"X\\u003ca\\u003e\\u0026\\\", "
            "severity=\\\"page\\\", "
            "\xc3\xa9=\\\"1\\\"}\",\"truncatedAlerts\":0}\n");
}

TEST(WebhookBody, CommonLabelsStatusAndTruncation) {
  const StoredAlert firing =
      Alert({{"alertname", "A"}, {"n", "1"}}, {{"s", "x"}}, kNewYear, kNewYear);
  const StoredAlert over =
      Alert({{"alertname", "A"}, {"n", "2"}}, {{"s", "y"}}, kNewYear, kNewYear + 880);
  const LabelSet none;
  Notification n{.receiver = "web.hook",
                 .reason = "r",
                 .external_url = "u",
                 .group_key = "k",
                 .group_labels = none,
                 .route_labels = none,
                 .alerts = {{&over, true}, {&firing, false}}};
  const std::string body = WebhookBody(n, 0);
  EXPECT_NE(body.find(R"("receiver":"web\\.hook","status":"firing")"), std::string::npos);
  EXPECT_NE(body.find(R"("endsAt":"2026-01-01T00:00:01Z")"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("commonLabels":{"alertname":"A"},"commonAnnotations":{})"),
            std::string::npos);
  const std::string one = WebhookBody(n, 1);
  EXPECT_NE(one.find(R"("status":"resolved","alerts":[{"status":"resolved")"), std::string::npos)
      << one;
  EXPECT_NE(one.find(R"("truncatedAlerts":1})"), std::string::npos);
  EXPECT_NE(one.find(R"("commonLabels":{"alertname":"A","n":"2"})"), std::string::npos);
  const LabelSet route_labels{{"team", "db"}};
  const Notification labelled{.receiver = "r",
                              .reason = "r",
                              .external_url = "u",
                              .group_key = "k",
                              .group_labels = none,
                              .route_labels = route_labels,
                              .alerts = {{&firing, false}}};
  EXPECT_NE(WebhookBody(labelled, 0).find(R"("routeLabels":{"team":"db"},"externalURL")"),
            std::string::npos);
}

TEST(WebhookBody, HoldsAtMostTheLimit) {
  const StoredAlert alert = Alert({{"a", "1"}}, {}, kNewYear, kNewYear);
  const LabelSet none;
  Notification n{.receiver = "r",
                 .reason = "r",
                 .external_url = "u",
                 .group_key = "k",
                 .group_labels = none,
                 .route_labels = none,
                 .alerts = {}};
  n.alerts.assign(kMaxAlertsPerNotification, {&alert, false});
  EXPECT_NE(WebhookBody(n, 0).find("\"truncatedAlerts\":0}"), std::string::npos);
  n.alerts.push_back({&alert, false});
  EXPECT_NE(WebhookBody(n, 0).find("\"truncatedAlerts\":1}"), std::string::npos);
}

TEST(Webhook, MeaningOfAnswers) {
  for (const int status : {200, 201, 204, 299})
    EXPECT_EQ(ClassifyAnswer(status), Answer::kAccepted) << status;
  for (const int status : {408, 425, 429, 500, 502, 503, 504, 599})
    EXPECT_EQ(ClassifyAnswer(status), Answer::kTryAgain) << status;
  for (const int status : {100, 301, 304, 307, 400, 401, 403, 404, 409, 410, 413, 422, 451}) {
    EXPECT_EQ(ClassifyAnswer(status), Answer::kRefused) << status;
  }
  EXPECT_EQ(FailureReason(0, true), "contextDeadlineExceeded");
  EXPECT_EQ(FailureReason(0, false), "other");
  EXPECT_EQ(FailureReason(429, false), "rateLimited");
  EXPECT_EQ(FailureReason(403, false), "authError");
  EXPECT_EQ(FailureReason(404, false), "clientError");
  EXPECT_EQ(FailureReason(500, false), "serverError");
}

TEST(Webhook, RetryAfterInSecondsOrAsADateIsCapped) {
  EXPECT_EQ(RetryAfter("7", 0), 7000);
  EXPECT_EQ(RetryAfter("0", 0), 0);
  EXPECT_EQ(RetryAfter("-3", 0), 0);
  EXPECT_EQ(RetryAfter("99999999999", 0), kMaxRetryAfter);
  EXPECT_EQ(RetryAfter("", 0), 0);
  EXPECT_EQ(RetryAfter("soon", 0), 0);
  EXPECT_EQ(RetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", 1767225600000), 30'000);
  EXPECT_EQ(RetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", 1767225700000), 0);
  EXPECT_EQ(RetryAfter("Thu, 01 Jan 2099 00:00:30 GMT", 1767225600000), kMaxRetryAfter);
}

}  // namespace
}  // namespace slowburn::notify
