#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/testing/status_matchers.h"

namespace slowburn::base {
namespace {

using testing::IsCode;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "slowburn-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string Path(const std::string& name) const { return dir_ + "/" + name; }

  std::string dir_;
};

TEST_F(FileTest, WritesAndReads) {
  const std::string content("a\0b\n", 4);
  ASSERT_OK(WriteFileAtomic(Path("x"), content));
  ASSERT_OK_AND_ASSIGN(const std::string back, ReadFile(Path("x")));
  EXPECT_EQ(back, content);
  ASSERT_OK(WriteFileAtomic(Path("x"), "new"));
  EXPECT_EQ(ReadFile(Path("x")).value(), "new");
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir_)) ++files;
  EXPECT_EQ(files, 1u) << "a temporary file was left";
}

TEST_F(FileTest, ReadsLargeFilesAndFilesWithoutASize) {
  const std::string large(300'000, 'x');
  ASSERT_OK(WriteFileAtomic(Path("large"), large));
  EXPECT_EQ(ReadFile(Path("large")).value(), large);
  EXPECT_FALSE(ReadFile("/proc/self/status").value().empty());
}

TEST_F(FileTest, ErrorsNameThePathAndTheReason) {
  EXPECT_THAT(ReadFile(Path("none")),
              IsCode(absl::StatusCode::kNotFound, Path("none") + ": No such file"));
  EXPECT_THAT(ReadFile(dir_), IsCode(absl::StatusCode::kFailedPrecondition, "Is a directory"));
  EXPECT_THAT(WriteFileAtomic(Path("no/x"), "a"),
              IsCode(absl::StatusCode::kNotFound, Path("no/x")));
  ASSERT_OK(WriteFileAtomic(Path("f"), ""));
  EXPECT_FALSE(MakeDirectories(Path("f/g")).ok());
}

TEST_F(FileTest, AFailedWriteKeepsTheOldContent) {
  ASSERT_OK(WriteFileAtomic(Path("d"), "old"));
  ASSERT_OK(MakeDirectories(Path("sub/d")));
  EXPECT_FALSE(WriteFileAtomic(Path("sub/d"), "new").ok());  // a directory stands there
  EXPECT_TRUE(Glob(Path("sub/*.tmp.*")).empty());
}

TEST_F(FileTest, GlobIsSorted) {
  for (const char* name : {"b.yml", "a.yml", "c.txt"}) ASSERT_OK(WriteFileAtomic(Path(name), ""));
  EXPECT_EQ(Glob(Path("*.yml")), (std::vector<std::string>{Path("a.yml"), Path("b.yml")}));
  EXPECT_TRUE(Glob(Path("*.json")).empty());
}

TEST_F(FileTest, ResolvesAgainstTheFolderOfAFile) {
  EXPECT_EQ(ResolvePath("/etc/p/prometheus.yml", "rules/*.yml"), "/etc/p/rules/*.yml");
  EXPECT_EQ(ResolvePath("/etc/p/prometheus.yml", "/abs"), "/abs");
  EXPECT_EQ(ResolvePath("prometheus.yml", "x"), "x");
  EXPECT_EQ(ResolvePath("/etc/p.yml", ""), "");
}

TEST_F(FileTest, LockIsExclusiveAndEndsWithItsHolder) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<FileLock> lock, FileLock::Acquire(Path("lock")));
  EXPECT_THAT(FileLock::Acquire(Path("lock")),
              IsCode(absl::StatusCode::kFailedPrecondition,
                     "held by process " + std::to_string(::getpid())));
  lock.reset();
  EXPECT_OK(FileLock::Acquire(Path("lock")));
}

}  // namespace
}  // namespace slowburn::base
