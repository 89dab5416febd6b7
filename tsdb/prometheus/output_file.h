// OutputFile: a new file that is written from front to back, durable once Close returns.
//
// Threads: none. Errors: the operating system's, with the path; after one, all later calls give it.
#ifndef SLOWBURN_TSDB_PROMETHEUS_OUTPUT_FILE_H_
#define SLOWBURN_TSDB_PROMETHEUS_OUTPUT_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace slowburn::tsdb::prom {

class OutputFile {
 public:
  // kAlreadyExists: there is one.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  absl::Status Append(std::string_view bytes);
  absl::Status PadTo(uint64_t multiple);  // with zeros
  uint64_t size() const { return size_; }
  absl::Status Close();

 private:
  OutputFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status Flush();

  const std::string path_;
  int fd_;
  uint64_t size_ = 0;
  std::string buffer_;
  absl::Status status_;
};

// Makes the names in a folder durable.
absl::Status SyncFolder(const std::string& path);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_OUTPUT_FILE_H_
