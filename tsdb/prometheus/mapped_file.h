// MappedFile: the bytes of a file, for reading.
//
// Threads: immutable. Lifetimes: views of bytes() end with it. The file must not become shorter
// meanwhile; Prometheus' blocks never change once they have their name.
// Errors: the operating system's, with the path.
#ifndef SLOWBURN_TSDB_PROMETHEUS_MAPPED_FILE_H_
#define SLOWBURN_TSDB_PROMETHEUS_MAPPED_FILE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace slowburn::tsdb::prom {

class MappedFile {
 public:
  static absl::StatusOr<std::unique_ptr<MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }
  // An empty view where that is not inside of the file.
  std::string_view Range(uint64_t offset, uint64_t size) const {
    if (offset > size_ || size > size_ - offset) return {};
    return bytes().substr(offset, size);
  }
  std::string_view From(uint64_t offset) const {
    return offset > size_ ? std::string_view() : bytes().substr(offset);
  }

 private:
  MappedFile(std::string path, void* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  const std::string path_;
  void* const data_;  // null when the file is empty
  const size_t size_;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_MAPPED_FILE_H_
