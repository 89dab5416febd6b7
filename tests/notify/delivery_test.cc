// Requests, retries and the ledger, seen closely.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <set>

#include "base/file.h"
#include "notify/limits.h"
#include "tests/notify/world.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

using Reply = FakeReceivers::Reply;

constexpr char kOne[] = R"(
route: {receiver: hook, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h}
receivers: [{name: hook, webhook_configs: [{url: 'http://receiver/hook'}]}]
)";

TEST(Delivery, ServerErrorsAreTriedAgainWithTheSameBodyAndId) {
  World world(kOne);
  world.receivers.Set("", {Reply::kAnswer, 500, ""});
  ASSERT_OK(world.Fire("A/1"));
  world.AdvanceTo(35 * base::kSecond);
  world.receivers.Set("", {Reply::kTimeout, 0, ""});
  world.AdvanceTo(40 * base::kSecond);
  world.receivers.Set("", {});
  world.AdvanceTo(4 * base::kMinute);
  const auto& all = world.receivers.all();
  ASSERT_GE(all.size(), 4u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].body, all[0].body);
    EXPECT_EQ(all[i].id, all[0].id);
    EXPECT_EQ(all[i].attempt, int64_t(i) + 1);
    if (i > 0) {
      // 500 ms x 1.5^n, by half to both sides.
      const double middle = 500 * std::pow(1.5, double(i - 1));
      EXPECT_GE(double(all[i].time - all[i - 1].time), middle * 0.5 - 1);
      EXPECT_LE(double(all[i].time - all[i - 1].time), middle * 1.5 + 1);
    }
  }
  EXPECT_EQ(world.receivers.accepted().size(), 1u);
  const auto rows = world.notifier->Deliveries(10, "");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].outcome, DeliveryOutcome::kDelivered);
  EXPECT_EQ(rows[0].attempts, int64_t(all.size()));
  EXPECT_EQ(rows[0].http_status, 200);
  EXPECT_EQ(rows[0].error, "");
  EXPECT_EQ(rows[0].id, all[0].id);
  EXPECT_EQ(rows[0].duration_ms, all.back().time - all.front().time);
  EXPECT_EQ(rows[0].alert_names, std::vector<std::string>{"A"});
}

TEST(Delivery, BackoffHasACeilingAndTheDeadlineEndsIt) {
  World world(kOne);
  world.receivers.Set("", {Reply::kRefuseConnection, 0, ""});
  ASSERT_OK(world.Fire("A/1"));
  world.AdvanceTo(2 * base::kHour);
  const auto& all = world.receivers.all();
  EXPECT_LE(all.back().time - all[all.size() - 2].time, kMaxBackoff * 3 / 2);
  EXPECT_GT(all.size(), 60u);
  world.AdvanceTo(kDeliveryDeadline + base::kHour);
  const auto rows = world.notifier->Deliveries(10, "");
  ASSERT_EQ(rows.size(), 2u);  // given up and, at the next flush, decided anew
  EXPECT_EQ(rows[0].outcome, DeliveryOutcome::kPending);
  EXPECT_EQ(rows[1].outcome, DeliveryOutcome::kFailed);
  EXPECT_EQ(rows[1].error, "connection refused");
}

TEST(Delivery, RefusalIsRecordedAndNotRepeatedBeforeTheNextFlush) {
  World world(kOne);
  world.receivers.Set("", {Reply::kAnswer, 404, ""});
  ASSERT_OK(world.Fire("A/1"));
  world.AdvanceTo(5 * base::kMinute);
  EXPECT_EQ(world.receivers.all().size(), 1u);
  const auto rows = world.notifier->Deliveries(10, "hook");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].outcome, DeliveryOutcome::kFailed);
  EXPECT_EQ(rows[0].http_status, 404);
  EXPECT_EQ(rows[0].error, "unexpected status code 404");
  EXPECT_TRUE(world.notifier->Deliveries(10, "other").empty());
  world.AdvanceTo(6 * base::kMinute);
  EXPECT_EQ(world.receivers.all().size(), 2u);
  EXPECT_NE(world.receivers.all()[0].id, world.receivers.all()[1].id);
}

