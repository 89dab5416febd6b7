// ByteReader and Put*: the integers and strings of Prometheus' files: big-endian of fixed width, or
// varints of seven bits a byte (signed ones zigzag), strings with their length before them.
//
// A ByteReader fails for good at the first thing that is not there: read a whole group, then ask
// ok(). What it returned after the failure is zero or empty.
//
// Threads: none. Lifetimes: views are into the bytes that the reader was made with.
#ifndef SLOWBURN_TSDB_PROMETHEUS_BYTES_H_
#define SLOWBURN_TSDB_PROMETHEUS_BYTES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tsdb/varint.h"

namespace slowburn::tsdb::prom {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size() - pos_; }
  size_t pos() const { return pos_; }
  bool AtEnd() const { return pos_ == bytes_.size(); }

  uint8_t U8() { return static_cast<uint8_t>(BigEndian(1)); }
  uint16_t Be16() { return static_cast<uint16_t>(BigEndian(2)); }
  uint32_t Be32() { return static_cast<uint32_t>(BigEndian(4)); }
  uint64_t Be64() { return BigEndian(8); }
  double Double() { return std::bit_cast<double>(Be64()); }

  uint64_t Uvarint() {
    const auto* p = reinterpret_cast<const uint8_t*>(bytes_.data()) + pos_;
    const auto* const begin = p;
    uint64_t value = 0;
    if (!ok_ || !GetVarint(p, begin + left(), value)) return Fail(), 0;
    pos_ += static_cast<size_t>(p - begin);
    return value;
  }
  int64_t Varint() { return Unzigzag(Uvarint()); }

  std::string_view Bytes(uint64_t size) {
    if (!ok_ || size > left()) return Fail(), std::string_view();
    pos_ += size;
    return bytes_.substr(pos_ - size, size);
  }
  std::string_view String() { return Bytes(Uvarint()); }
  // A number of things of which each takes at least `size` bytes: never more than there can be.
  uint64_t Count(size_t size) {
    const uint64_t count = Uvarint();
    if (count > left() / size) return Fail(), 0;
    return count;
  }

 private:
  void Fail() {
    ok_ = false;
    pos_ = bytes_.size();
  }
  uint64_t BigEndian(size_t size) {
    if (!ok_ || size > left()) return Fail(), 0;
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes_[pos_ + i]);
    pos_ += size;
    return value;
  }

  std::string_view bytes_;
  size_t pos_ = 0;
  bool ok_ = true;
};

inline void PutBigEndian(std::string& out, uint64_t value, size_t size) {
  for (size_t i = size; i-- > 0;) out += static_cast<char>(value >> (8 * i));
}
inline void PutBe32(std::string& out, uint32_t value) { PutBigEndian(out, value, 4); }
inline void PutBe64(std::string& out, uint64_t value) { PutBigEndian(out, value, 8); }
inline void PutUvarint(std::string& out, uint64_t value) {
  uint8_t bytes[kMaxVarintBytes];
  const uint8_t* const end = PutVarint(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(end - bytes));
}
inline void PutVarintSigned(std::string& out, int64_t value) { PutUvarint(out, Zigzag(value)); }
inline void PutString(std::string& out, std::string_view text) {
  PutUvarint(out, text.size());
  out += text;
}

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_BYTES_H_
