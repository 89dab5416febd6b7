#include "app/tsdb_commands.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "prometheus/registry.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/db.h"

namespace slowburn::app {
namespace {

constexpr tsdb::TimestampMs kZero = 1'700'000'000'000;

class TsdbCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    base::SetLogLevel(base::LogLevel::kWarn);
    path_ = (std::filesystem::temp_directory_path() /
             ("slowburn-tsdb-commands-" + std::to_string(getpid())))
                .string();
    std::filesystem::remove_all(path_);
    tsdb::DbOptions options;
    options.path = path_;
    db_ = *tsdb::Db::Open(std::move(options), clock_, registry_);
    const auto appender = db_->NewAppender();
    const auto append = [&](const tsdb::Labels& labels, const std::vector<double>& values) {
      const tsdb::SeriesRef ref = *appender->Resolve(labels, nullptr);
      for (size_t i = 0; i < values.size(); ++i) {
        appender->Append(ref, kZero + static_cast<tsdb::TimestampMs>(i) * 1000, values[i]);
      }
    };
    append({{"__name__", "b"}, {"q", "a\"b\\c\nd"}}, {1});
    append({{"__name__", "a"}, {"job", "x"}},
           {123456789, 1e6, 0.00001, std::nan(""), HUGE_VAL, 1234567.25, 1e21, 100000, 0.1});
    auto histogram = std::make_shared<tsdb::Histogram>();
    histogram->is_float = false;
    histogram->count = 2'000'005;
    histogram->sum = 18.5;
    histogram->zero_threshold = 0.001;
    histogram->zero_count = 2;
    histogram->positive_spans = {{0, 2}};
    histogram->positive_buckets = {2'000'000, 2};
    histogram->negative_spans = {{1, 1}};
    histogram->negative_buckets = {1};
    const tsdb::SeriesRef ref = *appender->Resolve(tsdb::Labels{{"__name__", "h"}}, nullptr);
    appender->AppendHistogram(ref, kZero, histogram);
    auto floats = std::make_shared<tsdb::Histogram>(*histogram);
    floats->is_float = true;
    appender->AppendHistogram(ref, kZero + 1000, floats);
    ASSERT_TRUE(appender->Commit()->rejected.empty());
  }
  void TearDown() override {
    db_ = nullptr;
    std::filesystem::remove_all(path_);
  }

  // What the command prints.
  template <typename Command>
  std::string Run(const Command& command, absl::Status& status) {
    std::FILE* file = std::tmpfile();
    status = command(file);
    std::string text(static_cast<size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
    std::fclose(file);
    return text;
  }
  std::string Dump(TsdbDumpOptions options) {
    options.path = path_;
    absl::Status status;
    const std::string text = Run([&](std::FILE* out) { return RunTsdbDump(options, out); }, status);
    EXPECT_OK(status);
    return text;
  }

  std::string path_;
  testing::FakeClock clock_{kZero + 10'000};
  prometheus::Registry registry_;
  std::unique_ptr<tsdb::Db> db_;
};

TEST_F(TsdbCommands, DumpPrintsPromtoolsLines) {
  db_ = nullptr;
  const std::string a = R"({__name__="a", job="x"} )";
  const std::string b = R"({__name__="b", q="a\"b\\c\nd"} 1 1700000000000)";
  // Lines of a and b as promtool 3.5 printed them.
  EXPECT_EQ(Dump({}), a + "1.23456789e+08 1700000000000\n" + a + "1e+06 1700000001000\n" + a +
                          "1e-05 1700000002000\n" + a + "NaN 1700000003000\n" + a +
                          "+Inf 1700000004000\n" + a + "1.23456725e+06 1700000005000\n" + a +
                          "1e+21 1700000006000\n" + a + "100000 1700000007000\n" + a +
                          "0.1 1700000008000\n" + b + "\n" +
                          "{__name__=\"h\"} {count:2000005, sum:18.5, [-2,-1):1, [-0.001,0.001]:2, "
                          "(0.5,1]:2000000, (1,2]:2}"
                          " 1700000000000\n"
                          "{__name__=\"h\"} {count:2.000005e+06, sum:18.5, [-2,-1):1, "
                          "[-0.001,0.001]:2, (0.5,1]:2e+06, (1,2]:2}"
                          " 1700000001000\n");
  TsdbDumpOptions some;
  some.matches = {"{job=\"x\"}", "b", "{__name__=~\"a|b\"}"};
  some.min_time = kZero;
  some.max_time = kZero + 1000;
  EXPECT_EQ(Dump(some),
            a + "1.23456789e+08 1700000000000\n" + a + "1e+06 1700000001000\n" + b + "\n");
}

