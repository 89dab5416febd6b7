// kill -9 while writing: a child process appends and tells which commits were acknowledged; what it
// wrote is then read.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <set>

#include "base/log.h"
#include "prometheus/registry.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_fixture.h"
#include "tsdb/db.h"

namespace slowburn::tsdb {
namespace {

constexpr int kSeries = 40;  // of every commit, and one more of its own
constexpr char kDirectoryVariable[] = "SLOWBURN_CRASH_DIRECTORY";
constexpr char kFirstVariable[] = "SLOWBURN_CRASH_FIRST";
constexpr char kSyncVariable[] = "SLOWBURN_CRASH_SYNC";
constexpr TimestampMs kZero = 1'700'000'000'000;

DbOptions Options(const std::string& path, WalSync sync) {
  DbOptions options;
  options.path = path;
  options.wal_sync = sync;
  options.wal_sync_interval_ms = 20;
  return options;
}

// Commit number n has the value n at time kZero + n in each of the series, and a series of its own.
absl::Status WriteCommit(Db& db, int n) {
  const auto appender = db.NewAppender();
  for (int i = 0; i < kSeries; ++i) {
    const auto ref =
        appender->Resolve(Labels{{"__name__", "shared"}, {"i", std::to_string(i)}}, nullptr);
    if (!ref.ok()) return ref.status();
    appender->Append(*ref, kZero + n, n);
  }
  const auto own =
      appender->Resolve(Labels{{"__name__", "own"}, {"n", std::to_string(n)}}, nullptr);
  if (!own.ok()) return own.status();
  appender->Append(*own, kZero + n, n);
  return appender->Commit().status();
}

// What the child does: writes until it is killed. Acknowledged numbers go to descriptor 3.
TEST(CrashChild, DISABLED_WritesUntilKilled) {
  const char* directory = std::getenv(kDirectoryVariable);
  ASSERT_NE(directory, nullptr) << "run by DbCrash";
  base::SetLogLevel(base::LogLevel::kWarn);
  testing::FakeClock clock(kZero);
  prometheus::Registry registry;
  const auto sync = static_cast<WalSync>(std::atoi(std::getenv(kSyncVariable)));
  auto db = Db::Open(Options(directory, sync), clock, registry);
  ASSERT_OK(db);
  for (int n = std::atoi(std::getenv(kFirstVariable));; ++n) {
    clock.Set(kZero + n);
    ASSERT_OK(WriteCommit(**db, n));
    ASSERT_EQ(write(3, &n, sizeof(n)), static_cast<ssize_t>(sizeof(n)));
  }
}

class Child {
 public:
  Child(const std::string& directory, int first, WalSync sync) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const std::string variables[] = {absl::StrCat(kDirectoryVariable, "=", directory),
                                     absl::StrCat(kFirstVariable, "=", first),
                                     absl::StrCat(kSyncVariable, "=", static_cast<int>(sync))};
    char* const environment[] = {const_cast<char*>(variables[0].c_str()),
                                 const_cast<char*>(variables[1].c_str()),
                                 const_cast<char*>(variables[2].c_str()), nullptr};
    const char* const arguments[] = {"tsdb_test", "--gtest_also_run_disabled_tests",
                                     "--gtest_filter=CrashChild.DISABLED_WritesUntilKilled",
                                     "--gtest_brief=1", nullptr};
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], 3);
      execve("/proc/self/exe", const_cast<char* const*>(arguments), environment);
      _exit(127);
    }
    close(ends[1]);
    read_end_ = ends[0];
  }
  ~Child() { close(read_end_); }

  // The next acknowledged number; false when the child is gone and everything was read.
  bool Read(int& n) { return read(read_end_, &n, sizeof(n)) == static_cast<ssize_t>(sizeof(n)); }

  void Kill() {
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  }

 private:
  pid_t pid_ = 0;
  int read_end_ = -1;
};

// Every acknowledged commit is there; commits that were not may be, but whole.
void Verify(const std::string& directory, int last_acknowledged, int& last_found) {
  testing::FakeClock clock(kZero + 1'000'000);
  prometheus::Registry registry;
  auto db = Db::Open(Options(directory, WalSync::kOs), clock, registry);
  ASSERT_OK(db);
  const auto querier = (*db)->NewQuerier({});
  std::map<int, int> parts;  // of each commit
  for (const Sample& s : ReadSamples(*querier, {})) {
    ASSERT_EQ(s.t, kZero + static_cast<TimestampMs>(s.v));
    ++parts[static_cast<int>(s.v)];
  }
  for (int n = 1; n <= last_acknowledged; ++n) ASSERT_EQ(parts[n], kSeries + 1) << "commit " << n;
  for (const auto& [n, count] : parts) ASSERT_EQ(count, kSeries + 1) << "commit " << n;
  last_found = parts.empty() ? 0 : parts.rbegin()->first;
}

void KillAndVerify(WalSync sync, int rounds) {
  testing::Random random;
  const TempDirectory directory;
  int last = 0;
  for (int round = 0; round < rounds; ++round) {
    Child child(directory.path(), last + 1, sync);
    int n = last;
    const int wanted = last + 1 + static_cast<int>(random.Below(300));
    while (n < wanted && child.Read(n)) {
    }
    child.Kill();
    while (child.Read(n)) {
    }
    ASSERT_GE(n, wanted);
    ASSERT_NO_FATAL_FAILURE(Verify(directory.path(), n, last));
    ASSERT_GE(last, n);
  }
}

TEST(DbCrash, AcknowledgedCommitsSurviveSigkill) { KillAndVerify(WalSync::kInterval, 5); }
TEST(DbCrash, AcknowledgedCommitsSurviveSigkillWithoutSync) { KillAndVerify(WalSync::kOs, 2); }
TEST(DbCrash, AcknowledgedCommitsSurviveSigkillWithSync) { KillAndVerify(WalSync::kAlways, 2); }

}  // namespace
}  // namespace slowburn::tsdb
