// A world for tests of rules: fake time, a store in memory, queries answered from a table, and a
// sink that remembers.
#ifndef SLOWBURN_TESTS_RULES_RULES_WORLD_H_
#define SLOWBURN_TESTS_RULES_RULES_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/number.h"
#include "rules/rule_manager.h"
#include "rules/spec_loader.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_executor.h"
#include "tests/testing/memory_state_store.h"
#include "tsdb/memory_storage.h"

namespace slowburn::rules {

class RecordingSink final : public AlertSink {
 public:
  absl::Status Send(std::vector<Alert> alerts) override {
    if (failing) return absl::UnavailableError("sink is down");
    for (Alert& a : alerts) sent.push_back(std::move(a));
    return absl::OkStatus();
  }
  std::vector<Alert> sent;
  bool failing = false;
};

// What survives a kill: the state store and the samples. Everything else is rebuilt by Start().
class RulesWorld {
 public:
  static constexpr TimestampMs kStart = 1'700'000'000'000;
  // The elements of the vector that an expression gives at a time; an error if it returns one.
  using Element = std::pair<tsdb::Labels, double>;
  using Answer = std::function<absl::StatusOr<std::vector<Element>>(TimestampMs)>;

  RulesWorld() { Build(); }

  std::map<std::string, Answer> answers;  // by expression as printed
  testing::FakeClock clock{kStart};
  testing::MemoryStateStore state;
  tsdb::MemoryStorage storage;
  RecordingSink sink;
  std::string rules;  // the text of rules.yml
  RuleConfig config;
  std::vector<TimestampMs> queried;
  std::unique_ptr<prometheus::Registry> registry;
  std::unique_ptr<testing::FakeExecutor> executor;
  std::unique_ptr<RuleMetrics> metrics;
  std::unique_ptr<RuleManager> manager;
  RuleOptions options{.external_url = "http://h"};

  absl::Status Load() {
    RuleFile file = ParseRuleFile(rules, "rules.yml", {});
    if (!file.status().ok()) return file.status();
    config.groups = file.groups;
    return manager->Update(config);
  }

  // As after kill -9: nothing is told, nothing is written.
  void Kill() {
    manager.reset();
    Build();
  }

  void Build() {
    manager.reset();
    metrics.reset();
    registry = std::make_unique<prometheus::Registry>();
    metrics = std::make_unique<RuleMetrics>(*registry);
    executor = std::make_unique<testing::FakeExecutor>(clock);
    const RuleQuery query = [this](const GroupSpec&, std::string_view expr, TimestampMs t,
                                   const std::atomic<bool>*) { return Ask(std::string(expr), t); };
    manager = std::make_unique<RuleManager>(
        *executor, RuleServices{clock, storage, query, sink, &state, *metrics, options});
  }

  absl::StatusOr<query::QueryResult> Ask(const std::string& expr, TimestampMs t) {
    queried.push_back(t);
    query::QueryResult r;
    r.type = query::ValueType::kVector;
    const auto it = answers.find(expr);
    if (it == answers.end()) return r;
    absl::StatusOr<std::vector<Element>> elements = it->second(t);
    if (!elements.ok()) return elements.status();
    for (auto& [labels, v] : *elements) {
      query::Series s;
      s.labels = std::move(labels);
      s.floats.push_back({t, v});
      r.series.push_back(std::move(s));
    }
    return r;
  }

  // Always the same elements.
  static Answer Always(std::vector<Element> elements) {
    return [elements](TimestampMs) { return elements; };
  }

  // The samples of one series, as "value@seconds since kStart", stale as "stale".
  std::vector<std::string> Samples(const tsdb::Labels& labels) {
    std::vector<std::string> out;
    tsdb::Matchers matchers;
    for (const tsdb::LabelView l : labels)
      matchers.push_back(tsdb::Matcher::Equal(l.name, l.value));
    const auto querier = storage.NewQuerier({});
    auto set = querier->Select(matchers, {});
    while (set.ok() && (*set)->Next()) {
      if ((*set)->labels() != labels) continue;
      const auto samples = (*set)->samples();
      for (tsdb::SampleBatch batch; samples->Next(batch);) {
        for (size_t i = 0; i < batch.t.size(); ++i) {
          const std::string v =
              tsdb::IsStaleNaN(batch.v[i]) ? "stale" : base::FormatFloat(batch.v[i]);
          out.push_back(v + "@" +
                        base::FormatFloat(static_cast<double>(batch.t[i] - origin) / 1000));
        }
      }
    }
    return out;
  }

  // The only rule of the only group.
  RuleStatus Only() const { return manager->Groups().at(0).rules.at(0); }

  // A counter's or gauge's value from /metrics, the line that begins with `name`.
  std::string Metric(const std::string& name) const {
    const std::string text = base::ExposeText(*registry);
    const size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "";
    const size_t begin = at + name.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  // Moves to just after the next slot of the group, and makes slots begin at `origin`.
  void Tick(DurationMs interval = base::kMinute) {
    const TimestampMs slot =
        RuleManager::SlotBefore("rules.yml;g", interval, clock.Now()) + interval;
    executor->AdvanceTo(slot);
    if (origin == 0) origin = slot;
  }

  TimestampMs origin = 0;  // the first Tick
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_TESTS_RULES_RULES_WORLD_H_
