// ByteReader takes numbers and texts off the front of bytes that nobody vouches for; after the
// first failure everything fails. What it returns points into the bytes.
#ifndef SLOWBURN_TSDB_BYTE_READER_H_
#define SLOWBURN_TSDB_BYTE_READER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "tsdb/varint.h"

namespace slowburn::tsdb {

class ByteReader {
 public:
  ByteReader() : ByteReader(std::string_view()) {}
  explicit ByteReader(std::string_view bytes)
      : p_(reinterpret_cast<const uint8_t*>(bytes.data())), end_(p_ + bytes.size()) {}

  bool ok() const { return ok_; }
  bool done() const { return !ok_ || p_ == end_; }
  size_t left() const { return static_cast<size_t>(end_ - p_); }
  bool Fail() { return ok_ = false; }

  bool Byte(uint8_t& value) {
    if (!ok_ || p_ == end_) return Fail();
    value = *p_++;
    return true;
  }
  bool Varint(uint64_t& value) { return ok_ && GetVarint(p_, end_, value) ? true : Fail(); }
  bool Signed(int64_t& value) {
    uint64_t raw = 0;
    if (!Varint(raw)) return false;
    value = Unzigzag(raw);
    return true;
  }
  bool Varint32(uint32_t& value) {
    uint64_t raw = 0;
    if (!Varint(raw) || raw > UINT32_MAX) return Fail();
    value = static_cast<uint32_t>(raw);
    return true;
  }
  bool Fixed32(uint32_t& value) { return Copy(&value, sizeof(value)); }
  bool Bits(uint64_t& value) { return Copy(&value, sizeof(value)); }
  bool Double(double& value) {
    uint64_t bits = 0;
    if (!Bits(bits)) return false;
    value = std::bit_cast<double>(bits);
    return true;
  }
  bool Bytes(uint64_t size, std::string_view& bytes) {
    if (!ok_ || size > left()) return Fail();
    bytes = {reinterpret_cast<const char*>(p_), static_cast<size_t>(size)};
    p_ += size;
    return true;
  }
  bool Text(std::string_view& text) {
    uint64_t size = 0;
    return Varint(size) && Bytes(size, text);
  }
  bool Skip(uint64_t size) {
    std::string_view ignored;
    return Bytes(size, ignored);
  }
  // A number of things that take at least `each` bytes.
  bool Count(size_t each, uint64_t& count) {
    return Varint(count) && count <= left() / each ? true : Fail();
  }

 private:
  bool Copy(void* to, size_t size) {
    if (!ok_ || left() < size) return Fail();
    std::memcpy(to, p_, size);
    p_ += size;
    return true;
  }

  const uint8_t* p_;
  const uint8_t* end_;
  bool ok_ = true;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BYTE_READER_H_
