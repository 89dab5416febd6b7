#include "rules/alert_codec.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::rules {
namespace {

ActiveAlert Sample() {
  ActiveAlert a;
  a.labels = tsdb::Labels{{"alertname", "A"}, {"job", "api"}};
  a.annotations = {{"summary", "it burns"}, {"empty", ""}};
  a.state = AlertState::kInactive;
  a.value = -0.1;
  a.active_at = 1'700'000'000'123;
  a.fired_at = 1'700'000'060'123;
  a.resolved_at = 0;
  a.last_sent_at = -5;
  return a;
}

void ExpectSame(const ActiveAlert& a, const ActiveAlert& b) {
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.annotations, b.annotations);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.active_at, b.active_at);
  EXPECT_EQ(a.fired_at, b.fired_at);
  EXPECT_EQ(a.keep_firing_since, b.keep_firing_since);
  EXPECT_EQ(a.resolved_at, b.resolved_at);
  EXPECT_EQ(a.last_sent_at, b.last_sent_at);
}

TEST(AlertCodec, RoundTrip) {
  ASSERT_OK_AND_ASSIGN(const ActiveAlert back, DecodeAlert(EncodeAlert(Sample())));
  ExpectSame(back, Sample());
}

TEST(AlertCodec, CutAndChangedRecordsAreRefusedOrRead) {
  const std::string good = EncodeAlert(Sample());
  for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(DecodeAlert(good.substr(0, n)).ok()) << n;
  EXPECT_FALSE(DecodeAlert(good + "x").ok());
  testing::Random random;
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (uint64_t n = random.Below(3) + 1; n > 0; --n)
      bad[random.Below(bad.size())] = static_cast<char>(random.Next());
    (void)DecodeAlert(bad);
    (void)DecodeTime(bad);
  }
}

TEST(AlertCodec, StatesThatCannotBeAreRefused) {
  ActiveAlert a = Sample();
  a.resolved_at.reset();
  EXPECT_FALSE(DecodeAlert(EncodeAlert(a)).ok());  // inactive, but never resolved
  a.state = AlertState::kFiring;
  EXPECT_TRUE(DecodeAlert(EncodeAlert(a)).ok());
  a.fired_at.reset();
  EXPECT_FALSE(DecodeAlert(EncodeAlert(a)).ok());  // firing, but never fired
}

TEST(AlertCodec, KeysComeApart) {
  const std::string prefix = RuleKeyPrefix("a.yml", "g;1", 7);
  const std::string key = AlertStateKey(prefix, Sample().labels);
  EXPECT_EQ(RulePrefixOf(key), prefix);
  EXPECT_EQ(GroupPartOf(key), std::string("a.yml\0g;1", 9));
  EXPECT_EQ(GroupPartOf(GroupStateKey("a.yml", "g;1")), GroupPartOf(key));
  EXPECT_EQ(GroupPartOf("v1/alert/"), "");
}

// A stored key must mean the same rule in every later version.
TEST(AlertCodec, IdentityStaysTheSame) {
  RuleSpec rule;
  rule.name = "A";
  rule.labels = tsdb::Labels{{"severity", "page"}};
  rule.expr = "up == 0";
  EXPECT_EQ(RuleIdentity(rule, 0), RuleIdentity(rule, 0));
  EXPECT_NE(RuleIdentity(rule, 0), RuleIdentity(rule, 1));
  EXPECT_EQ(StableHash("slowburn"), 0xf79874057bf07dc5u);
  ASSERT_OK_AND_ASSIGN(const TimestampMs t, DecodeTime(EncodeTime(-1)));
  EXPECT_EQ(t, -1);
}

}  // namespace
}  // namespace slowburn::rules
