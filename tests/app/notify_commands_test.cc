#include "app/notify_commands.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::app {
namespace {

constexpr char kRoutes[] = R"(
route:
  receiver: all
  routes:
  - {matchers: [severity=page], receiver: oncall, continue: true}
  - {matchers: ['team=~"db|net"'], receiver: infra}
receivers: [{name: all}, {name: oncall}, {name: infra, slack_configs: [{}]}]
)";

class NotifyCommands : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = ::testing::TempDir() + "/" + name;
    EXPECT_OK(base::WriteFileAtomic(path, text));
    return path;
  }
  static std::string Content(std::FILE* file) {
    std::rewind(file);
    std::string text(10'000, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    return text;
  }
  std::FILE* const out_ = std::tmpfile();
  std::FILE* const err_ = std::tmpfile();
};

TEST_F(NotifyCommands, TestRoutesPrintsReceiversInTreeOrder) {
  const std::string path = Write("routes.yml", kRoutes);
  EXPECT_EQ(RunTestRoutes(path, {"severity=page", "team=db"}, out_, err_), 0);
  EXPECT_EQ(RunTestRoutes(path, {"team=\"net\""}, out_, err_), 0);
  EXPECT_EQ(RunTestRoutes(path, {}, out_, err_), 0);
  EXPECT_EQ(Content(out_), "oncall,infra\ninfra\nall\n");
  EXPECT_EQ(RunTestRoutes(path, {"team!=db"}, out_, err_), 1);
  EXPECT_EQ(RunTestRoutes(path, {"team"}, out_, err_), 1);
  EXPECT_EQ(RunTestRoutes(path + ".missing", {}, out_, err_), 1);
  EXPECT_NE(Content(err_).find("labels must be given as name=value"), std::string::npos);
}

TEST_F(NotifyCommands, CheckRoutesNamesEachFault) {
  const std::string unbuilt = Write("unbuilt.yml", kRoutes);
  const std::string good =
      Write("good.yml", "route: {receiver: a}\nreceivers: [{name: a}]\ntemplates: [x.tmpl]\n");
  EXPECT_EQ(RunCheckRoutes({good}, out_, err_), 0);
  EXPECT_NE(Content(err_).find("warning: " + good + ":3:"), std::string::npos) << Content(err_);
  EXPECT_EQ(RunCheckRoutes({unbuilt, good}, out_, err_), 1);
  EXPECT_NE(Content(err_).find(unbuilt + ":7:"), std::string::npos) << Content(err_);
  EXPECT_NE(Content(err_).find("receiver \"infra\": slack_configs"), std::string::npos);
}

}  // namespace
}  // namespace slowburn::app
