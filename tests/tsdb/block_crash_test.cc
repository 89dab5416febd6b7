// kill -9 while batches are committed, blocks rewritten and series deleted: a child process tells
// what was acknowledged; what it left is then read.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "base/log.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/block_crash.h"
#include "tests/tsdb/temp_directory.h"

namespace slowburn::tsdb {
namespace {

class Child {
 public:
  Child(const std::string& directory, int first) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const std::string program =
        (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tsdb_block_crash_child")
            .string();
    const std::string first_text = std::to_string(first);
    const char* const arguments[] = {program.c_str(), directory.c_str(), first_text.c_str(),
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

// Every batch is there as a whole or not at all; those that were acknowledged are.
void Verify(const std::string& directory, int acknowledged, int& last_found) {
  const auto store = BlockStore::Open(directory, nullptr);
  ASSERT_OK(store);
  ASSERT_OK((*store)->Verify({}));
  EXPECT_EQ((*store)->Stats().quarantined, 0u);
  const auto view = (*store)->View();
  std::map<int, int> shared, own;
  const auto set = view->Select({}, {});
  ASSERT_OK(set);
  while ((*set)->Next()) {
    const auto samples = (*set)->samples();
    SampleBatch batch;
    while (samples->Next(batch)) {
      for (size_t i = 0; i < batch.t.size(); ++i) {
        const int n = static_cast<int>(batch.v[i]);
        const bool is_own = (*set)->labels().Has("n");
        ASSERT_EQ(batch.t[i], CrashPartition(is_own ? 1 : 0).start + n);
        ++(is_own ? own : shared)[n];
      }
    }
  }
  last_found = shared.empty() ? 0 : shared.rbegin()->first;
  ASSERT_GE(last_found, acknowledged);
  ASSERT_LE(last_found, acknowledged + 1);
  EXPECT_EQ(view->mark().sequence, static_cast<uint64_t>(last_found));
  for (int n = 1; n <= last_found; ++n) {
    EXPECT_EQ(shared[n], kCrashSharedSeries) << n;
    // The deletion is done before the batch that brings it, so it may be ahead by one.
    const int deleted_by = n + kDeletedBefore;
    const bool is_deleted = deleted_by % kDeleteEvery == 0 && deleted_by <= last_found;
    const bool may_be_deleted = deleted_by % kDeleteEvery == 0 && deleted_by <= last_found + 1;
    if (is_deleted || !may_be_deleted) {
      EXPECT_EQ(own[n], is_deleted ? 0 : 1) << n;
    }
  }
}

TEST(BlockCrash, AcknowledgedBatchesSurviveSigkill) {
  testing::Random random;
  const TempDirectory directory;
  int last = 0;
  for (int round = 0; round < 8; ++round) {
    Child child(directory.path(), last + 1);
    int n = last;
    const int wanted = last + 1 + static_cast<int>(random.Below(14));
    while (n < wanted && child.Read(n)) {
    }
    usleep(static_cast<useconds_t>(random.Below(20'000)));  // anywhere in what comes next
    child.Kill();
    while (child.Read(n)) {
    }
    ASSERT_GE(n, wanted);
    ASSERT_NO_FATAL_FAILURE(Verify(directory.path(), n, last));
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace slowburn::tsdb
