// The Notifier with real threads: senders, readers, reloads and answers at once, and an end in the
// middle of it all. What this finds, the sanitizers say.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/executor.h"
#include "base/metrics.h"
#include "notify/notifier.h"
#include "tests/testing/memory_state_store.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

constexpr char kConfig[] = R"(
route: {receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s}
inhibit_rules: [{source_matchers: [alertname=A1], target_matchers: [alertname=A2]}]
receivers: [{name: hook, webhook_configs: [{url: 'http://receiver/hook'}, {url: 'http://receiver/other'}]}]
)";

// Answers on a thread of its own, or at once, or with a failure.
class ThreadedClient final : public base::HttpClient {
 public:
  explicit ThreadedClient(base::Executor& executor) : executor_(executor) {}
  void Start(base::HttpRequest /*request*/, Callback done) override {
    const int n = ++requests_;
    if (n % 7 == 0) return done(absl::UnavailableError("no"));
    executor_.Post([done = std::move(done), n] {
      base::HttpResponse response;
      response.status = n % 5 == 0 ? 500 : n % 11 == 0 ? 404 : 200;
      done(std::move(response));
    });
  }
  int requests() const { return requests_; }

 private:
  base::Executor& executor_;
  std::atomic<int> requests_ = 0;
};

void SendSome(Notifier& notifier, int seed) {
  for (int i = 0; i < 40; ++i) {
    rules::Alert alert;
    alert.labels = {{"alertname", absl::StrCat("A", (i + seed) % 5)}, {"n", absl::StrCat(i % 3)}};
    if (i % 4 == 3) {
      alert.starts_at = 1;
      alert.ends_at = 1'000;
    }
    EXPECT_OK(notifier.Send({alert}));
  }
}

void ReadSome(Notifier& notifier) {
  for (int i = 0; i < 20; ++i) {
    (void)notifier.Alerts({});
    (void)notifier.Groups({});
    (void)notifier.Deliveries(10, "");
    notifier.UpdateMetrics();
  }
}

void ChangeSome(Notifier& notifier, const ConfigPtr& config) {
  for (int i = 0; i < 20; ++i) {
    Silence silence;
    silence.matchers = ParseMatchers("n=1").value();
    silence.ends_at = notifier.Now() + base::kHour;
    const absl::StatusOr<std::string> id = notifier.SetSilence(silence);
    EXPECT_OK(id);
    notifier.ApplyConfig(config);
    EXPECT_OK(notifier.ExpireSilence(*id));
    (void)notifier.AllSilences();
  }
}

TEST(NotifierThreads, EverythingAtOnceAndAnEndInTheMiddle) {
  const ConfigPtr config = ParseAlertmanagerConfig(kConfig, "am.yml").value();
  testing::MemoryStateStore store;
  const base::RealClock clock;
  for (int round = 0; round < 5; ++round) {
    prometheus::Registry registry;
    base::ThreadPoolExecutor answers(clock, 2), executor(clock, 3);
    ThreadedClient client(answers);
    auto created = Notifier::Create({.store = store,
                                     .executor = executor,
                                     .clock = clock,
                                     .http = client,
                                     .registry = registry,
                                     .external_url = "http://here"},
                                    config);
    ASSERT_OK(created);
    Notifier& notifier = **created;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) threads.emplace_back([&notifier, t] { SendSome(notifier, t); });
    threads.emplace_back([&notifier] { ReadSome(notifier); });
    threads.emplace_back([&] { ChangeSome(notifier, config); });
    for (std::thread& thread : threads) thread.join();
    if (round % 2 == 0) notifier.Drain(base::kSecond);
    created->reset();  // while flushes, retries and answers are still to come
  }
}

}  // namespace
}  // namespace slowburn::notify
