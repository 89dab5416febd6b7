// The bytes of columns: numbers appended to a string, and read back within bounds.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_COLUMN_BYTES_H_
#define SLOWBURN_TSDB_COLUMN_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "tsdb/varint.h"

namespace slowburn::tsdb {

inline void AppendByte(unsigned value, std::string& out) {
  out.push_back(static_cast<char>(static_cast<uint8_t>(value)));
}
inline void AppendVarint(uint64_t value, std::string& out) {
  uint8_t buffer[kMaxVarintBytes];
  const uint8_t* const end = PutVarint(buffer, value);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
}
inline void AppendZigzag(uint64_t value, std::string& out) {
  AppendVarint(Zigzag(static_cast<int64_t>(value)), out);
}
// The low `bytes` bytes, low ones first.
inline void AppendFixed(uint64_t value, size_t bytes, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), bytes);
}

// Bytes that are left to read. The functions return false, and read nothing, where they end early.
struct Unread {
  const uint8_t* begin = nullptr;
  const uint8_t* end = nullptr;

  Unread() = default;
  Unread(const uint8_t* from, const uint8_t* to) : begin(from), end(to) {}
  explicit Unread(std::string_view bytes)
      : begin(reinterpret_cast<const uint8_t*>(bytes.data())), end(begin + bytes.size()) {}

  size_t size() const { return static_cast<size_t>(end - begin); }
  bool empty() const { return begin == end; }

  bool Byte(uint8_t& value) {
    if (empty()) return false;
    value = *begin++;
    return true;
  }
  bool Varint(uint64_t& value) { return GetVarint(begin, end, value); }
  bool Zigzag(uint64_t& value) {
    if (!Varint(value)) return false;
    value = static_cast<uint64_t>(Unzigzag(value));
    return true;
  }
  bool Fixed(uint64_t& value, size_t bytes = sizeof(uint64_t)) {
    if (size() < bytes) return false;
    value = 0;
    std::memcpy(&value, begin, bytes);
    begin += bytes;
    return true;
  }
  // The next `bytes` bytes as a piece of their own.
  bool Piece(uint64_t bytes, Unread& piece) {
    if (size() < bytes) return false;
    piece = {begin, begin + bytes};
    begin += bytes;
    return true;
  }
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_COLUMN_BYTES_H_
