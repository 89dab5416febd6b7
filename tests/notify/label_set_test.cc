#include "notify/label_set.h"

#include <gtest/gtest.h>

namespace slowburn::notify {
namespace {

TEST(LabelSet, FingerprintIsAlertmanagers) {
  // As Alertmanager 0.33 shows them in its API.
  EXPECT_EQ(FingerprintHex(FingerprintOf(MakeLabelSet({{"alertname", "Y"}, {"a", "2"}}))),
            "d6a990b9fd4567c0");
  EXPECT_EQ(
      FingerprintHex(FingerprintOf(MakeLabelSet({{"alertname", "Y"}, {"a", "1"}, {"job", "z"}}))),
      "797826eb67540ce4");
  EXPECT_EQ(FingerprintHex(FingerprintOf(
                MakeLabelSet({{"alertname", "X<a>&"}, {"severity", "page"}, {"é", "1"}}))),
            "6c02b7c7e23c7bf8");
  EXPECT_EQ(FingerprintHex(FingerprintOf({})), "cbf29ce484222325");
}

TEST(LabelSet, EmptyValuesAndEarlierDuplicatesGo) {
  EXPECT_EQ(MakeLabelSet({{"b", "1"}, {"a", ""}, {"b", "2"}, {"c", "3"}}),
            (LabelSet{{"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(MakeLabelSet({{"b", "1"}, {"b", ""}}), LabelSet{});
}

TEST(LabelSet, PrintsAsGoDoes) {
  EXPECT_EQ(LabelSetString({}), "{}");
  EXPECT_EQ(LabelSetString({{"a", "x\"y"}, {"b", "é\n\x01"}}), R"({a="x\"y", b="é\n\x01"})");
}

TEST(LabelSet, QuotesAsGoDoes) {
  const std::pair<std::string, std::string> cases[] = {
      {"", R"("")"},
      {"a\\b", R"("a\\b")"},
      {"\a\b\f\n\r\t\v", R"("\a\b\f\n\r\t\v")"},
      {"\x7f", R"("\x7f")"},
      {"\xff", R"("\xff")"},
      {"\u00a0", R"("\u00a0")"},
      {"\u2028", R"("\u2028")"},
      {"\U0001F600", "\"\U0001F600\""},
      {"\U000E0001", R"("\U000e0001")"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(GoQuote(text), want);
}

TEST(LabelSet, OrderOfNotificationsIsJobInstanceThenLabels) {
  const LabelSet job_a{{"job", "a"}, {"z", "1"}}, job_b{{"job", "b"}}, none{{"a", "1"}};
  EXPECT_TRUE(NotificationBefore(job_a, job_b));
  EXPECT_FALSE(NotificationBefore(job_b, job_a));
  EXPECT_TRUE(NotificationBefore(job_b, none));  // one without a job comes last
  EXPECT_FALSE(NotificationBefore(none, job_b));
  EXPECT_TRUE(LabelsBefore({{"z", "1"}}, {{"a", "1"}, {"b", "1"}}));  // fewer labels first
  EXPECT_TRUE(LabelsBefore({{"b", "1"}}, {{"a", "1"}}));  // who lacks the smaller name comes first
  EXPECT_TRUE(LabelsBefore({{"a", "1"}}, {{"a", "2"}}));
  EXPECT_FALSE(LabelsBefore({{"a", "1"}}, {{"a", "1"}}));
}

}  // namespace
}  // namespace slowburn::notify
