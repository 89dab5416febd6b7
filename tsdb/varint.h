// Variable-length integers: seven bits a byte, low ones first, the high bit says that more follow
// (as protobuf's).
#ifndef SLOWBURN_TSDB_VARINT_H_
#define SLOWBURN_TSDB_VARINT_H_

#include <cstddef>
#include <cstdint>

namespace slowburn::tsdb {

inline constexpr size_t kMaxVarintBytes = 10;

inline uint64_t Zigzag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t Unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

// REQUIRES: room for kMaxVarintBytes.
inline uint8_t* PutVarint(uint8_t* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<uint8_t>(value);
  return out;
}

// Moves `p` behind the integer. False when it ends before, or has more than 64 bits.
inline bool GetVarint(const uint8_t*& p, const uint8_t* end, uint64_t& value) {
  if (p < end && *p < 0x80) [[likely]]
    return value = *p++, true;
  value = 0;
  for (unsigned shift = 0; shift < 64 && p < end; shift += 7) {
    const uint64_t byte = *p++;
    if (shift == 63 && byte > 1) return false;
    value |= (byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_VARINT_H_
