// Random alerts, silences, failures, reloads and kills, and the promises that must hold through all
// of them. When things have calmed down, every receiver believes those alerts to fire that do: none
// is lost, and no end of one that was told. The same id always carries the same bytes; and while
// all is well nothing is told twice.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "tests/notify/world.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

using Reply = FakeReceivers::Reply;

constexpr const char* kConfigs[] = {
    R"(
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 100h
  routes: [{matchers: [alertname=B], receiver: both, group_by: [], mute_time_intervals: [halves]}]
inhibit_rules: [{source_matchers: [alertname=C], target_matchers: [alertname=A], equal: [instance]}]
receivers:
- {name: hook, webhook_configs: [{url: 'http://receiver/hook'}]}
- {name: both, webhook_configs: [{url: 'http://receiver/one'}, {url: 'http://receiver/two'}]}
time_intervals: [{name: halves, time_intervals: [{times: [{start_time: '00:10', end_time: '00:20'}, {start_time: '01:00', end_time: '01:10'}]}]}]
)",
    R"(
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 5s
  group_interval: 90s
  repeat_interval: 100h
  routes: [{matchers: [alertname=B], receiver: both, group_by: []}]
receivers:
- {name: hook, webhook_configs: [{url: 'http://receiver/hook'}]}
- {name: both, webhook_configs: [{url: 'http://receiver/one'}, {url: 'http://receiver/two'}]}
time_intervals: []
)"};

class Chaos {
 public:
  explicit Chaos(testing::Random& random) : random_(random), world_(kConfigs[0]) {
    world_.receivers.on_accepted = [this](const Received& received) { OnAccepted(received); };
  }

  void Run() {
    for (int step = 0; step < 80 && !::testing::Test::HasFailure(); ++step) Step();
    Calm();
    if (::testing::Test::HasFailure()) ADD_FAILURE() << "what happened:\n" << trace_;
  }

 private:
  void Note(const std::string& what) {
    absl::StrAppend(&trace_, double(world_.elapsed()) / 1000, "s ", what, "\n");
  }

  std::string RandomAlert() {
    return absl::StrCat(std::string(1, char('A' + random_.Below(3))), "/", random_.Below(3));
  }

