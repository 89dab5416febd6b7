// A file of remote-write 1.0 requests, encoded and compressed beforehand, so that a benchmark sends
// the same bytes to every system and spends nothing on making them.
//
// Series are spread over shards, as a sender with several connections does it; the requests of one
// shard are in order, and the file has all shards' requests in global order of time.
//
//   RequestFileWriter writer(file, /*shards=*/2, /*samples_per_request=*/2000);
//   writer.Add(shard, label_bytes, t, value);
//   RETURN_IF_ERROR(writer.Finish());
//
//   ASSIGN_OR_RETURN(auto file, RequestFile::Open(path));
//   for (const Request& request : file.requests()) …
//
// Threads: one at a time for the writer; an open file is read by any number. Errors: kInternal for
// I/O, kInvalidArgument for a file that is not one.
#ifndef SLOWBURN_BENCH_REQUEST_FILE_H_
#define SLOWBURN_BENCH_REQUEST_FILE_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace slowburn::bench {

void AppendVarint(std::string& out, uint64_t value);
// A length-delimited protobuf field.
void AppendField(std::string& out, int field, std::string_view bytes);

class RequestFileWriter {
 public:
  RequestFileWriter(std::FILE* file, int shards, int samples_per_request);

  // `label_bytes`: the encoded Label fields of a TimeSeries, in order of name.
  void Add(int shard, std::string_view label_bytes, int64_t t, double value);
  // Sends what is still buffered to the file.
  absl::Status Finish();

  uint64_t requests() const { return requests_; }
  uint64_t wire_bytes() const { return wire_bytes_; }
  uint64_t raw_bytes() const { return raw_bytes_; }

 private:
  struct Shard {
    std::string message;
    int samples = 0;
    int64_t newest_ms = 0;
  };
  void Flush(size_t shard);

  std::FILE* const file_;
  const int samples_per_request_;
  std::vector<Shard> shards_;
  std::string compressed_;
  uint64_t requests_ = 0, wire_bytes_ = 0, raw_bytes_ = 0;
  bool failed_ = false;
};

struct Request {
  uint32_t shard = 0;
  uint32_t samples = 0;
  int64_t newest_ms = 0;  // of its samples
  std::string_view body;  // compressed; lives as long as the file
};

class RequestFile {
 public:
  static absl::StatusOr<RequestFile> Open(const std::string& path);
  RequestFile(RequestFile&& other) noexcept;
  RequestFile& operator=(RequestFile&&) = delete;
  ~RequestFile();

  const std::vector<Request>& requests() const { return requests_; }

 private:
  RequestFile(const char* data, size_t size) : data_(data), size_(size) {}

  const char* data_;
  size_t size_;
  std::vector<Request> requests_;
};

}  // namespace slowburn::bench

#endif  // SLOWBURN_BENCH_REQUEST_FILE_H_
