// BitReader and BitWriter: the bit streams inside of Prometheus' chunks, highest bit of a byte
// first, with their three kinds of numbers:
//   varint    as in bytes.h, at any bit
//   varbit    a unary prefix 0, 10, 110, … that chooses 0, 3, 6, 9, 12, 18, 25, 56 or 64 bits. The
//             n bits of a signed one mean -(2^(n-1) - 1) to 2^(n-1), not two's complement.
//   xor       a double as the difference of its bits to the one before: XorState
//
// As ByteReader, a BitReader fails for good at the end of its bytes.
// Threads: none.
#ifndef SLOWBURN_TSDB_PROMETHEUS_BIT_STREAM_H_
#define SLOWBURN_TSDB_PROMETHEUS_BIT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slowburn::tsdb::prom {

// Value of the `width` bits of a signed number as above. REQUIRES: 0 < width <= 64.
inline int64_t SignedBits(uint64_t bits, unsigned width) {
  if (width < 64 && bits > uint64_t{1} << (width - 1)) bits -= uint64_t{1} << width;
  return static_cast<int64_t>(bits);
}
// Whether `value` has a form of `width` bits. REQUIRES: width < 64.
inline bool FitsSigned(int64_t value, unsigned width) {
  const int64_t half = int64_t{1} << (width - 1);
  return value > -half && value <= half;
}

class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes), size_(bytes.size() * 8) {}

  bool ok() const { return ok_; }
  size_t left() const { return size_ - pos_; }  // bits

  uint64_t Bits(unsigned width) {  // REQUIRES: width <= 64
    if (width > left()) return Fail(), 0;
    if (width == 0) return 0;
    const uint64_t word = WordAt(pos_ >> 3);
    const unsigned skip = pos_ & 7;
    uint64_t value = word << skip;
    if (width + skip > 64) {
      value |= static_cast<uint8_t>(bytes_[(pos_ >> 3) + 8]) >> (8 - skip);
    }
    pos_ += width;
    return value >> (64 - width);
  }
  bool Bit() {
    if (pos_ == size_) return Fail(), false;
    const bool bit = (static_cast<uint8_t>(bytes_[pos_ >> 3]) >> (7 - (pos_ & 7)) & 1) != 0;
    ++pos_;
    return bit;
  }
  double Double();
  uint64_t Uvarint();
  int64_t Varint();
  uint64_t VarbitUint();
  int64_t VarbitInt();
  // The number of ones before the next zero, which is consumed too; at most `limit`.
  unsigned Ones(unsigned limit);

  void Fail() {
    ok_ = false;
    pos_ = size_;
  }

 private:
  // The eight bytes from `byte` on; zeros behind the end.
  uint64_t WordAt(size_t byte) const {
    uint64_t word = 0;
    if (byte + 8 <= bytes_.size()) [[likely]] {
      __builtin_memcpy(&word, bytes_.data() + byte, 8);
      return __builtin_bswap64(word);
    }
    for (size_t i = 0; i < 8; ++i) {
      word = word << 8 | (byte + i < bytes_.size() ? static_cast<uint8_t>(bytes_[byte + i]) : 0U);
    }
    return word;
  }

  std::string_view bytes_;
  size_t size_, pos_ = 0;  // bits
  bool ok_ = true;
};

class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}  // goes on behind the last byte of `out`

  void Restart() { free_ = 0; }               // at a whole byte: after `out` was replaced
  void Bits(uint64_t value, unsigned width);  // the low bits
  void Bit(bool bit) { Bits(bit ? 1 : 0, 1); }
  void Double(double value);
  void Uvarint(uint64_t value);
  void Varint(int64_t value);
  void VarbitUint(uint64_t value);
  void VarbitInt(int64_t value);

 private:
  void Varbit(uint64_t bits, unsigned width);  // prefix and bits; width 0 is one zero
  std::string& out_;
  unsigned free_ = 0;  // bits of the last byte that are not used yet
};

// The window of significant bits that xor-coded doubles of one column share.
struct XorState {
  // -1: there was no window yet
  int leading = -1, trailing = 0;

  void Write(BitWriter& out, double value, double before);
  // Fails the reader where the bits are not such a double.
  double Read(BitReader& in, double before);
  // The two halves of Read: the window as it is, or a new one in front of the bits.
  double ReadInWindow(BitReader& in, double before);
  double ReadNewWindow(BitReader& in, double before);
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_BIT_STREAM_H_
