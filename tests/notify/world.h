// World: a Notifier between a fake clock, a store in memory and receivers that do as they are told.
// Time moves only in AdvanceTo; Restart is a kill -9 (nothing is written on the way down).
#ifndef SLOWBURN_TESTS_NOTIFY_WORLD_H_
#define SLOWBURN_TESTS_NOTIFY_WORLD_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "notify/notifier.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_executor.h"
#include "tests/testing/memory_state_store.h"

namespace slowburn::notify {

struct Received {
  base::TimestampMs time = 0;
  std::string url, path, body, id;  // path without its slash; id: Idempotency-Key
  int64_t attempt = 0;
  bool accepted = false;
  std::string status, reason;
  std::vector<std::string> firing, resolved;  // "alertname/instance"
  // "30s hook firing[A/1] resolved[] first notification", the time counted from `start`.
  std::string ToString(base::TimestampMs start) const;
};

// All receivers: what a path answers is set by tests.
class FakeReceivers final : public base::HttpClient {
 public:
  struct Reply {
    enum Kind { kAnswer, kTimeout, kRefuseConnection, kLoseAnswer, kHold } kind = kAnswer;
    int status = 200;
    std::string retry_after;
  };
  explicit FakeReceivers(const base::Clock& clock) : clock_(clock) {}
  void Start(base::HttpRequest request, Callback done) override;
  // Of "" where a path has none of its own.
  void Set(const std::string& path, Reply reply);
  void ReleaseAll(Reply reply);       // answers what was held
  void DropHeld() { held_.clear(); }  // the connections of somebody who died
  size_t held() const { return held_.size(); }

  const std::vector<Received>& all() const { return received_; }
  std::vector<Received> accepted() const;
  std::function<void(const Received&)> on_accepted;

 private:
  void Answer(size_t index, const Reply& reply, const Callback& done);
  const base::Clock& clock_;
  std::vector<Received> received_;
  std::vector<std::pair<std::string, Reply>> replies_;
  std::deque<std::pair<size_t, Callback>> held_;
};

class World {
 public:
  // The default start is 2026-01-01, a Thursday.
  explicit World(std::string config, base::TimestampMs start = 1767225600000);
  ~World();

  // "A/1 severity=page": alertname, instance and more labels; several are separated by commas.
  absl::Status Fire(std::string_view alerts, base::DurationMs lasts = 1000 * base::kHour);
  absl::Status Resolve(std::string_view alerts);
  std::string Silence(const std::string& matchers, base::DurationMs lasts);
  void Unsilence(const std::string& id);
  void Reload(std::string config);
  void Restart(base::DurationMs down = 0);
  void AdvanceTo(base::DurationMs since_start) { executor.AdvanceTo(start + since_start); }
  void Advance(base::DurationMs by) { executor.AdvanceBy(by); }
  base::DurationMs elapsed() const { return clock.Now() - start; }
  std::vector<std::string> Accepted() const;  // as Received::ToString

  const base::TimestampMs start;
  testing::FakeClock clock;
  testing::FakeExecutor executor;
  FakeReceivers receivers;
  testing::MemoryStateStore store;
  std::unique_ptr<prometheus::Registry> registry;
  std::unique_ptr<Notifier> notifier;

 private:
  absl::Status Send(std::string_view alerts, base::TimestampMs starts_at,
                    base::TimestampMs ends_at);
  void Create();
  std::string config_;
  uint64_t seed_ = 1;
};

rules::LabelPairs ParseAlertText(std::string_view text);

}  // namespace slowburn::notify

#endif  // SLOWBURN_TESTS_NOTIFY_WORLD_H_
