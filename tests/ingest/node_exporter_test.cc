// A real exporter, scraped by a real client on a real clock. Needs prometheus-node-exporter in
// $SLOWBURN_PEERS; without it the test says that it was skipped.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/executor.h"
#include "base/http_client.h"
#include "base/metrics.h"
#include "ingest/scrape_manager.h"
#include "tests/ingest/stored_samples.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::ingest {
namespace {

int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

class Child {
 public:
  Child(const std::string& program, const std::string& argument) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::freopen("/dev/null", "w", stderr);
    ::execl(program.c_str(), program.c_str(), argument.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ~Child() { Kill(); }
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

// Polls, because a real exporter needs its time to start.
template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 300; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

TEST(NodeExporter, IsScrapedAndGoesStaleWhenItStops) {
  const char* peers = std::getenv("SLOWBURN_PEERS");
  const std::string program =
      absl::StrCat(peers == nullptr ? "" : peers, "/prometheus-node-exporter");
  if (peers == nullptr || ::access(program.c_str(), X_OK) != 0) {
    GTEST_SKIP() << "no prometheus-node-exporter: set SLOWBURN_PEERS to the folder that holds it";
  }
  const std::string address = absl::StrCat("127.0.0.1:", FreePort());
  Child exporter(program, absl::StrCat("--web.listen-address=", address));
  base::RealClock clock;
  tsdb::MemoryStorage storage({.clock = &clock});
  prometheus::Registry registry;
  base::ThreadPoolExecutor executor(clock, 2);
  const std::unique_ptr<base::HttpClient> client = base::NewCurlHttpClient();
  ScrapeManager manager(storage, clock, executor, *client, registry);
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(
      const base::YamlNode node,
      base::ParseYaml(
          absl::StrCat(
              "{job_name: node, scrape_interval: 500ms, scrape_timeout: 500ms, static_configs: "
              "[{targets: ['",
              address, "']}]}"),
          "f.yml"));
  ASSERT_OK_AND_ASSIGN(ScrapeConfig config, ParseScrapeConfig(node, {}, warnings));
  std::vector<ScrapeConfig> configs;
  configs.push_back(std::move(config));
  manager.ApplyConfig(std::move(configs), {});
  const auto health = [&] { return manager.Targets().active.at(0).status; };
  ASSERT_TRUE(Eventually([&] { return health().health == TargetHealth::kUp; }))
      << health().last_error;
  const std::string labels = absl::StrCat("{instance=\"", address, "\", job=\"node\"}");
  ASSERT_TRUE(Eventually(
      [&] { return slowburn::testing::AllSamples(storage)["node_load1" + labels].size() >= 3; }));
  EXPECT_GT(slowburn::testing::AllSamples(storage).size(), 100u);
  exporter.Kill();
  ASSERT_TRUE(Eventually([&] { return health().health == TargetHealth::kDown; }));
  EXPECT_THAT(health().last_error, ::testing::HasSubstr(address));
  const auto all = slowburn::testing::AllSamples(storage);
  EXPECT_EQ(all.at("up" + labels).back().v, 0);
  EXPECT_TRUE(tsdb::IsStaleNaN(all.at("node_load1" + labels).back().v));
  manager.Stop();
}

}  // namespace
}  // namespace slowburn::ingest
