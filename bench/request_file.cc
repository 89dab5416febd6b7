#include "bench/request_file.h"

#include <fcntl.h>
#include <snappy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace slowburn::bench {
namespace {

// Before each body.
struct Header {
  int64_t newest_ms;
  uint32_t shard;
  uint32_t samples;
  uint64_t size;
};

constexpr size_t kSampleBytes = 2 + 1 + 8 + 1 + 10;  // the most that one Sample field takes

}  // namespace

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void AppendField(std::string& out, int field, std::string_view bytes) {
  AppendVarint(out, static_cast<uint64_t>(field) << 3 | 2);
  AppendVarint(out, bytes.size());
  out += bytes;
}

RequestFileWriter::RequestFileWriter(std::FILE* file, int shards, int samples_per_request)
    : file_(file), samples_per_request_(samples_per_request), shards_(shards) {}

void RequestFileWriter::Add(int shard, std::string_view label_bytes, int64_t t, double value) {
  char sample[kSampleBytes];
  size_t n = 2;
  sample[n++] = '\x09';
  std::memcpy(sample + n, &value, 8);
  n += 8;
  sample[n++] = '\x10';
  uint64_t rest = static_cast<uint64_t>(t);
  for (; rest >= 0x80; rest >>= 7) sample[n++] = static_cast<char>(rest | 0x80);
  sample[n++] = static_cast<char>(rest);
  sample[0] = '\x12';
  sample[1] = static_cast<char>(n - 2);

  std::string& message = shards_[shard].message;
  message += '\x0a';
  AppendVarint(message, label_bytes.size() + n);
  message += label_bytes;
  message.append(sample, n);
  shards_[shard].newest_ms = std::max(shards_[shard].newest_ms, t);
  if (++shards_[shard].samples == samples_per_request_) Flush(shard);
}

void RequestFileWriter::Flush(size_t shard) {
  Shard& full = shards_[shard];
  if (full.samples == 0) return;
  snappy::Compress(full.message.data(), full.message.size(), &compressed_);
  const Header header{full.newest_ms, static_cast<uint32_t>(shard),
                      static_cast<uint32_t>(full.samples), compressed_.size()};
  failed_ |= std::fwrite(&header, sizeof(header), 1, file_) != 1 ||
             std::fwrite(compressed_.data(), compressed_.size(), 1, file_) != 1;
  ++requests_;
  wire_bytes_ += compressed_.size();
  raw_bytes_ += full.message.size();
  full.message.clear();
  full.samples = 0;
}

absl::Status RequestFileWriter::Finish() {
  for (size_t shard = 0; shard < shards_.size(); ++shard) Flush(shard);
  if (std::fflush(file_) != 0 || failed_) return absl::InternalError("cannot write the requests");
  return absl::OkStatus();
}

absl::StatusOr<RequestFile> RequestFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::InternalError(absl::StrCat(path, ": ", std::strerror(errno)));
  struct stat status {};
  void* data = MAP_FAILED;
  if (fstat(fd, &status) == 0) {
    data = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  }
  close(fd);
  if (data == MAP_FAILED) {
    return absl::InternalError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  RequestFile file(static_cast<const char*>(data), status.st_size);
  for (size_t at = 0; at < file.size_;) {
    Header header;
    if (file.size_ - at < sizeof(header)) return absl::InvalidArgumentError(path + ": cut short");
    std::memcpy(&header, file.data_ + at, sizeof(header));
    at += sizeof(header);
    if (file.size_ - at < header.size) return absl::InvalidArgumentError(path + ": cut short");
    file.requests_.push_back({header.shard, header.samples, header.newest_ms,
                              std::string_view(file.data_ + at, header.size)});
    at += header.size;
  }
  return file;
}

RequestFile::RequestFile(RequestFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      requests_(std::move(other.requests_)) {}

RequestFile::~RequestFile() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

}  // namespace slowburn::bench
