#include "notify/route_tree.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

constexpr char kTree[] = R"yaml(
route:
  receiver: default
  group_by: [alertname]
  routes:
  - matchers: [owner=team-A]
    receiver: A
    group_wait: 1m
    routes:
    - matchers: [env=testing]
      receiver: A-testing
      group_by: ['...']
    - matchers: [env=production]
      receiver: A-production
      group_wait: 15s
      group_by: []
      continue: true
    - matchers: ['env=~"produ.*"']
      receiver: A-all
      active_time_intervals: []
  - matchers: ['owner=~"team-(B|C)"']
    receiver: BC
  - match: {group_by: role}
    group_by: [role]
    routes:
    - matchers: [env=testing]
      receiver: role-testing
      routes:
      - matchers: [wait=long]
        group_wait: 2m
  - match_re: {x: 'y|z'}
    matchers: ['a!="b"']
receivers: [{name: default}, {name: A}, {name: A-testing}, {name: A-production}, {name: A-all}, {name: BC}, {name: role-testing}]
)yaml";

struct Case {
  LabelSet labels;
  std::string receivers;
  std::vector<std::string> keys;
};

TEST(RouteTree, MatchesInTreeOrder) {
  ASSERT_OK_AND_ASSIGN(const ConfigPtr config, ParseAlertmanagerConfig(kTree, "am.yml"));
  const RouteTree tree(config->route);
  const Case cases[] = {
      {{}, "default", {"{}"}},
      {{{"owner", "team-A"}}, "A", {R"({}/{owner="team-A"})"}},
      {{{"env", "unset"}, {"owner", "team-A"}}, "A", {R"({}/{owner="team-A"})"}},
      {{{"env", "testing"}, {"owner", "team-A"}},
       "A-testing",
       {R"({}/{owner="team-A"}/{env="testing"})"}},
      {{{"env", "production"}, {"owner", "team-A"}},
       "A-production,A-all",
       {R"({}/{owner="team-A"}/{env="production"})", R"({}/{owner="team-A"}/{env=~"produ.*"})"}},
      {{{"owner", "team-B"}}, "BC", {"{}/{owner=~\"team-(B|C)\"}"}},
      {{{"owner", "team-BC"}}, "default", {"{}"}},
      {{{"env", "testing"}, {"group_by", "role"}},
       "role-testing",
       {R"({}/{group_by="role"}/{env="testing"})"}},
      {{{"x", "z"}}, "default", {R"({}/{a!="b",x=~"^(?:y|z)$"})"}},
      {{{"a", "b"}, {"x", "z"}}, "default", {"{}"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(LabelSetString(c.labels));
    EXPECT_EQ(tree.Receivers(c.labels), c.receivers);
    std::vector<std::string> keys;
    for (const Route* route : tree.Match(c.labels)) keys.push_back(route->key());
    EXPECT_EQ(keys, c.keys);
  }
}

TEST(RouteTree, OptionsAreInheritedButNotTimeIntervals) {
  ASSERT_OK_AND_ASSIGN(const ConfigPtr config, ParseAlertmanagerConfig(kTree, "am.yml"));
  const RouteTree tree(config->route);
  const auto options = [&](const LabelSet& labels) {
    return tree.Match(labels).front()->options();
  };
  EXPECT_EQ(options({}).group_wait, 30 * base::kSecond);
  EXPECT_EQ(options({}).group_interval, 5 * base::kMinute);
  EXPECT_EQ(options({}).repeat_interval, 4 * base::kHour);
  EXPECT_EQ(options({{"env", "testing"}, {"owner", "team-A"}}).group_wait, base::kMinute);
  EXPECT_TRUE(options({{"env", "testing"}, {"owner", "team-A"}}).group_by_all);
  EXPECT_EQ(options({{"env", "production"}, {"owner", "team-A"}}).group_wait, 15 * base::kSecond);
  EXPECT_TRUE(options({{"env", "production"}, {"owner", "team-A"}}).group_by.empty());
  const RouteOptions deep = options({{"env", "testing"}, {"group_by", "role"}, {"wait", "long"}});
  EXPECT_EQ(deep.receiver, "role-testing");
  EXPECT_EQ(deep.group_wait, 2 * base::kMinute);
  EXPECT_EQ(deep.group_by, std::set<std::string>{"role"});
}

TEST(RouteTree, GroupKeyIsAlertmanagers) {
  ASSERT_OK_AND_ASSIGN(const ConfigPtr config, ParseAlertmanagerConfig(kTree, "am.yml"));
  const RouteTree tree(config->route);
  const LabelSet labels{{"alertname", "Disk\"Full"}, {"cluster", "c1"}, {"owner", "team-A"}};
  const Route* route = tree.Match(labels).front();
  EXPECT_EQ(GroupKey(route->key(), route->GroupLabels(labels)),
            R"({}/{owner="team-A"}:{alertname="Disk\"Full"})");
  const LabelSet all{{"a", "1"}, {"env", "testing"}, {"owner", "team-A"}};
  EXPECT_EQ(tree.Match(all).front()->GroupLabels(all), all);
  EXPECT_EQ(GroupKey("{}", all), R"({}:{a="1", env="testing", owner="team-A"})");
}

}  // namespace
}  // namespace slowburn::notify
