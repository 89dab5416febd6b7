#include "app/slowburn_config.h"

#include "tests/testing/status_matchers.h"

namespace slowburn::app {
namespace {

using testing::IsCode;

TEST(SlowburnConfigTest, ReadsEveryKey) {
  ASSERT_OK_AND_ASSIGN(const SlowburnConfig config, ParseSlowburnConfig(R"(
slo_files: [slo/*.yml, /etc/slo.yml]
limits: {active_series: 5, labels_per_series: 6, label_name_bytes: 1KiB, label_value_bytes: 7,
         active_series_per_job: 8, head_bytes: 2GB, min_free_bytes: 0, ahead_of_now: 1h,
         query_memory_bytes: 8MiB, query_memory_total_bytes: 9}
)",
                                                                        "/conf/slowburn.yml"));
  EXPECT_EQ(config.slo_files, (std::vector<std::string>{"/conf/slo/*.yml", "/etc/slo.yml"}));
  EXPECT_EQ(config.limits.active_series, 5);
  EXPECT_EQ(config.limits.labels_per_series, 6);
  EXPECT_EQ(config.limits.label_name_bytes, 1024);
  EXPECT_EQ(config.limits.label_value_bytes, 7);
  EXPECT_EQ(config.query_limits.memory_bytes, 8 << 20);
  EXPECT_EQ(config.query_limits.memory_total_bytes, 9);
  EXPECT_EQ(config.limits.active_series_per_job, 8);
  EXPECT_EQ(config.limits.head_bytes, uint64_t{2} << 30);
  EXPECT_EQ(config.limits.min_free_bytes, 0);
  EXPECT_EQ(config.max_ahead_ms, base::kHour);
}

TEST(SlowburnConfigTest, EmptyFileIsAllDefaults) {
  ASSERT_OK_AND_ASSIGN(const SlowburnConfig config, ParseSlowburnConfig("", "slowburn.yml"));
  EXPECT_TRUE(config.slo_files.empty());
  EXPECT_EQ(config.limits.active_series, tsdb::Limits().active_series);
}

TEST(SlowburnConfigTest, FaultsNameTheirPlace) {
  struct Case {
    const char* text;
    const char* want;
  };
  for (const Case& c :
       {Case{"slo_file: x\n", "f.yml:1:1: field slo_file not found"},
        Case{"limits: {active_series: 0}\n", "f.yml:1:25: want a positive number"},
        Case{"limits: {active_series_per_job: -1}\n", "f.yml:1:33: want a number"},
        Case{"limits:\n  series: 1\n", "f.yml:2:3: field series not found in limits"},
        Case{"notify: {urgent: []}\n", "f.yml:1:9: notify is not built yet"},
        Case{"tenants: []\n", "f.yml:1:10: tenants is not built yet"}}) {
    EXPECT_THAT(ParseSlowburnConfig(c.text, "f.yml"),
                IsCode(absl::StatusCode::kInvalidArgument, c.want))
        << c.text;
  }
}

}  // namespace
}  // namespace slowburn::app