TEST_F(TsdbCommands, FaultsOfUseAreNamed) {
  absl::Status status;
  TsdbDumpOptions dump;
  dump.path = path_;
  Run([&](std::FILE* out) { return RunTsdbDump(dump, out); }, status);
  EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kFailedPrecondition, "LOCK"));
  dump.matches = {"a{"};
  Run([&](std::FILE* out) { return RunTsdbDump(dump, out); }, status);
  EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kInvalidArgument, "parse error"));
  Run([&](std::FILE* out) { return RunTsdbStats({"/nowhere"}, out); }, status);
  EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kNotFound, "/nowhere"));
  EXPECT_FALSE(std::filesystem::exists("/nowhere"));
}

TEST_F(TsdbCommands, StatsAndVerify) {
  db_ = nullptr;
  absl::Status status;
  const std::string stats = Run([&](std::FILE* out) { return RunTsdbStats({path_}, out); }, status);
  EXPECT_OK(status);
  for (const char* text :
       {"series         3\n", "samples        12\n",
        "first sample   1700000000000 (2023-11-14T22:13:20.000Z)\n", "           1  a\n"}) {
    EXPECT_NE(stats.find(text), std::string::npos) << stats;
  }
  const std::string verified =
      Run([&](std::FILE* out) { return RunTsdbVerify({path_}, out); }, status);
  EXPECT_OK(status);
  EXPECT_EQ(verified,
            "0 blocks, 0 samples\n1 records of the log, 3 series, 10 samples, 2 histograms, 0 "
            "exemplars\nno damage found\n");
}

// Samples that are in blocks only, as after an import.
TEST_F(TsdbCommands, ExportTakesWhatIsSealed) {
  ASSERT_OK(db_->Seal(tsdb::Db::SealWhat::kAll, tsdb::Db::OldReaders::kWait));
  ASSERT_EQ(db_->Stats(0).samples, 0u);
  db_ = nullptr;
  const std::string out_path = path_ + "/out";
  TsdbExportOptions options;
  options.path = path_;
  options.to = out_path;
  absl::Status status;
  const std::string text = Run([&](std::FILE* out) { return RunTsdbExport(options, out); }, status);
  EXPECT_OK(status);
  EXPECT_EQ(text, "1 blocks, 3 series in them, 12 samples, 2 of them histograms\n");
}

// What is damaged is told, and a command that could not read all of it fails.
TEST_F(TsdbCommands, DamageIsTold) {
  ASSERT_OK(db_->Seal(tsdb::Db::SealWhat::kAll, tsdb::Db::OldReaders::kWait));
  db_ = nullptr;
  absl::Status status;
  const auto fault = [&](const std::string& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(path_ + folder)) {
      if (entry.path().extension() != ".sst") continue;
      std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
      return true;
    }
    return false;
  };
  ASSERT_TRUE(fault("/blocks"));
  base::SetLogLevel(static_cast<base::LogLevel>(static_cast<int>(base::LogLevel::kError) + 1));
  TsdbDumpOptions dump;
  dump.path = path_;
  Run([&](std::FILE* out) { return RunTsdbDump(dump, out); }, status);
  EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kDataLoss, "its samples are missing"));
  TsdbExportOptions exported;
  exported.path = path_;
  exported.to = path_ + "/out";
  Run([&](std::FILE* out) { return RunTsdbExport(exported, out); }, status);
  EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kDataLoss, "its samples are missing"));
}

TEST_F(TsdbCommands, VerifyReadsTheState) {
  db_ = nullptr;
  std::filesystem::remove(path_ + "/state/CURRENT");
  absl::Status status;
  const std::string text = Run([&](std::FILE* out) { return RunTsdbVerify({path_}, out); }, status);
  EXPECT_THAT(status, testing::IsCode(absl::StatusCode::kDataLoss, "1 faults"));
  EXPECT_NE(text.find("damaged: opening " + path_ + "/state"), std::string::npos) << text;
  EXPECT_NE(text.find("move"), std::string::npos) << text;
}

}  // namespace
}  // namespace slowburn::app
