// ProtoWriter: writes the protobuf wire format by hand, for answers whose bytes are known field by
// field and which need no generated classes.
//
//   ProtoWriter w(out);
//   w.Bytes(1, name);
//   w.Message(2, [&](ProtoWriter& inner) { inner.Double(1, value); inner.Int(2, t); });
//
// Fields of value zero are written too; leaving them out is the caller's choice. Not thread-safe.
#ifndef SLOWBURN_API_PROTO_WRITER_H_
#define SLOWBURN_API_PROTO_WRITER_H_

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slowburn::api {

inline void AppendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += char(value | 0x80);
    value >>= 7;
  }
  out += char(value);
}

class ProtoWriter {
 public:
  explicit ProtoWriter(std::string& out) : out_(out) {}

  void Int(uint32_t field, int64_t value) { Uint(field, uint64_t(value)); }
  void Uint(uint32_t field, uint64_t value) {
    Tag(field, kVarint);
    AppendVarint(out_, value);
  }
  void Sint(uint32_t field, int64_t value) { Uint(field, ZigZag(value)); }
  void Double(uint32_t field, double value) {
    Tag(field, kFixed64);
    Fixed64(value);
  }
  void Bytes(uint32_t field, std::string_view value) {
    Tag(field, kBytes);
    AppendVarint(out_, value.size());
    out_ += value;
  }
  template <typename Write>
  void Message(uint32_t field, Write write) {
    std::string inner;
    ProtoWriter w(inner);
    write(w);
    Bytes(field, inner);
  }
  // Packed, as proto3 does it; nothing if there are none.
  void Doubles(uint32_t field, std::span<const double> values) {
    if (values.empty()) return;
    Tag(field, kBytes);
    AppendVarint(out_, values.size() * sizeof(double));
    for (const double v : values) Fixed64(v);
  }
  void Sints(uint32_t field, std::span<const int64_t> values) {
    if (values.empty()) return;
    std::string packed;
    for (const int64_t v : values) AppendVarint(packed, ZigZag(v));
    Bytes(field, packed);
  }

 private:
  static constexpr uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2;

  static uint64_t ZigZag(int64_t v) { return (uint64_t(v) << 1) ^ uint64_t(v >> 63); }
  void Tag(uint32_t field, uint32_t type) { AppendVarint(out_, field << 3 | type); }
  void Fixed64(double value) {
    uint64_t bits = std::bit_cast<uint64_t>(value);
    for (int i = 0; i < 8; ++i, bits >>= 8) out_ += char(bits & 0xff);
  }

  std::string& out_;
};

}  // namespace slowburn::api

#endif  // SLOWBURN_API_PROTO_WRITER_H_
