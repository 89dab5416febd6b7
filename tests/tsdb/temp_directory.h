// TempDirectory: a folder that does not exist yet, and goes when its owner does.
#ifndef SLOWBURN_TESTS_TSDB_TEMP_DIRECTORY_H_
#define SLOWBURN_TESTS_TSDB_TEMP_DIRECTORY_H_

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"

namespace slowburn::tsdb {

class TempDirectory {
 public:
  TempDirectory() {
    static std::atomic<int> next{0};
    path_ = (std::filesystem::temp_directory_path() /
             absl::StrCat("slowburn-tsdb-", getpid(), "-", next++))
                .string();
    std::filesystem::remove_all(path_);
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_TEMP_DIRECTORY_H_
