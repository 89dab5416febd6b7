#include "rules/alertmanager_sink.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "rules/fanout_sink.h"
#include "rules/limits.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_http_client.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::rules {
namespace {

constexpr char kUrl[] = "http://am:9093/api/v2/alerts";

Alert Make(int i) {
  Alert a;
  a.labels = {{"alertname", "A"}, {"n", absl::StrCat(i)}};
  a.annotations = {{"s", "<&>"}};
  a.starts_at = 1'700'000'000'000;
  a.ends_at = 1'700'000'240'500;
  a.generator_url = "http://h/graph?a=1&b=2";
  return a;
}

std::vector<Alert> Many(int n) {
  std::vector<Alert> alerts;
  for (int i = 0; i < n; ++i) alerts.push_back(Make(i));
  return alerts;
}

struct World {
  testing::FakeClock clock;
  testing::FakeHttpClient client{[](const base::HttpRequest&) {
    return base::HttpResponse{.status = 200, .headers = {}, .body = ""};
  }};
  prometheus::Registry registry;
  AlertmanagerSink sink{client, clock, registry};

  std::string Metric(const std::string& name) const {
    const std::string text = base::ExposeText(registry);
    const std::string line = absl::StrCat("\n", name, "{alertmanager=\"", kUrl, "\"} ");
    const size_t at = text.find(line);
    if (at == std::string::npos) return "";
    return text.substr(at + line.size(), text.find('\n', at + 1) - at - line.size());
  }
  size_t BatchSize(size_t request) const {
    return base::ParseJson(client.requests()[request].body)->items.size();
  }
};

AlertmanagerTarget Target(const char* url = kUrl) {
  AlertmanagerTarget t;
  t.url = url;
  return t;
}

TEST(AlertmanagerSink, PostsWhatAlertmanagersRead) {
  World w;
  w.sink.SetTargets({Target()});
  ASSERT_OK(w.sink.Send({Make(1)}));
  ASSERT_EQ(w.client.requests().size(), 1u);
  const base::HttpRequest& r = w.client.requests()[0];
  EXPECT_EQ(r.method, "POST");
  EXPECT_EQ(r.url, kUrl);
  EXPECT_EQ(r.timeout_ms, 10'000);
  EXPECT_EQ(
      r.body,
      "[{\"annotations\":{\"s\":\"\\u003c\\u0026\\u003e\"},\"endsAt\":\"2023-11-14T22:17:20.500Z\","
      "\"startsAt\":\"2023-11-14T22:13:20.000Z\",\"generatorURL\":\"http://h/graph?a=1\\u0026b=2\","
      "\"labels\":{\"alertname\":\"A\",\"n\":\"1\"}}]");
  EXPECT_EQ(w.Metric("prometheus_notifications_sent_total"), "1");
}

TEST(AlertmanagerSink, BatchesAreBounded) {
  World w;
  w.sink.SetTargets({Target()});
  ASSERT_OK(w.sink.Send(Many(600)));
  ASSERT_EQ(w.client.requests().size(), 3u);
  EXPECT_EQ(w.BatchSize(0), kAlertmanagerBatchAlerts);
  EXPECT_EQ(w.BatchSize(2), 600 - 2 * kAlertmanagerBatchAlerts);
  EXPECT_TRUE(w.sink.Drain(0));
}

TEST(AlertmanagerSink, FailedBatchesAreCountedAndDropped) {
  World w;
  w.client.set_server([](const base::HttpRequest&) {
    return base::HttpResponse{.status = 500, .headers = {}, .body = ""};
  });
  w.sink.SetTargets({Target()});
  ASSERT_OK(w.sink.Send(Many(2)));
  EXPECT_EQ(w.Metric("prometheus_notifications_errors_total"), "2");
  EXPECT_EQ(w.Metric("prometheus_notifications_dropped_total"), "2");
  w.client.set_server([](const base::HttpRequest&) { return absl::UnavailableError("no route"); });
  ASSERT_OK(w.sink.Send(Many(1)));
  EXPECT_EQ(w.Metric("prometheus_notifications_errors_total"), "3");
  EXPECT_EQ(w.client.requests().size(), 2u);
}

TEST(AlertmanagerSink, AFullQueueLosesTheOldest) {
  World w;
  w.sink.SetTargets({Target()});
  w.client.Hold();
  ASSERT_OK(w.sink.Send(Many(1)));  // under way
  ASSERT_OK(w.sink.Send(Many(static_cast<int>(kAlertmanagerQueueAlerts))));
  EXPECT_EQ(w.Metric("prometheus_notifications_dropped_total"), "0");
  EXPECT_FALSE(w.sink.Drain(0));
  ASSERT_OK(w.sink.Send({Make(-1)}));
  EXPECT_EQ(w.Metric("prometheus_notifications_dropped_total"), "1");
  EXPECT_EQ(w.Metric("prometheus_notifications_queue_length"),
            absl::StrCat(kAlertmanagerQueueAlerts));
  w.client.Release();
  EXPECT_TRUE(w.sink.Drain(0));
  EXPECT_EQ(w.Metric("prometheus_notifications_sent_total"),
            absl::StrCat(kAlertmanagerQueueAlerts + 1));
  // The first of the ten thousand is the one that was lost.
  EXPECT_NE(w.client.requests()[1].body.find("\"n\":\"1\""), std::string::npos);
  EXPECT_EQ(w.client.requests()[1].body.find("\"n\":\"0\""), std::string::npos);
}

TEST(AlertmanagerSink, EachTargetHasItsRelabelling) {
  World w;
  AlertmanagerTarget picky = Target("http://picky/api/v2/alerts");
  picky.relabel = [](LabelPairs& labels) {
    labels.emplace_back("to", "picky");
    return labels[1].second != "0";
  };
  w.sink.SetTargets({picky, Target()});
  EXPECT_EQ(w.sink.ActiveUrls(), (std::vector<std::string>{picky.url, kUrl}));
  ASSERT_OK(w.sink.Send(Many(2)));
  ASSERT_EQ(w.client.requests().size(), 2u);
  EXPECT_EQ(w.BatchSize(0), 1u);
  EXPECT_EQ(w.BatchSize(1), 2u);
  EXPECT_EQ(w.client.requests()[1].body.find("picky"), std::string::npos);
}

TEST(AlertmanagerSink, TargetsThatStayKeepTheirQueue) {
  World w;
  w.sink.SetTargets({Target()});
  w.client.Hold();
  ASSERT_OK(w.sink.Send(Many(300)));
  w.sink.SetTargets({Target(), Target("http://new/")});
  w.client.Release();
  EXPECT_EQ(w.client.requests().size(), 2u);
  EXPECT_EQ(w.Metric("prometheus_notifications_sent_total"), "300");
}

TEST(AlertmanagerSink, AnswersAfterItsEndDoNoHarm) {
  World w;
  auto sink = std::make_unique<AlertmanagerSink>(w.client, w.clock, w.registry);
  sink->SetTargets({Target()});
  w.client.Hold();
  ASSERT_OK(sink->Send(Many(300)));
  sink.reset();
  w.client.Release();
  EXPECT_EQ(w.client.requests().size(), 1u);
}

class FailingSink final : public AlertSink {
 public:
  absl::Status Send(std::vector<Alert> alerts) override {
    got += alerts.size();
    return absl::UnavailableError("full");
  }
  size_t got = 0;
};

TEST(FanoutSink, AllGetAllAndTheFirstErrorIsTold) {
  World w;
  w.sink.SetTargets({Target()});
  FailingSink failing;
  FanoutSink both({&failing, &w.sink});
  EXPECT_THAT(both.Send(Many(3)), testing::IsCode(absl::StatusCode::kUnavailable, "full"));
  EXPECT_EQ(failing.got, 3u);
  EXPECT_EQ(w.BatchSize(0), 3u);
  FanoutSink none({});
  EXPECT_OK(none.Send(Many(1)));
}

}  // namespace
}  // namespace slowburn::rules
