#include "notify/inhibitor.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

InhibitRuleConfig Rule(const std::string& source, const std::string& target,
                       std::vector<std::string> equal) {
  InhibitRuleConfig rule;
  rule.source = ParseMatchers(source).value();
  rule.target = ParseMatchers(target).value();
  rule.equal = std::move(equal);
  return rule;
}

TEST(Inhibitor, OneSourceOfManyGoesAndTheOthersStillCount) {
  Inhibitor inhibitor({Rule("s=1", "t=1", {"cluster"})});
  const LabelSet first{{"cluster", "a"}, {"n", "1"}, {"s", "1"}},
      second{{"cluster", "a"}, {"n", "2"}, {"s", "1"}};
  const LabelSet target{{"cluster", "a"}, {"t", "1"}};
  inhibitor.Upsert(FingerprintOf(first), first, 100);
  inhibitor.Upsert(FingerprintOf(second), second, 200);
  EXPECT_TRUE(inhibitor.InhibitedBy(target, 50));
  inhibitor.Remove(FingerprintOf(first), first);
  EXPECT_EQ(inhibitor.InhibitedBy(target, 50), FingerprintOf(second));
  EXPECT_FALSE(inhibitor.InhibitedBy(target, 200));  // ended by the clock
  EXPECT_FALSE(inhibitor.InhibitedBy({{"cluster", "b"}, {"t", "1"}}, 50));
}

TEST(Inhibitor, AbsentAndEmptyAreEqualAndNobodyInhibitsItself) {
  Inhibitor inhibitor(
      {Rule("severity=~\"page|ticket\"", "severity=~\"ticket|info\"", {"missing"})});
  const LabelSet ticket{{"severity", "ticket"}}, page{{"severity", "page"}},
      info{{"severity", "info"}};
  inhibitor.Upsert(FingerprintOf(ticket), ticket, 100);
  EXPECT_FALSE(inhibitor.InhibitedBy(ticket, 1));
  EXPECT_TRUE(inhibitor.InhibitedBy(info, 1));
  const LabelSet other_ticket{{"n", "2"}, {"severity", "ticket"}};
  EXPECT_FALSE(inhibitor.InhibitedBy(other_ticket, 1));  // both sides on both
  inhibitor.Upsert(FingerprintOf(page), page, 100);
  EXPECT_EQ(inhibitor.InhibitedBy(ticket, 1), FingerprintOf(page));
}

TEST(Inhibitor, EmptyRuleIsHarmless) {
  Inhibitor inhibitor({InhibitRuleConfig{}});
  const LabelSet a{{"a", "1"}};
  inhibitor.Upsert(FingerprintOf(a), a, 100);
  EXPECT_FALSE(inhibitor.InhibitedBy(a, 1));
  EXPECT_FALSE(inhibitor.InhibitedBy({{"b", "1"}}, 1));
}

struct Known {
  LabelSet labels;
  base::TimestampMs ends_at;
};

// The definition, word for word: O(rules x alerts).
bool NaiveInhibited(const std::vector<InhibitRuleConfig>& rules,
                    const std::map<Fingerprint, Known>& alerts, const LabelSet& target,
                    base::TimestampMs now) {
  for (const InhibitRuleConfig& rule : rules) {
    if (!MatchesAll(rule.target, target)) continue;
    const bool target_is_source = MatchesAll(rule.source, target);
    for (const auto& [fingerprint, source] : alerts) {
      if (source.ends_at <= now || !MatchesAll(rule.source, source.labels)) continue;
      if (target_is_source && MatchesAll(rule.target, source.labels)) continue;
      bool equal = true;
      for (const std::string& name : rule.equal) {
        equal = equal && LabelValue(source.labels, name) == LabelValue(target, name);
      }
      if (equal) return true;
    }
  }
  return false;
}

TEST(Inhibitor, AgreesWithTheDefinitionOnRandomAlerts) {
  testing::Random random;
  const auto label_set = [&] {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const char* name : {"a", "b", "c"})
      pairs.emplace_back(name, std::string(random.Below(3), 'x'));
    return MakeLabelSet(std::move(pairs));
  };
  const auto matchers = [&] {
    const char* texts[] = {"a=x", "a!=x", "b=~\"x|xx\"", "b=\"\"", "c=xx", "c!~\"x+\"", ""};
    std::string text = texts[random.Below(7)];
    if (random.OneIn(2)) text += "," + std::string(texts[random.Below(6)]);
    return text.starts_with(",") ? text.substr(1) : text;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<InhibitRuleConfig> rules;
    for (uint64_t i = 0; i <= random.Below(3); ++i) {
      std::vector<std::string> equal;
      for (const char* name : {"a", "b", "c"}) {
        if (random.OneIn(3)) equal.push_back(name);
      }
      rules.push_back(Rule(matchers(), matchers(), equal));
    }
    Inhibitor inhibitor(rules);
    std::map<Fingerprint, Known> alerts;
    for (int step = 0; step < 60; ++step) {
      const LabelSet labels = label_set();
      if (labels.empty()) continue;
      const Fingerprint fingerprint = FingerprintOf(labels);
      if (random.OneIn(4)) {
        inhibitor.Remove(fingerprint, labels);
        alerts.erase(fingerprint);
      } else {
        const base::TimestampMs end = random.Between(1, 100);
        inhibitor.Upsert(fingerprint, labels, end);
        alerts[fingerprint] = {labels, end};
      }
      const LabelSet target = label_set();
      const base::TimestampMs now = random.Between(0, 100);
      ASSERT_EQ(inhibitor.InhibitedBy(target, now).has_value(),
                NaiveInhibited(rules, alerts, target, now))
          << LabelSetString(target) << " round " << round << " step " << step;
    }
  }
}

}  // namespace
}  // namespace slowburn::notify
