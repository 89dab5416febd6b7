#include "tsdb/data_directory.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/testing/status_matchers.h"
#include "tests/tsdb/store_fixture.h"

namespace slowburn::tsdb {
namespace {

using testing::IsCode;

absl::Status OpenStatus(const std::string& path) { return DataDirectory::Open(path).status(); }

TEST(DataDirectory, IsMadeLockedAndOpenedAgain) {
  const TempDirectory directory;
  {
    const auto first = DataDirectory::Open(directory.path());
    ASSERT_OK(first);
    EXPECT_EQ(*base::ReadFile(directory.path() + "/FORMAT"), "slowburn-tsdb 2\n");
    EXPECT_THAT(OpenStatus(directory.path()),
                IsCode(absl::StatusCode::kFailedPrecondition, "LOCK"));
  }
  EXPECT_OK(OpenStatus(directory.path()));
}

TEST(DataDirectory, RefusesWhatItCannotRead) {
  const struct {
    const char* format;
    absl::StatusCode code;
    const char* text;
  } cases[] = {
      {"slowburn-tsdb 3\n", absl::StatusCode::kFailedPrecondition,
       "has format 3, written by a later version"},
      {"slowburn-tsdb 0\n", absl::StatusCode::kDataLoss, "wanted \"slowburn-tsdb 2\""},
      {"slowburn-tsdb x\n", absl::StatusCode::kDataLoss, "/FORMAT"},
      {"something else\n", absl::StatusCode::kDataLoss, "/FORMAT"},
      {"", absl::StatusCode::kDataLoss, "/FORMAT"},
  };
  for (const auto& c : cases) {
    const TempDirectory directory;
    ASSERT_OK(OpenStatus(directory.path()));
    ASSERT_OK(base::WriteFileAtomic(directory.path() + "/FORMAT", c.format));
    EXPECT_THAT(OpenStatus(directory.path()), IsCode(c.code, c.text));
  }
}

TEST(DataDirectory, FormatOneBecomesTwoWhenItIsWritten) {
  const TempDirectory directory;
  ASSERT_OK(base::MakeDirectories(directory.path()));
  const std::string format = directory.path() + "/FORMAT";
  ASSERT_OK(base::WriteFileAtomic(format, "slowburn-tsdb 1\n"));
  ASSERT_OK_AND_ASSIGN(const auto opened, DataDirectory::Open(directory.path()));
  EXPECT_EQ(*base::ReadFile(format), "slowburn-tsdb 1\n") << "reading changes nothing";
  ASSERT_OK(opened->Upgrade());
  EXPECT_EQ(*base::ReadFile(format), "slowburn-tsdb 2\n");
}

TEST(DataDirectory, LogWithoutFormatIsRefused) {
  for (const char* file : {"/wal/CURRENT", "/log/0000000001-0000000001.seg"}) {
    const TempDirectory directory;
    const std::filesystem::path path = directory.path() + file;
    ASSERT_OK(base::MakeDirectories(path.parent_path().string()));
    ASSERT_OK(base::WriteFileAtomic(path.string(), "x"));
    EXPECT_THAT(OpenStatus(directory.path()),
                IsCode(absl::StatusCode::kDataLoss, "no file FORMAT"));
  }
}

TEST(DataDirectory, PrometheusDirectoriesAreLeftAsTheyAre) {
  for (const char* file :
       {"chunks_head/000001", "wal/00000000", "01HG8W3K0Q2P7G0V8Q9XJ4T5AB/meta.json"}) {
    const TempDirectory directory;
    const std::filesystem::path path = std::filesystem::path(directory.path()) / file;
    ASSERT_OK(base::MakeDirectories(path.parent_path().string()));
    ASSERT_OK(base::WriteFileAtomic(path.string(), "x"));
    EXPECT_THAT(OpenStatus(directory.path()),
                IsCode(absl::StatusCode::kFailedPrecondition, "slowburn tsdb import"));
    size_t entries = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
      entries += entry.exists();
    EXPECT_EQ(entries, 1u) << file;
  }
}

}  // namespace
}  // namespace slowburn::tsdb
