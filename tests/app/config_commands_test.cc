#include "app/config_commands.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/file.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::app {
namespace {

class ConfigCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(base::MakeDirectories(folder_)); }

  std::string Write(const std::string& name, const std::string& text) {
    EXPECT_OK(base::WriteFileAtomic(folder_ + name, text));
    return folder_ + name;
  }
  // The exit status; what was printed for the user stands in err_.
  int Check(const std::string& text) {
    char* bytes = nullptr;
    size_t size = 0;
    std::FILE* err = open_memstream(&bytes, &size);
    std::FILE* out = std::fopen("/dev/null", "w");
    const int code = RunCheckConfig({Write("prometheus.yml", text)}, out, err);
    std::fclose(out);
    std::fclose(err);
    err_.assign(bytes, size);
    std::free(bytes);
    return code;
  }

  // Tests run at the same time: each has a folder of its own.
  const std::string folder_ = ::testing::TempDir() + "/slowburn_config_commands_" +
                              ::testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
  std::string err_;
};

TEST_F(ConfigCommandsTest, ARuleFileNamedInFullMustBeThere) {
  EXPECT_EQ(Check("rule_files: [missing.yml]\n"), 1);
  EXPECT_NE(err_.find("prometheus.yml: the rule file " + folder_ + "missing.yml does not exist"),
            std::string::npos)
      << err_;
  Write("there.yml", "groups: []\n");
  EXPECT_EQ(Check("rule_files: [there.yml]\n"), 0) << err_;
}

TEST_F(ConfigCommandsTest, APatternMayMatchNothing) {
  EXPECT_EQ(Check("rule_files: ['nothing-*.yml']\n"), 0);
  EXPECT_NE(err_.find("warning: "), std::string::npos) << err_;
}

TEST_F(ConfigCommandsTest, FaultsOfRuleFilesAreFaultsOfTheConfiguration) {
  Write("bad.yml", "groups:\n- name: a\n  rules: [{record: b, expr: 'sum('}]\n");
  EXPECT_EQ(Check("rule_files: [bad.yml]\n"), 1);
  EXPECT_NE(err_.find("bad.yml:3:"), std::string::npos) << err_;
}

}  // namespace
}  // namespace slowburn::app
