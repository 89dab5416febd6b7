#include "app/slo_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace slowburn::app {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Capture {
 public:
  ~Capture() { std::fclose(file_); }
  std::FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    std::rewind(file_);
    std::string out;
    for (int c; (c = std::fgetc(file_)) != EOF;) out.push_back(static_cast<char>(c));
    return out;
  }

 private:
  std::FILE* file_ = std::tmpfile();
};

std::string FileWith(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

TEST(SloCommands, CheckPassesWhatIsRight) {
  Capture out, err;
  EXPECT_EQ(RunCheckSlo({"examples/slo/*.yml"}, out.file(), err.file()), 0);
  EXPECT_EQ(out.text(), "4 SLOs found, no faults\n");
  EXPECT_THAT(err.text(), IsEmpty());
}

TEST(SloCommands, CheckSaysWhereEachFaultIs) {
  const std::string path =
      FileWith("slo_commands_test.yml", "kind: SLO\nname: a\n---\nkind: Slo\n");
  Capture out, err;
  EXPECT_EQ(RunCheckSlo({path}, out.file(), err.file()), 1);
  EXPECT_EQ(err.text(), path + ":1:1: an SLO needs `service`\n" + path +
                            ":4:7: `kind: Slo` is not known: wanted kind: SLO\n");
  EXPECT_THAT(out.text(), IsEmpty());
}

TEST(SloCommands, CheckWarnsOfTiersThatNeverFire) {
  const std::string path =
      FileWith("slo_commands_warn.yml",
               "kind: SLO\nname: a\nservice: b\nsli: {events: {bad: x, total: y}}\n"
               "objective: {target: 90, period: 30d}\n");
  Capture out, err;
  EXPECT_EQ(RunCheckSlo({path}, out.file(), err.file()), 0);
  EXPECT_EQ(out.text(), "1 SLO found, no faults\n");
  EXPECT_THAT(err.text(),
              HasSubstr("warning: " + path + ":1:1: slo b-a: tier fast can never fire"));
}

TEST(SloCommands, PlanPrintsEachSlo) {
  Capture out, err;
  EXPECT_EQ(
      RunSloPlan({.files = {"examples/slo/*.yml"}, .traffic = "100/s"}, out.file(), err.file()), 0);
  const std::string text = out.text();
  EXPECT_THAT(text, HasSubstr("checkout-availability  (examples/slo/availability.yml:2:1)"));
  EXPECT_THAT(text, HasSubstr("259200 of 2.592e+08 may be bad, at 100 a second"));
  EXPECT_THAT(text, HasSubstr("search-latency-300ms"));
  EXPECT_THAT(err.text(), IsEmpty());
}

TEST(SloCommands, PlanRefusesTrafficThatIsNone) {
  Capture out, err;
  EXPECT_EQ(
      RunSloPlan({.files = {"examples/slo/*.yml"}, .traffic = "much"}, out.file(), err.file()), 1);
  EXPECT_THAT(err.text(), HasSubstr("--traffic: \"much\" is not traffic"));
}

}  // namespace
}  // namespace slowburn::app
