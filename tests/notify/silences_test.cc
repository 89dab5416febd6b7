#include "notify/silences.h"

#include <gtest/gtest.h>

#include "notify/limits.h"
#include "tests/testing/memory_state_store.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

using ::slowburn::testing::IsCode;
using ::slowburn::testing::MemoryStateStore;

Silence Make(const std::string& matchers, base::TimestampMs start, base::TimestampMs end) {
  Silence silence;
  silence.matchers = ParseMatchers(matchers).value();
  silence.starts_at = start;
  silence.ends_at = end;
  silence.created_by = "me";
  silence.comment = "why";
  return silence;
}

class SilencesTest : public ::testing::Test {
 protected:
  std::vector<std::string> By(const LabelSet& labels, base::TimestampMs now) {
    return silences_.SilencedBy(FingerprintOf(labels), labels, now);
  }
  MemoryStateStore store_;
  UuidSource ids_{1};
  Silences silences_{store_, ids_};
  const LabelSet a_{{"a", "1"}};
};

TEST_F(SilencesTest, MutesFromStartToEndInclusive) {
  ASSERT_OK_AND_ASSIGN(const std::string id, silences_.Set(Make("a=1", 2000, 5000), 1000));
  EXPECT_TRUE(IsUuid(id));
  EXPECT_TRUE(By(a_, 1999).empty());
  EXPECT_EQ(By(a_, 2000), std::vector<std::string>{id});
  EXPECT_EQ(By(a_, 5000), std::vector<std::string>{id});
  EXPECT_TRUE(By(a_, 5001).empty());
  EXPECT_TRUE(By({{"a", "2"}}, 3000).empty());
  EXPECT_EQ(StateOf(*silences_.Find(id), 1999), SilenceState::kPending);
  EXPECT_EQ(StateOf(*silences_.Find(id), 4999), SilenceState::kActive);
  EXPECT_EQ(StateOf(*silences_.Find(id), 5000), SilenceState::kExpired);
}

TEST_F(SilencesTest, AStartInThePastBecomesNow) {
  ASSERT_OK_AND_ASSIGN(const std::string id, silences_.Set(Make("a=1", 1, 5000), 1000));
  EXPECT_EQ(silences_.Find(id)->starts_at, 1000);
}

