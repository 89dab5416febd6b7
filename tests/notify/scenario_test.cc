// Scenarios of tests/data/notify/scenarios: what goes in when, and what every receiver accepted
// when.
//
//   - name: what holds
//     config: |                  # alertmanager.yml
//     steps:
//     - {at: 10s, fire: A/1}     # also: resolve, silence (with `for` and `as`), unsilence, reload,
//                                # restart (a kill -9; its value is how long we are down),
//                                # answer (of a path or all: "500", "429 7", "timeout", "refused",
//                                # "lost", "ok"), end
//     want: [ 30s hook firing[A/1] resolved[] first notification ]
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "base/yaml.h"
#include "tests/notify/world.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

using base::YamlNode;

FakeReceivers::Reply ParseReply(const std::string& text) {
  if (text == "ok") return {};
  if (text == "timeout") return {FakeReceivers::Reply::kTimeout, 0, ""};
  if (text == "refused") return {FakeReceivers::Reply::kRefuseConnection, 0, ""};
  if (text == "lost") return {FakeReceivers::Reply::kLoseAnswer, 0, ""};
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  FakeReceivers::Reply reply;
  EXPECT_TRUE(absl::SimpleAtoi(words[0], &reply.status)) << text;
  if (words.size() > 1) reply.retry_after = words[1];
  return reply;
}

class Scenario {
 public:
  explicit Scenario(const YamlNode& node) : node_(node), world_(Text(node, "config")) {}

  void Run() {
    for (const YamlNode& step : node_.Find("steps")->items) {
      SCOPED_TRACE(step.Where());
      absl::StatusOr<base::DurationMs> at = step.Find("at")->AsDuration();
      ASSERT_OK(at);
      world_.AdvanceTo(*at);
      for (const auto& [key, value] : step.entries) Do(key.scalar, value, step);
    }
    ASSERT_OK_AND_ASSIGN(const std::vector<std::string> want, node_.Find("want")->AsStrings());
    EXPECT_EQ(absl::StrJoin(world_.Accepted(), "\n"), absl::StrJoin(want, "\n"));
  }

 private:
  static std::string Text(const YamlNode& node, const char* key) {
    const YamlNode* found = node.Find(key);
    return found == nullptr ? "" : found->AsString().value_or("");
  }

  void Do(const std::string& what, const YamlNode& value, const YamlNode& step) {
    const std::string text = value.AsString().value_or("");
    if (what == "fire")
      EXPECT_OK(world_.Fire(text, Lasts(step, 1000 * base::kHour)));
    else if (what == "resolve")
      EXPECT_OK(world_.Resolve(text));
    else if (what == "silence")
      silences_[Text(step, "as")] = world_.Silence(text, Lasts(step, base::kHour));
    else if (what == "unsilence")
      world_.Unsilence(silences_[text]);
    else if (what == "reload")
      world_.Reload(text);
    else if (what == "restart")
      world_.Restart(base::ParseDuration(text).value());
    else if (what == "answer")
      world_.receivers.Set(Text(step, "from"), ParseReply(text));
    else if (what != "at" && what != "for" && what != "as" && what != "from" && what != "end") {
      ADD_FAILURE() << "unknown step " << what;
    }
  }

  static base::DurationMs Lasts(const YamlNode& step, base::DurationMs otherwise) {
    const YamlNode* node = step.Find("for");
    return node == nullptr ? otherwise : node->AsDuration().value();
  }

  const YamlNode& node_;
  World world_;
  std::map<std::string, std::string> silences_;
};

class ScenarioFile : public ::testing::TestWithParam<std::string> {};

TEST_P(ScenarioFile, EveryScenarioHolds) {
  ASSERT_OK_AND_ASSIGN(const std::string text, base::ReadFile(GetParam()));
  ASSERT_OK_AND_ASSIGN(const YamlNode root, base::ParseYaml(text, GetParam()));
  for (const YamlNode& scenario : root.items) {
    SCOPED_TRACE(scenario.Find("name")->scalar + " (" + scenario.Where() + ")");
    Scenario(scenario).Run();
  }
}

INSTANTIATE_TEST_SUITE_P(Data, ScenarioFile,
                         ::testing::ValuesIn(base::Glob("tests/data/notify/scenarios/*.yml")),
                         [](const auto& file) {
                           std::string name = file.param.substr(file.param.rfind('/') + 1);
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace slowburn::notify
