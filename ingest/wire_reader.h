// WireReader: reads the protobuf wire format in place. For hand-written decoders of hot messages.
//
//   WireReader r(bytes, whole);         // offsets in errors count from the start of `whole`
//   WireField f;
//   while (r.Next(f)) switch (f.number) {
//     case 1: if (!r.Bytes(f, name)) break; …
//     default: r.Skip(f);
//   }
//   return r.status();
//
// After the first fault every call returns false and status() tells it. Threads: one at a time.
// Borrows the bytes.
#ifndef SLOWBURN_INGEST_WIRE_READER_H_
#define SLOWBURN_INGEST_WIRE_READER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "absl/status/status.h"

namespace slowburn::ingest {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5
};

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
};

class WireReader {
 public:
  // REQUIRES: `bytes` lies within `whole`.
  WireReader(std::string_view bytes, std::string_view whole)
      : p_(bytes.data()), end_(bytes.data() + bytes.size()), base_(whole.data()) {}

  // False at the end and after a fault.
  bool Next(WireField& out) {
    uint64_t tag = 0;
    if (p_ == end_ || !RawVarint(tag)) return false;
    const uint64_t number = tag >> 3;
    if (number == 0 || number > kMaxFieldNumber || (tag & 7) > 5) [[unlikely]]
      return BadTag(tag);
    out = {static_cast<uint32_t>(number), static_cast<WireType>(tag & 7)};
    return true;
  }
  // Each wants the field's type to fit.
  bool Varint(const WireField& field, uint64_t& out);
  bool Fixed64(const WireField& field, uint64_t& out);
  bool Bytes(const WireField& field, std::string_view& out);
  bool Skip(const WireField& field);

  bool Double(const WireField& field, double& out) {
    uint64_t bits = 0;
    if (!Fixed64(field, bits)) return false;
    out = std::bit_cast<double>(bits);
    return true;
  }
  bool Int64(const WireField& field, int64_t& out) {
    uint64_t bits = 0;
    if (!Varint(field, bits)) return false;
    out = static_cast<int64_t>(bits);
    return true;
  }
  bool ZigZag(const WireField& field, int64_t& out) {
    uint64_t bits = 0;
    if (!Varint(field, bits)) return false;
    out = UnZigZag(bits);
    return true;
  }
  static int64_t UnZigZag(uint64_t bits) {
    return static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
  }

  const char* position() const { return p_; }
  bool at_end() const { return p_ == end_; }
  bool RawVarint(uint64_t& out);  // no tag: inside packed fields
  // Records a fault at the current place. Returns false.
  bool Fail(std::string_view reason);
  const absl::Status& status() const { return status_; }

 private:
  static constexpr uint64_t kMaxFieldNumber = 0x1fffffff;

  bool SlowVarint(uint64_t& out);
  bool BadTag(uint64_t tag);
  bool WrongType(const WireField& field);
  bool SkipGroup(uint32_t number, int depth);
  bool SkipValue(const WireField& field, int depth);

  const char* p_;
  const char* end_;
  const char* base_;
  absl::Status status_;
};

inline bool WireReader::RawVarint(uint64_t& out) {
  if (p_ < end_ && static_cast<signed char>(*p_) >= 0) {  // most are one byte
    out = static_cast<unsigned char>(*p_++);
    return true;
  }
  if (end_ - p_ >= 2 && static_cast<signed char>(p_[1]) >= 0) {  // lengths of series
    out = (static_cast<unsigned char>(p_[0]) & 0x7fu) | static_cast<uint64_t>(p_[1]) << 7;
    p_ += 2;
    return true;
  }
  return SlowVarint(out);
}

inline bool WireReader::Varint(const WireField& field, uint64_t& out) {
  if (field.type != WireType::kVarint) return WrongType(field);
  return RawVarint(out);
}

inline bool WireReader::Fixed64(const WireField& field, uint64_t& out) {
  if (field.type != WireType::kFixed64) return WrongType(field);
  if (end_ - p_ < 8) return Fail("8 bytes do not fit");
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&out, p_, 8);
  p_ += 8;
  return true;
}

inline bool WireReader::Bytes(const WireField& field, std::string_view& out) {
  if (field.type != WireType::kBytes) return WrongType(field);
  uint64_t length = 0;
  if (!RawVarint(length)) return false;
  if (length > static_cast<uint64_t>(end_ - p_)) return Fail("length goes beyond the end");
  out = {p_, static_cast<size_t>(length)};
  p_ += length;
  return true;
}

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_WIRE_READER_H_
