// Decompression of request bodies: snappy (block format) and zstd, with the decoded size known and
// checked before a byte of memory is taken for it. The only door to both libraries in this folder.
//
// Threads: pure functions. Errors: kInvalidArgument (the body is not what its encoding says),
// kResourceExhausted (it would decode to more than the limit; the message names both sizes).
#ifndef SLOWBURN_INGEST_COMPRESSION_H_
#define SLOWBURN_INGEST_COMPRESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace slowburn::ingest {

enum class WriteEncoding : uint8_t { kIdentity, kSnappy, kZstd };

// Bytes that own their memory and are not set to zero first.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(size_t size)
      : data_(std::make_unique_for_overwrite<char[]>(size)), size_(size) {}
  char* data() { return data_.get(); }
  size_t size() const { return size_; }
  void Truncate(size_t size) { size_ = size; }  // REQUIRES: size <= size()
  std::string_view view() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
};

// What the body says that it decodes to, without decoding it. A zstd frame need not say it: then
// `limit`.
absl::StatusOr<size_t> DecodedSize(WriteEncoding encoding, std::string_view body, size_t limit);

// REQUIRES: encoding is not kIdentity (there is nothing to decode).
absl::StatusOr<ByteBuffer> Decompress(WriteEncoding encoding, std::string_view body, size_t limit);

// In snappy's block format.
std::string CompressSnappy(std::string_view text);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_COMPRESSION_H_