TEST_F(SilencesTest, ChangesInPlaceOrMakesANewOne) {
  ASSERT_OK_AND_ASSIGN(const std::string id, silences_.Set(Make("a=1", 1000, 50'000), 1000));
  const auto change = [&](const std::string& matchers, base::TimestampMs start,
                          base::TimestampMs end, base::TimestampMs now) {
    Silence silence = Make(matchers, start, end);
    silence.id = id;
    return silences_.Set(std::move(silence), now);
  };
  // Active: the same second of the start and an end that is not past.
  EXPECT_EQ(*change("a=1", 1999, 60'000, 2000), id);
  EXPECT_EQ(silences_.Find(id)->ends_at, 60'000);
  ASSERT_OK_AND_ASSIGN(const std::string other_start, change("a=1", 3000, 60'000, 2000));
  EXPECT_NE(other_start, id);
  EXPECT_EQ(silences_.Find(id)->ends_at, 2000);  // the old one ended
  ASSERT_OK_AND_ASSIGN(const std::string revived, change("a=1", 1000, 60'000, 70'000 - 11'000));
  EXPECT_NE(revived, id);  // what has expired stays so
  EXPECT_THAT(silences_.Set(
                  [] {
                    Silence s = Make("a=1", 1, 2);
                    s.id = "x";
                    return s;
                  }(),
                  1),
              IsCode(absl::StatusCode::kNotFound, "silence not found"));
}

TEST_F(SilencesTest, OtherMatchersMakeANewOne) {
  ASSERT_OK_AND_ASSIGN(const std::string id, silences_.Set(Make("a=1", 1000, 50'000), 1000));
  Silence changed = Make("a=2", 1000, 50'000);
  changed.id = id;
  ASSERT_OK_AND_ASSIGN(const std::string other, silences_.Set(changed, 1500));
  EXPECT_NE(other, id);
  EXPECT_TRUE(By(a_, 1501).empty());
  EXPECT_EQ(By({{"a", "2"}}, 1501), std::vector<std::string>{other});
}

TEST_F(SilencesTest, PendingMayMoveAndExpireAsAWhole) {
  ASSERT_OK_AND_ASSIGN(const std::string id, silences_.Set(Make("a=1", 9000, 50'000), 1000));
  Silence moved = Make("a=1", 7000, 40'000);
  moved.id = id;
  EXPECT_EQ(*silences_.Set(moved, 1000), id);
  ASSERT_OK(silences_.Expire(id, 2000));
  EXPECT_EQ(silences_.Find(id)->starts_at, 2000);
  EXPECT_EQ(silences_.Find(id)->ends_at, 2000);
  EXPECT_OK(silences_.Expire(id, 3000));  // nothing happens
  EXPECT_EQ(silences_.Find(id)->ends_at, 2000);
  EXPECT_THAT(silences_.Expire("x", 1), IsCode(absl::StatusCode::kNotFound, "silence not found"));
}

TEST_F(SilencesTest, RefusesNonsense) {
  const std::pair<Silence, std::string> cases[] = {
      {Make("", 1, 2), "at least one matcher required"},
      {Make("a=\"\"", 1, 2), "must not match the empty string"},
      {Make("a=~\".*\",b=\"\"", 1, 2), "must not match the empty string"},
      {Make("a=1", 5, 4), "end time must not be before start time"},
      {Make("a=1", 5, 0), "invalid zero end"},
  };
  for (const auto& [silence, want] : cases) {
    EXPECT_THAT(silences_.Set(silence, 1), IsCode(absl::StatusCode::kInvalidArgument, want));
  }
  Silence large = Make("a=1", 1, 2);
  large.comment = std::string(kMaxSilenceBytes, 'x');
  EXPECT_THAT(silences_.Set(large, 1), IsCode(absl::StatusCode::kInvalidArgument, "maximum size"));
  EXPECT_TRUE(silences_.all().empty());
}

// As Alertmanager: whatever they match, they say something.
TEST_F(SilencesTest, NegativeMatchersAreEnough) {
  for (const char* matchers : {"b!=x", "b!=\"\"", "b!~\"x.*\"", "a=~\".*\",b!=x"}) {
    EXPECT_OK(silences_.Set(Make(matchers, 1, 2), 1)) << matchers;
  }
}

TEST_F(SilencesTest, ADiskThatFailsChangesNothing) {
  ASSERT_OK_AND_ASSIGN(const std::string id, silences_.Set(Make("a=1", 1000, 50'000), 1000));
  store_.FailAfter(0);
  EXPECT_THAT(silences_.Set(Make("a=2", 1000, 50'000), 1000),
              IsCode(absl::StatusCode::kUnavailable, ""));
  EXPECT_THAT(silences_.Expire(id, 2000), IsCode(absl::StatusCode::kUnavailable, ""));
  EXPECT_EQ(silences_.all().size(), 1u);
  EXPECT_EQ(By(a_, 3000), std::vector<std::string>{id});
}

TEST_F(SilencesTest, SurviveARestartUntilTheirRetentionEnds) {
  Silence full = Make("a=~\"1|2\",b!=\"x\",c!~\"y.*\",d=\"é\"", 1000, 50'000);
  full.annotations = {{"k", "v"}};
  ASSERT_OK_AND_ASSIGN(const std::string id, silences_.Set(full, 1000));
  Silences again(store_, ids_);
  ASSERT_OK(again.Load());
  ASSERT_NE(again.Find(id), nullptr);
  EXPECT_EQ(again.Find(id)->matchers, full.matchers);
  EXPECT_EQ(again.Find(id)->annotations, full.annotations);
  EXPECT_EQ(again.Find(id)->comment, "why");
  again.CollectGarbage(50'000 + kSilenceRetention);
  EXPECT_EQ(again.all().size(), 1u);
  again.CollectGarbage(50'000 + kSilenceRetention + 1);
  EXPECT_TRUE(again.all().empty());
  Silences last(store_, ids_);
  ASSERT_OK(last.Load());
  EXPECT_TRUE(last.all().empty());
}

TEST_F(SilencesTest, CachedAnswersAreTheSameAsFreshOnes) {
  testing::Random random;
  base::TimestampMs now = 1000;
  std::vector<std::string> made;
  const char* matchers[] = {"a=1", "a=~\"1|2\"", "a!=1,b=x", "b=x", "b!~\"x\",a=2"};
  const LabelSet sets[] = {
      {{"a", "1"}}, {{"a", "2"}}, {{"b", "x"}}, {{"a", "1"}, {"b", "x"}}, {{"c", "1"}}};
  for (int step = 0; step < 500; ++step) {
    now += random.Between(0, 500);
    if (random.OneIn(3)) {
      const base::TimestampMs start = now + random.Between(-500, 1000);
      made.push_back(silences_
                         .Set(Make(matchers[random.Below(5)], start,
                                   std::max(start, now) + random.Between(1, 3000)),
                              now)
                         .value());
    } else if (!made.empty() && random.OneIn(3)) {
      ASSERT_OK(silences_.Expire(made[random.Below(made.size())], now));
    }
    for (const LabelSet& labels : sets) {
      std::vector<std::string> want;
      for (const auto& [id, silence] : silences_.all()) {
        if (now >= silence.starts_at && now <= silence.ends_at &&
            MatchesAll(silence.matchers, labels))
          want.push_back(id);
      }
      ASSERT_EQ(By(labels, now), want) << LabelSetString(labels) << " at step " << step;
    }
  }
}

}  // namespace
}  // namespace slowburn::notify