TEST(Delivery, RetryAfterHoldsBackTheWholeDestination) {
  World world(kOne);
  world.receivers.Set("", {Reply::kAnswer, 429, "7"});
  ASSERT_OK(world.Fire("A/1"));
  world.AdvanceTo(30 * base::kSecond);
  ASSERT_OK(world.Fire("B/1", base::kHour));  // its flush comes later
  world.receivers.Set("", {});
  world.AdvanceTo(36'999);
  EXPECT_EQ(world.receivers.all().size(), 1u);
  world.AdvanceTo(37'000);
  ASSERT_EQ(world.receivers.all().size(), 2u);
  EXPECT_TRUE(world.receivers.all()[1].accepted);
}

TEST(Delivery, OneAtATimePerGroupAndTheNewestStateFollows) {
  World world(kOne);
  world.receivers.Set("", {Reply::kHold, 0, ""});
  ASSERT_OK(world.Fire("A/1"));
  world.AdvanceTo(base::kMinute);
  ASSERT_OK(world.Resolve("A/1"));
  world.AdvanceTo(12 * base::kMinute);  // two flushes pass while the first request hangs
  EXPECT_EQ(world.receivers.all().size(), 1u);
  world.receivers.Set("", {});
  world.receivers.ReleaseAll({});
  world.Advance(0);
  EXPECT_EQ(world.Accepted(),
            (std::vector<std::string>{"30s hook firing[A/1] resolved[] first notification",
                                      "12m hook firing[] resolved[A/1] all alerts resolved"}));
}

TEST(Delivery, RequestsToOneDestinationAreLimited) {
  World world(kOne);
  world.receivers.Set("", {Reply::kHold, 0, ""});
  for (int i = 0; i < kMaxInFlightPerIntegration + 10; ++i)
    ASSERT_OK(world.Fire("A" + std::to_string(i)));
  world.AdvanceTo(base::kMinute);
  EXPECT_EQ(world.receivers.held(), size_t(kMaxInFlightPerIntegration));
  world.receivers.Set("", {});
  world.receivers.ReleaseAll({});
  world.Advance(0);
  EXPECT_EQ(world.receivers.accepted().size(), size_t(kMaxInFlightPerIntegration) + 10);
}

TEST(Delivery, TheUrlFileIsReadAtEachNotification) {
  const std::string path = ::testing::TempDir() + "/notify_url_file";
  World world(
      "route: {receiver: hook, group_wait: 30s, group_interval: 1m}\n"
      "receivers: [{name: hook, webhook_configs: [{url_file: '" +
      path + "'}]}]");
  (void)std::remove(path.c_str());
  ASSERT_OK(world.Fire("A/1"));
  world.AdvanceTo(40 * base::kSecond);
  EXPECT_TRUE(world.receivers.all().empty());
  EXPECT_GT(world.notifier->Deliveries(1, "")[0].attempts, 1);
  ASSERT_OK(base::WriteFileAtomic(path, "http://receiver/first\n"));
  world.AdvanceTo(2 * base::kMinute);
  ASSERT_OK(base::WriteFileAtomic(path, "http://receiver/second"));
  ASSERT_OK(world.Fire("A/2"));
  world.AdvanceTo(4 * base::kMinute);
  ASSERT_EQ(world.receivers.accepted().size(), 2u);
  EXPECT_EQ(world.receivers.accepted()[0].url, "http://receiver/first");
  EXPECT_EQ(world.receivers.accepted()[1].url, "http://receiver/second");
}

TEST(Delivery, LedgerIsNewestFirstLimitedAndSurvivesARestart) {
  World world(kOne);
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(world.Fire("A" + std::to_string(i)));
    world.Advance(10 * base::kMinute);
  }
  const auto before = world.notifier->Deliveries(100, "");
  ASSERT_EQ(before.size(), 5u);
  EXPECT_EQ(before[0].alert_names, std::vector<std::string>{"A4"});
  EXPECT_EQ(world.notifier->Deliveries(2, "").size(), 2u);
  world.Restart();
  const auto after = world.notifier->Deliveries(100, "");
  ASSERT_EQ(after.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(after[i].id, before[i].id);
    EXPECT_EQ(after[i].outcome, DeliveryOutcome::kDelivered);
    EXPECT_EQ(after[i].group_labels, before[i].group_labels);
    EXPECT_EQ(after[i].reason, "first notification");
  }
  world.Advance(kLedgerRetention + base::kHour);
  for (const DeliveryRow& row : world.notifier->Deliveries(100, ""))
    EXPECT_EQ(row.reason, "repeat interval elapsed");
}

TEST(Delivery, AFullDiskStopsSilencesButNotPages) {
  World world(kOne);
  world.store.FailAfter(0);
  EXPECT_THAT(world.Fire("A/1"), testing::IsCode(absl::StatusCode::kUnavailable, ""));
  world.AdvanceTo(base::kMinute);
  EXPECT_EQ(world.Accepted().size(), 1u);
  Silence silence;
  silence.matchers = ParseMatchers("a=b").value();
  silence.ends_at = world.clock.Now() + 1000;
  EXPECT_THAT(world.notifier->SetSilence(silence),
              testing::IsCode(absl::StatusCode::kUnavailable, ""));
  EXPECT_TRUE(world.notifier->AllSilences().empty());
}

TEST(Delivery, DrainKeepsWhatWasNotSent) {
  World world(kOne);
  ASSERT_OK(world.Fire("A/1"));
  world.notifier->Drain(0);
  world.AdvanceTo(base::kMinute);
  EXPECT_TRUE(world.receivers.all().empty());
  world.Restart();
  world.Advance(0);
  EXPECT_EQ(world.Accepted(),
            std::vector<std::string>{"1m hook firing[A/1] resolved[] first notification"});
}

TEST(Notifier, BadAlertsAreNamedAndTheOthersTaken) {
  World world(kOne);
  rules::Alert none, backwards, good, annotated;
  backwards.labels = {{"alertname", "B"}};
  backwards.starts_at = 2000;
  backwards.ends_at = 1000;
  good.labels = {{"alertname", "G"}, {"empty", ""}};
  annotated.labels = {{"alertname", "C"}};
  annotated.annotations = {{"\xff", "x"}};
  EXPECT_THAT(world.notifier->Send({none, backwards, good, annotated}),
              testing::IsCode(absl::StatusCode::kInvalidArgument,
                              "at least one label pair required\nstart time must be before end "
                              "time\ninvalid annotations"));
  const auto alerts = world.notifier->Alerts({});
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].labels, (LabelSet{{"alertname", "G"}}));
  EXPECT_EQ(alerts[0].ends_at, world.clock.Now() + 5 * base::kMinute);  // resolve_timeout
}

