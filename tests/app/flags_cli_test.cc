#include "app/flags_cli.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "app/cli.h"

namespace slowburn::app {
namespace {

// Parses in the manner of CLI11: arguments in reverse. Returns the error's text, or "".
std::string Parse(std::vector<std::string> arguments, ServeFlags& flags) {
  CLI::App command;
  AddServeFlags(command, flags);
  try {
    command.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  FinishServeFlags(command, flags);
  return "";
}

TEST(FlagsTest, DefaultsArePrometheus) {
  ServeFlags flags;
  ASSERT_EQ(Parse({}, flags), "");
  const std::map<std::string, std::string> all(flags.all.begin(), flags.all.end());
  EXPECT_EQ(all.at("config.file"), "prometheus.yml");
  EXPECT_EQ(all.at("web.listen-address"), "0.0.0.0:9090");
  EXPECT_EQ(all.at("query.timeout"), "2m");
  EXPECT_EQ(all.at("query.lookback-delta"), "5m");
  EXPECT_EQ(all.at("query.max-samples"), "50000000");
  EXPECT_EQ(all.at("query.max-concurrency"), "20");
  EXPECT_EQ(all.at("web.enable-lifecycle"), "false");
  EXPECT_EQ(all.at("web.enable-admin-api"), "false");
  EXPECT_EQ(all.at("storage.tsdb.retention.time"), "15d");
  EXPECT_EQ(all.at("storage.tsdb.retention.size"), "0B");
  EXPECT_EQ(all.at("web.max-connections"), "512");
  EXPECT_FALSE(flags.config_file_named);
}

TEST(FlagsTest, ReadsValues) {
  ServeFlags flags;
  ASSERT_EQ(
      Parse({"--config.file=x.yml", "--storage.tsdb.path=/d", "--storage.tsdb.retention.time=15d",
             "--web.enable-lifecycle", "--enable-feature=a,b", "--enable-feature=c",
             "--slo.files=1.yml", "--slo.files=2.yml", "--storage.tsdb.retention.size=10GB",
             "--web.enable-admin-api", "--web.listen-address=127.0.0.1:1", "--query.timeout=30s"},
            flags),
      "");
  EXPECT_TRUE(flags.config_file_named);
  EXPECT_EQ(flags.storage_path, "/d");
  EXPECT_EQ(flags.retention_ms, 15 * base::kDay);
  EXPECT_TRUE(flags.retention_named);
  EXPECT_EQ(flags.retention_bytes, uint64_t{10} << 30);
  EXPECT_TRUE(flags.retention_size_named);
  EXPECT_TRUE(flags.enable_admin_api);
  EXPECT_TRUE(flags.enable_lifecycle);
  EXPECT_EQ(flags.features, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(flags.HasFeature("b"));
  EXPECT_EQ(flags.slo_files, (std::vector<std::string>{"1.yml", "2.yml"}));
  EXPECT_EQ(flags.listen_addresses, std::vector<std::string>{"127.0.0.1:1"});
  EXPECT_EQ(flags.query_timeout_ms, 30 * base::kSecond);
}

TEST(FlagsTest, ForeignFlagsAreAcceptedAndNamed) {
  ServeFlags flags;
  ASSERT_EQ(Parse({"--storage.tsdb.min-block-duration=2h", "--web.console.templates=/x",
                   "--web.enable-remote-write-receiver", "--no-storage.tsdb.wal-compression"},
                  flags),
            "");
  EXPECT_EQ(flags.ignored,
            (std::vector<std::string>{"storage.tsdb.min-block-duration", "web.console.templates",
                                      "storage.tsdb.wal-compression"}));
}

TEST(FlagsTest, FaultsAreNamed) {
  for (const auto& [argument, want] : std::vector<std::pair<std::string, std::string>>{
           {"--query.timeout=fast", "fast"},
           {"--web.config.file=web.yml", "not built yet"},
           {"--nonsense=1", "nonsense"},
           {"--storage.wal-sync=never", "never"},
           {"--storage.tsdb.retention.size=much", "much"},
           {"--log.level=loud", "loud"}}) {
    ServeFlags flags;
    EXPECT_NE(Parse({argument}, flags).find(want), std::string::npos)
        << argument << ": " << Parse({argument}, flags);
  }
}

TEST(ArgumentsForCli11, AnEmptyValueIsNotTheNextArgument) {
  const char* const arguments[] = {"serve", "--web.external-url=", "--a=b=", "--c", "-d=", "e="};
  EXPECT_EQ(
      ArgumentsForCli11(arguments),
      (std::vector<std::string>{"e=", "-d=", "--c", "--a=b=", "", "--web.external-url", "serve"}));
  EXPECT_TRUE(ArgumentsForCli11({}).empty());
}

}  // namespace
}  // namespace slowburn::app
