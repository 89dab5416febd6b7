#include "ingest/target.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.h"
#include "base/status_macros.h"
#include "ingest/file_discovery.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::ingest {
namespace {

using slowburn::testing::IsCode;

ScrapeConfig Config(const std::string& yaml) {
  std::vector<std::string> warnings;
  const auto node = base::ParseYaml(yaml, "f.yml");
  EXPECT_OK(node);
  auto config = ParseScrapeConfig(*node, {}, warnings);
  EXPECT_OK(config);
  return *std::move(config);
}

absl::StatusOr<std::optional<Target>> Make(
    const std::string& yaml, const std::string& address,
    std::vector<std::pair<std::string, std::string>> labels = {}) {
  const ScrapeConfig config = Config(yaml);
  const TargetGroup group{.source = "0", .targets = {address}, .labels = std::move(labels)};
  return MakeTarget(config, DiscoveredLabels(config, group, address));
}

TEST(Target, HasJobInstanceAndUrl) {
  const auto target = Make("job_name: j", "host:9100", {{"env", "prod"}});
  ASSERT_OK(target);
  ASSERT_TRUE(target->has_value());
  EXPECT_EQ((*target)->labels.ToString(), "{env=\"prod\", instance=\"host:9100\", job=\"j\"}");
  EXPECT_EQ((*target)->url, "http://host:9100/metrics");
  EXPECT_EQ((*target)->interval_ms, 60'000);
  EXPECT_EQ((*target)->timeout_text, "10s");
}

TEST(Target, UrlsAreBuiltAsGoDoes) {
  const struct {
    const char* yaml;
    const char* address;
    const char* url;
  } kCases[] = {
      {"{job_name: j, scheme: https, metrics_path: /a b?c}", "h:1", "https://h:1/a%20b%3Fc"},
      {"{job_name: j, metrics_path: x}", "h", "http://h/x"},
      {"{job_name: j, params: {b: ['1', '2 &'], a: ['ü']}}", "h:1",
       "http://h:1/metrics?a=%C3%BC&b=1&b=2+%26"},
      {"{job_name: j}", "[::1]:80", "http://[::1]:80/metrics"},
      {"{job_name: j, params: {m: [x]}, relabel_configs: [{target_label: __param_m, replacement: "
       "y}, {target_label: "
       "__param_n, replacement: z}]}",
       "h", "http://h/metrics?m=y&n=z"},
      {"{job_name: j, relabel_configs: [{source_labels: [__address__], target_label: "
       "__param_target}, {target_label: "
       "__address__, replacement: 'bb:9115'}, {source_labels: [__param_target], target_label: "
       "instance}]}",
       "example.org", "http://bb:9115/metrics?target=example.org"},
  };
  for (const auto& c : kCases) {
    const auto target = Make(c.yaml, c.address);
    ASSERT_OK(target) << c.yaml;
    EXPECT_EQ((*target)->url, c.url);
  }
}

TEST(Target, LabelsOverrideTheConfiguration) {
  const auto target = Make("job_name: j", "h",
                           {{"__scrape_interval__", "5s"},
                            {"__scrape_timeout__", "1s"},
                            {"__scheme__", "https"},
                            {"__metrics_path__", "/x"},
                            {"job", "other"},
                            {"__meta_gone", "1"},
                            {"__kept", "1"}});
  ASSERT_OK(target);
  EXPECT_EQ((*target)->url, "https://h/x");
  EXPECT_EQ((*target)->interval_ms, 5000);
  EXPECT_EQ((*target)->timeout_ms, 1000);
  EXPECT_EQ((*target)->labels.ToString(), "{instance=\"h\", job=\"other\"}");
  EXPECT_FALSE((*target)->hidden.Has("__meta_gone"));
  EXPECT_TRUE((*target)->hidden.Has("__kept"));
}

TEST(Target, DroppedOnesAreNotErrors) {
  const auto target = Make(
      "{job_name: j, relabel_configs: [{source_labels: [__address__], regex: h, action: drop}]}",
      "h");
  ASSERT_OK(target);
  EXPECT_FALSE(target->has_value());
}

TEST(Target, RefusesWhatCannotBeScraped) {
  const struct {
    const char* address;
    std::vector<std::pair<std::string, std::string>> labels;
    const char* error;
  } kCases[] = {
      {"", {}, "no address"},
      {"http://h", {}, "\"http://h\" is not a valid hostname"},
      {"h", {{"__scrape_interval__", "x"}}, "error parsing scrape interval"},
      {"h", {{"__scrape_interval__", "0s"}}, "scrape interval cannot be 0"},
      {"h", {{"__scrape_timeout__", "0s"}}, "scrape timeout cannot be 0"},
      {"h",
       {{"__scrape_interval__", "1s"}},
       "scrape timeout cannot be greater than scrape interval (\"10s\" > \"1s\")"},
      {"h", {{"env", "\xff"}}, "invalid label value for \"env\""},
  };
  for (const auto& c : kCases) {
    const std::string yaml = "{job_name: j, relabel_configs: [{target_label: t, replacement: v}]}";
    EXPECT_THAT(Make(yaml, c.address, c.labels).status(),
                IsCode(absl::StatusCode::kInvalidArgument, c.error));
  }
}

class FileDiscoveryTest : public ::testing::Test {
 protected:
  FileDiscoveryTest() {
    std::filesystem::remove_all(dir_);
    EXPECT_OK(base::MakeDirectories(dir_));
  }
  ~FileDiscoveryTest() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, const std::string& text) {
    EXPECT_OK(base::WriteFileAtomic(dir_ + "/" + name, text));
  }
  std::string Groups(const FileDiscovery& discovery) const {
    std::string out;
    for (const TargetGroup& group : discovery.groups()) {
      for (const std::string& target : group.targets) out += target + " ";
      for (const auto& [name, value] : group.labels) {
        if (name != "__meta_filepath") out += name + "=" + value + " ";
      }
      out += "| ";
    }
    return out;
  }

  const std::string dir_ = ::testing::TempDir() + "/file_discovery_" +
                           ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::vector<std::string> errors_;
  FileDiscovery discovery_{
      {.files = {dir_ + "/*.json", dir_ + "/*.yml"}, .refresh_interval_ms = 60'000},
      [this](const absl::Status& e) { errors_.emplace_back(e.message()); }};
};

TEST_F(FileDiscoveryTest, ReadsJsonAndYaml) {
  Write("a.json", R"([{"targets": ["x:1", "y:2"], "labels": {"env": "prod"}}])");
  Write("b.yml", "- targets: [z:3]\n");
  EXPECT_TRUE(discovery_.Poll(0));
  EXPECT_EQ(Groups(discovery_), "x:1 y:2 env=prod | z:3 | ");
  EXPECT_EQ(discovery_.groups()[0].labels.back().second, dir_ + "/a.json");
  EXPECT_FALSE(discovery_.Poll(5000)) << "nothing changed";
}

TEST_F(FileDiscoveryTest, SeesChangesNewFilesAndDeletions) {
  Write("a.json", R"([{"targets": ["x:1"]}])");
  discovery_.Poll(0);
  Write("a.json", R"([{"targets": ["x:1", "x:2"]}])");
  EXPECT_TRUE(discovery_.Poll(5000));
  EXPECT_EQ(Groups(discovery_), "x:1 x:2 | ");
  Write("b.json", R"([{"targets": ["y:1"]}])");
  EXPECT_TRUE(discovery_.Poll(10000));
  EXPECT_EQ(Groups(discovery_), "x:1 x:2 | y:1 | ");
  std::filesystem::remove(dir_ + "/a.json");
  EXPECT_TRUE(discovery_.Poll(15000));
  EXPECT_EQ(Groups(discovery_), "y:1 | ");
}

TEST_F(FileDiscoveryTest, ABrokenFileKeepsItsLastGoodList) {
  Write("a.json", R"([{"targets": ["x:1"]}])");
  Write("b.yml", "- targets: [z:3]\n");
  discovery_.Poll(0);
  Write("a.json", R"([{"targets": ["x:1",)");
  Write("b.yml", "- target: [z:3]\n");
  discovery_.Poll(5000);
  EXPECT_EQ(Groups(discovery_), "x:1 | z:3 | ");
  ASSERT_EQ(errors_.size(), 2u);
  EXPECT_THAT(errors_[0], ::testing::HasSubstr("a.json"));
  EXPECT_THAT(errors_[1], ::testing::HasSubstr("b.yml:1:3: field target not found"));
}

TEST_F(FileDiscoveryTest, RefusesWhatIsNoTargetGroup) {
  const char* const kBad[] = {R"({"targets": []})",
                              R"([{"targets": [1]}])",
                              R"([{"labels": {"a": 1}}])",
                              R"([{"labels": {"": "x"}}])",
                              R"([null])",
                              R"([{"other": 1}])"};
  for (const char* text : kBad) {
    errors_.clear();
    Write("a.json", text);
    FileDiscovery discovery({.files = {dir_ + "/*.json"}},
                            [this](const absl::Status& e) { errors_.emplace_back(e.message()); });
    discovery.Poll(0);
    EXPECT_EQ(errors_.size(), 1u) << text;
  }
}

}  // namespace
}  // namespace slowburn::ingest