TEST(Notifier, OneOccurrenceKeepsItsStart) {
  World world(kOne);
  ASSERT_OK(world.Fire("A/1", base::kHour));
  const base::TimestampMs began = world.clock.Now();
  world.Advance(base::kMinute);
  ASSERT_OK(world.Fire("A/1", base::kHour));
  EXPECT_EQ(world.notifier->Alerts({})[0].starts_at, began);
  world.Advance(2 * base::kHour);  // it ended by itself
  EXPECT_TRUE(world.notifier->Alerts({}).empty());
  ASSERT_OK(world.Fire("A/1", base::kHour));
  EXPECT_EQ(world.notifier->Alerts({})[0].starts_at, world.clock.Now());
}

TEST(Notifier, ViewsFollowFiltersMutesAndReceivers) {
  World world(R"(
route:
  receiver: hook
  group_by: [alertname]
  routes: [{matchers: [team=db], receiver: db, continue: true}, {matchers: [team=db]}]
inhibit_rules: [{source_matchers: [alertname=Down], target_matchers: [alertname=Slow]}]
receivers: [{name: hook}, {name: db, labels: {kind: pager}}]
)");
  ASSERT_OK(world.Fire("Down/1, Slow/1, Disk/1 team=db, Quiet/1"));
  const std::string silence = world.Silence("alertname=Quiet", base::kHour);
  const auto names = [&](const AlertFilter& filter) {
    std::set<std::string> set;
    for (const AlertView& alert : world.notifier->Alerts(filter))
      set.emplace(LabelValue(alert.labels, "alertname"));
    return set;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(names({}), (Names{"Down", "Slow", "Disk", "Quiet"}));
  EXPECT_EQ(names({.matchers = ParseMatchers("alertname=~\"D.*\"").value()}),
            (Names{"Down", "Disk"}));
  EXPECT_EQ(names({.active = false}), (Names{"Slow", "Quiet"}));
  EXPECT_EQ(names({.silenced = false}), (Names{"Down", "Slow", "Disk"}));
  EXPECT_EQ(names({.inhibited = false}), (Names{"Down", "Disk", "Quiet"}));
  EXPECT_EQ(names({.receiver = base::Regex::Compile("d.").value()}), Names{"Disk"});
  EXPECT_EQ(names({.receiver_matchers = ParseMatchers("kind=pager").value()}), Names{"Disk"});
  for (const AlertView& alert : world.notifier->Alerts({})) {
    if (LabelValue(alert.labels, "alertname") == "Disk") {
      EXPECT_EQ(alert.receivers, (std::vector<std::string>{"db", "hook"}));
    }
    if (LabelValue(alert.labels, "alertname") == "Quiet") {
      EXPECT_EQ(alert.silenced_by, std::vector<std::string>{silence});
    }
    if (LabelValue(alert.labels, "alertname") == "Slow") {
      EXPECT_EQ(alert.inhibited_by.size(), 1u);
    }
  }
  const auto groups = world.notifier->Groups({});
  ASSERT_EQ(groups.size(), 5u);
  EXPECT_EQ(groups[0].labels, (LabelSet{{"alertname", "Disk"}}));
  EXPECT_EQ(groups[0].receiver, "db");
  EXPECT_EQ(groups[1].receiver, "hook");
}

}  // namespace
}  // namespace slowburn::notify
