// Appending numbers and texts to what goes to disk. tsdb/FORMAT.md says what the words mean.
#ifndef SLOWBURN_TSDB_BYTE_WRITER_H_
#define SLOWBURN_TSDB_BYTE_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tsdb/sample.h"
#include "tsdb/varint.h"

namespace slowburn::tsdb {

inline void AddVarint(std::string& out, uint64_t value) {
  uint8_t bytes[kMaxVarintBytes];
  out.append(reinterpret_cast<const char*>(bytes),
             static_cast<size_t>(PutVarint(bytes, value) - bytes));
}
inline void AddSigned(std::string& out, int64_t value) { AddVarint(out, Zigzag(value)); }
inline void AddDouble(std::string& out, double value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
inline void AddFixed32(std::string& out, uint32_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
inline void AddText(std::string& out, std::string_view text) {
  AddVarint(out, text.size());
  out += text;
}

// The distance of two times, and the time at a distance: they wrap around instead of overflowing.
inline int64_t Distance(TimestampMs later, TimestampMs earlier) {
  return static_cast<int64_t>(static_cast<uint64_t>(later) - static_cast<uint64_t>(earlier));
}
inline TimestampMs Later(TimestampMs t, int64_t by) {
  return static_cast<TimestampMs>(static_cast<uint64_t>(t) + static_cast<uint64_t>(by));
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BYTE_WRITER_H_
