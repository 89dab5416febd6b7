// kill -9 while writing, and while sealing and rewriting: a child process appends and tells which
// commits were acknowledged; what it wrote is then read. SLOWBURN_LONG=1 kills 200 times.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "base/log.h"
#include "prometheus/registry.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/crash_child.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_fixture.h"
#include "tsdb/db.h"

namespace slowburn::tsdb {
namespace {

enum class Seals { kNo, kYes };

class Child {
 public:
  Child(const std::string& directory, int first, WalSync sync, Seals seals) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const std::string program =
        (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tsdb_crash_child")
            .string();
    const std::string first_text = std::to_string(first),
                      sync_text = std::to_string(static_cast<int>(sync));
    const char* const arguments[] = {program.c_str(),
                                     directory.c_str(),
                                     first_text.c_str(),
                                     sync_text.c_str(),
                                     seals == Seals::kYes ? "1" : "0",
                                     nullptr};
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      execv(program.c_str(), const_cast<char* const*>(arguments));
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
  testing::FakeClock clock(CrashTime(1'000'000));
  prometheus::Registry registry;
  auto db = Db::Open(CrashOptions(directory, WalSync::kOs), clock, registry);
  ASSERT_OK(db);
  const auto querier = (*db)->NewQuerier({});
  std::map<int, int> parts;  // of each commit
  for (const Sample& s : ReadSamples(*querier, {})) {
    const int n = static_cast<int>(s.v);
    ASSERT_TRUE(s.t == CrashTime(n) || s.t == LateCrashTime(n)) << s.t << " of commit " << n;
    ++parts[n];
  }
  for (int n = 1; n <= last_acknowledged; ++n) ASSERT_EQ(parts[n], kCrashSamples) << "commit " << n;
  for (const auto& [n, count] : parts) ASSERT_EQ(count, kCrashSamples) << "commit " << n;
  last_found = parts.empty() ? 0 : parts.rbegin()->first;
}

void KillAndVerify(WalSync sync, Seals seals, int rounds) {
  // Now and then a new directory, as everything in it is read after each round.
  static constexpr int kRoundsPerDirectory = 25;
  testing::Random random;
  for (int done = 0; done < rounds; done += kRoundsPerDirectory) {
    const TempDirectory directory;
    int last = 0;
    for (int round = 0; round < std::min(kRoundsPerDirectory, rounds - done); ++round) {
      Child child(directory.path(), last + 1, sync, seals);
      int n = last;
      const int wanted = last + 1 + static_cast<int>(random.Below(200));
      while (n < wanted && child.Read(n)) {
      }
      usleep(static_cast<useconds_t>(random.Below(3000)));
      child.Kill();
      while (child.Read(n)) {
      }
      ASSERT_GE(n, wanted);
      ASSERT_NO_FATAL_FAILURE(Verify(directory.path(), n, last));
      ASSERT_GE(last, n);
    }
  }
}

int Rounds(int in_the_short_run) {
  return std::getenv("SLOWBURN_LONG") != nullptr ? 200 : in_the_short_run;
}

TEST(DbCrash, AcknowledgedCommitsSurviveSigkill) {
  KillAndVerify(WalSync::kInterval, Seals::kNo, 4);
}
TEST(DbCrash, AcknowledgedCommitsSurviveSigkillWithoutSync) {
  KillAndVerify(WalSync::kOs, Seals::kNo, 2);
}
TEST(DbCrash, AcknowledgedCommitsSurviveSigkillWithSync) {
  KillAndVerify(WalSync::kAlways, Seals::kNo, 2);
}
TEST(DbCrash, AcknowledgedCommitsSurviveSigkillWhileSealing) {
  KillAndVerify(WalSync::kInterval, Seals::kYes, Rounds(8));
}

}  // namespace
}  // namespace slowburn::tsdb