  void Step() {
    switch (random_.Below(13)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const std::string alert = RandomAlert();
        firing_.insert(alert);
        Note("fire " + alert);
        EXPECT_OK(world_.Fire(alert));
        break;
      }
      case 4:
      case 5:
      case 6: {
        const std::string alert = RandomAlert();
        if (firing_.erase(alert) == 0) break;
        Note("resolve " + alert);
        EXPECT_OK(world_.Resolve(alert));
        break;
      }
      case 7:
        silences_.push_back(
            world_.Silence(absl::StrCat("alertname=", std::string(1, char('A' + random_.Below(3)))),
                           10 * base::kHour));
        Note("silence " + MatchersString(world_.notifier->FindSilence(silences_.back())->matchers));
        break;
      case 8:
        if (!silences_.empty()) {
          Note("unsilence");
          world_.Unsilence(silences_.back());
          silences_.pop_back();
        }
        break;
      case 9:
        Note("reload");
        world_.Reload(kConfigs[random_.Below(2)]);
        break;
      case 10:
        Note("restart");
        world_.Restart(random_.OneIn(3) ? base::DurationMs(random_.Below(3 * base::kMinute)) : 0);
        break;
      case 12:  // accepted, but we die before the answer
        Note("lose answers, then restart");
        for (const char* path : {"hook", "one", "two"}) {
          world_.receivers.Set(path, {Reply::kLoseAnswer, 0, ""});
        }
        world_.Advance(base::DurationMs(random_.Below(100'000)));
        for (const char* path : {"hook", "one", "two"}) world_.receivers.Set(path, {});
        world_.Restart();
        break;
      case 11:
        Answers();
        break;
    }
    world_.Advance(base::DurationMs(random_.Below(random_.OneIn(4) ? 200'000 : 20'000)));
  }

  void Answers() {
    const Reply replies[] = {{},
                             {},
                             {Reply::kAnswer, 500, ""},
                             {Reply::kAnswer, 404, ""},
                             {Reply::kAnswer, 429, "20"},
                             {Reply::kTimeout, 0, ""},
                             {Reply::kRefuseConnection, 0, ""},
                             {Reply::kHold, 0, ""}};
    if (world_.receivers.held() > 0) world_.receivers.ReleaseAll(replies[random_.Below(7)]);
    const std::string path = std::vector<std::string>{"hook", "one", "two"}[random_.Below(3)];
    const Reply reply = replies[random_.Below(8)];
    Note(absl::StrCat(path, " answers ", int(reply.kind), " ", reply.status));
    world_.receivers.Set(path, reply);
  }

  // Everything works again and nothing is muted.
  void Calm() {
    for (const char* path : {"hook", "one", "two"}) world_.receivers.Set(path, {});
    world_.receivers.ReleaseAll({});
    for (const std::string& id : silences_) world_.Unsilence(id);
    world_.Reload(kConfigs[1]);
    for (const std::string& alert : std::set<std::string>(firing_)) {
      if (alert.starts_with('C') && random_.OneIn(2)) {
        firing_.erase(alert);
        EXPECT_OK(world_.Resolve(alert));
      }
    }
    world_.Advance(2 * base::kHour);
    CheckBeliefs("after the storm");
    for (const std::string& alert : firing_) EXPECT_OK(world_.Resolve(alert));
    firing_.clear();
    world_.Advance(base::kHour);
    CheckBeliefs("after the end");
    EXPECT_TRUE(world_.notifier->Groups({}).empty());
    for (const DeliveryRow& row : world_.notifier->Deliveries(100'000, ""))
      EXPECT_NE(row.outcome, DeliveryOutcome::kPending);
  }

  void CheckBeliefs(const char* when) {
    std::map<std::string, std::set<std::string>> want;
    for (const std::string& alert : firing_) {
      if (alert.starts_with('B')) {
        want["one"].insert(alert);
        want["two"].insert(alert);
      } else {
        want["hook"].insert(alert);
      }
    }
    for (const char* path : {"hook", "one", "two"})
      EXPECT_EQ(believed_[path], want[path]) << path << " " << when;
  }

  void OnAccepted(const Received& received) {
    EXPECT_EQ(bodies_.emplace(received.id, received.body).first->second, received.body)
        << received.id;
    Note("  accepted " + received.ToString(world_.start) + " " + received.id);
    std::set<std::string>& believed = believed_[received.path];
    for (const std::string& alert : received.firing) believed.insert(alert);
    for (const std::string& alert : received.resolved) believed.erase(alert);
  }

  testing::Random& random_;
  std::string trace_;
  World world_;
  std::set<std::string> firing_;
  std::vector<std::string> silences_;
  // By path: what the receiver holds to be firing.
  std::map<std::string, std::set<std::string>> believed_;
  std::map<std::string, std::string> bodies_;  // by id
};

TEST(Chaos, PromisesHold) {
  testing::Random random;
  for (int round = 0; round < 60 && !::testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    Chaos(random).Run();
  }
}

// Without failures and kills nothing is ever told twice.
TEST(Chaos, NoRepetitionWhileAllIsWell) {
  testing::Random random;
  for (int round = 0; round < 30; ++round) {
    World world(kConfigs[1]);
    std::map<std::string, std::string> last;  // by path and group: firing and resolved
    world.receivers.on_accepted = [&](const Received& received) {
      const absl::StatusOr<base::JsonValue> body = base::ParseJson(received.body);
      std::string state;
      for (const std::string& alert : received.firing) state += alert + " ";
      for (const std::string& alert : received.resolved) state += "-" + alert + " ";
      std::string& before = last[received.path + std::string(body->StringAt("groupKey"))];
      // An alert may fire and end again: the state returns only over another one.
      EXPECT_NE(before, state) << received.ToString(world.start) << " round " << round;
      before = state;
    };
    for (int step = 0; step < 80; ++step) {
      const std::string alert =
          absl::StrCat(std::string(1, char('A' + random.Below(3))), "/", random.Below(3));
      if (random.OneIn(3)) {
        ASSERT_OK(world.Resolve(alert));
      } else {
        ASSERT_OK(world.Fire(alert));
      }
      if (random.OneIn(5)) world.Reload(kConfigs[random.Below(2)]);
      if (random.OneIn(10)) {  // a kill when no answer is outstanding
        world.Advance(0);
        world.Restart();
      }
      world.Advance(base::DurationMs(random.Below(60'000)));
    }
  }
}

}  // namespace
}  // namespace slowburn::notify
