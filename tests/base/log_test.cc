#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/regex.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::base {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void TearDown() override {
    SetLogLevel(LogLevel::kInfo);
    SetLogFormat(LogFormat::kLogfmt);
  }
  template <typename F>
  static std::string Captured(F f) {
    ::testing::internal::CaptureStderr();
    f();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, WritesLogfmt) {
  const std::string line = Captured([] {
    Info("two words", {{"job", "node"},
                       {"n", 5},
                       {"ok", true},
                       {"empty", ""},
                       {"quote", "a \"b\""},
                       {"eq", "a=b"},
                       {"nl", "a\nb"},
                       {"err", absl::NotFoundError("no such thing")}});
  });
  absl::StatusOr<Regex> shape = Regex::Compile(
      R"(time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=INFO source=log_test\.cc:\d+ msg="two words" .*\n)");
  ASSERT_OK(shape);
  EXPECT_TRUE(shape->Matches(line)) << line;
  EXPECT_NE(
      line.find(
          R"( job=node n=5 ok=true empty="" quote="a \"b\"" eq="a=b" nl="a\nb" err="no such thing")"),
      std::string::npos)
      << line;
}

TEST_F(LogTest, WritesJson) {
  SetLogFormat(LogFormat::kJson);
  const std::string line = Captured([] { Warn("hot", {{"x", 1.5}, {"t", "a\"b"}}); });
  ASSERT_OK_AND_ASSIGN(const JsonValue value, ParseJson(line));
  EXPECT_EQ(value.StringAt("level"), "WARN");
  EXPECT_EQ(value.StringAt("msg"), "hot");
  EXPECT_EQ(value.StringAt("x"), "1.5");
  EXPECT_EQ(value.StringAt("t"), "a\"b");
}

TEST_F(LogTest, LevelsBelowAreSilent) {
  EXPECT_EQ(Captured([] { Debug("x"); }), "");
  SetLogLevel(LogLevel::kError);
  EXPECT_EQ(Captured([] { Warn("x"); }), "");
  EXPECT_NE(Captured([] { Error("x"); }), "");
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  const std::string text = Captured([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 100; ++i)
          Info("m", {{"filler", std::string(200, 'x')}, {"end", "here"}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  size_t lines = 0;
  for (size_t at = 0; at < text.size(); ++lines) {
    const size_t end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(text.compare(at, 5, "time="), 0);
    EXPECT_EQ(text.compare(end - 8, 8, "end=here"), 0);
    at = end + 1;
  }
  EXPECT_EQ(lines, 400u);
}

}  // namespace
}  // namespace slowburn::base
