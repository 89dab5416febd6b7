// XorChunk: floats of one series in the bytes of Prometheus' XOR chunks, which remote read streams.
//
// Times are written as deltas of deltas, values as the bits in which they differ from the one
// before. Threads: stateless.
#ifndef SLOWBURN_API_XOR_CHUNK_H_
#define SLOWBURN_API_XOR_CHUNK_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tsdb/sample.h"

namespace slowburn::api {

inline constexpr size_t kMaxSamplesPerChunk = 120;  // as Prometheus cuts them

// Most significant bit first.
class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}

  // The lowest `count` bits of `value`.
  void Bits(uint64_t value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (free_ == 0) {
        out_ += '\0';
        free_ = 8;
      }
      --free_;
      if ((value >> i) & 1)
        out_.back() = char(static_cast<unsigned char>(out_.back()) | 1u << free_);
    }
  }
  void Varint(int64_t value) { Uvarint((uint64_t(value) << 1) ^ uint64_t(value >> 63)); }
  void Uvarint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Bits((value & 0x7f) | 0x80, 8);
    Bits(value, 8);
  }

 private:
  std::string& out_;
  int free_ = 0;  // bits of the last byte
};

// REQUIRES: 1 <= samples.size() <= kMaxSamplesPerChunk, ascending times.
inline std::string EncodeXorChunk(std::span<const tsdb::Sample> samples) {
  std::string out;
  BitWriter w(out);
  w.Bits(samples.size(), 16);
  constexpr int kNone = 0xff;
  int leading = kNone, trailing = 0;
  int64_t delta = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const uint64_t bits = std::bit_cast<uint64_t>(samples[i].v);
    if (i == 0) {
      w.Varint(samples[0].t);
      w.Bits(bits, 64);
      continue;
    }
    const int64_t new_delta = samples[i].t - samples[i - 1].t;
    if (i == 1) {
      w.Uvarint(uint64_t(new_delta));
    } else {
      const int64_t dod = new_delta - delta;
      const auto fits = [dod](int n) {
        return -((int64_t{1} << (n - 1)) - 1) <= dod && dod <= int64_t{1} << (n - 1);
      };
      if (dod == 0) {
        w.Bits(0, 1);
      } else if (fits(14)) {
        w.Bits(0b10, 2);
        w.Bits(uint64_t(dod), 14);
      } else if (fits(17)) {
        w.Bits(0b110, 3);
        w.Bits(uint64_t(dod), 17);
      } else if (fits(20)) {
        w.Bits(0b1110, 4);
        w.Bits(uint64_t(dod), 20);
      } else {
        w.Bits(0b1111, 4);
        w.Bits(uint64_t(dod), 64);
      }
    }
    delta = new_delta;
    const uint64_t differ = bits ^ std::bit_cast<uint64_t>(samples[i - 1].v);
    if (differ == 0) {
      w.Bits(0, 1);
      continue;
    }
    w.Bits(1, 1);
    const int new_leading = std::min(std::countl_zero(differ), 31);  // five bits tell it
    const int new_trailing = std::countr_zero(differ);
    if (leading != kNone && new_leading >= leading && new_trailing >= trailing) {
      w.Bits(0, 1);
      w.Bits(differ >> trailing, 64 - leading - trailing);
      continue;
    }
    leading = new_leading;
    trailing = new_trailing;
    const int meaningful = 64 - leading - trailing;
    w.Bits(1, 1);
    w.Bits(uint64_t(leading), 5);
    w.Bits(uint64_t(meaningful) & 63, 6);  // 64 is written as 0
    w.Bits(differ >> trailing, meaningful);
  }
  return out;
}

}  // namespace slowburn::api

#endif  // SLOWBURN_API_XOR_CHUNK_H_
