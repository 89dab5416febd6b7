#include "tsdb/prometheus/bit_stream.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "tsdb/varint.h"

namespace slowburn::tsdb::prom {
namespace {

// By the number of ones in the prefix; eight ones stand without a zero.
constexpr unsigned kVarbitWidths[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};
constexpr unsigned kVarbitOnes = 8;
constexpr int kMaxLeading = 31;  // five bits

}  // namespace

double BitReader::Double() { return std::bit_cast<double>(Bits(64)); }

uint64_t BitReader::Uvarint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint64_t byte = Bits(8);
    if (shift == 63 && byte > 1) break;
    value |= (byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  Fail();
  return 0;
}

int64_t BitReader::Varint() { return Unzigzag(Uvarint()); }

unsigned BitReader::Ones(unsigned limit) {
  unsigned ones = 0;
  while (ones < limit && Bit()) ++ones;
  return ones;
}

uint64_t BitReader::VarbitUint() { return Bits(kVarbitWidths[Ones(kVarbitOnes)]); }

int64_t BitReader::VarbitInt() {
  const unsigned width = kVarbitWidths[Ones(kVarbitOnes)];
  return width == 0 ? 0 : SignedBits(Bits(width), width);
}

void BitWriter::Bits(uint64_t value, unsigned width) {
  while (width > 0) {
    if (free_ == 0) {
      out_ += '\0';
      free_ = 8;
    }
    const unsigned taken = std::min(width, free_);
    const auto piece = static_cast<uint8_t>(value >> (width - taken) & ((1U << taken) - 1));
    out_.back() = static_cast<char>(static_cast<uint8_t>(out_.back()) | piece << (free_ - taken));
    free_ -= taken;
    width -= taken;
  }
}

void BitWriter::Double(double value) { Bits(std::bit_cast<uint64_t>(value), 64); }

void BitWriter::Uvarint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) Bits(value | 0x80, 8);
  Bits(value, 8);
}

void BitWriter::Varint(int64_t value) { Uvarint(Zigzag(value)); }

void BitWriter::Varbit(uint64_t bits, unsigned width) {
  const auto* const place = std::find(std::begin(kVarbitWidths), std::end(kVarbitWidths), width);
  const auto ones = static_cast<unsigned>(place - std::begin(kVarbitWidths));
  if (ones == kVarbitOnes) {
    Bits(0xFF, 8);
  } else {
    Bits(((uint64_t{1} << ones) - 1) << 1, ones + 1);
  }
  Bits(bits, width);
}

void BitWriter::VarbitUint(uint64_t value) {
  const auto needed = static_cast<unsigned>(std::bit_width(value));
  Varbit(value, *std::lower_bound(std::begin(kVarbitWidths), std::end(kVarbitWidths), needed));
}

void BitWriter::VarbitInt(int64_t value) {
  unsigned width = 0;
  for (const unsigned candidate : kVarbitWidths) {
    width = candidate;
    if (candidate == 0 ? value == 0 : candidate == 64 || FitsSigned(value, candidate)) break;
  }
  Varbit(static_cast<uint64_t>(value), width);
}

void XorState::Write(BitWriter& out, double value, double before) {
  const uint64_t bits = std::bit_cast<uint64_t>(value) ^ std::bit_cast<uint64_t>(before);
  if (bits == 0) {
    out.Bit(false);
    return;
  }
  out.Bit(true);
  const int new_leading = std::min(std::countl_zero(bits), kMaxLeading);
  const int new_trailing = std::countr_zero(bits);
  if (leading >= 0 && new_leading >= leading && new_trailing >= trailing) {
    out.Bit(false);
    out.Bits(bits >> trailing, static_cast<unsigned>(64 - leading - trailing));
    return;
  }
  leading = new_leading;
  trailing = new_trailing;
  const auto width = static_cast<unsigned>(64 - leading - trailing);
  out.Bit(true);
  out.Bits(static_cast<uint64_t>(leading), 5);
  out.Bits(width & 63, 6);  // 64 is written as 0, which no difference has
  out.Bits(bits >> trailing, width);
}

double XorState::Read(BitReader& in, double before) {
  if (!in.Bit()) return before;
  return in.Bit() ? ReadNewWindow(in, before) : ReadInWindow(in, before);
}

double XorState::ReadInWindow(BitReader& in, double before) {
  const int begin = std::max(leading, 0);  // without a window all 64 bits stand there
  const uint64_t bits = in.Bits(static_cast<unsigned>(64 - begin - trailing)) << trailing;
  return std::bit_cast<double>(std::bit_cast<uint64_t>(before) ^ bits);
}

double XorState::ReadNewWindow(BitReader& in, double before) {
  leading = static_cast<int>(in.Bits(5));
  auto width = static_cast<int>(in.Bits(6));
  if (width == 0) width = 64;
  if (leading + width > 64) {
    in.Fail();
    leading = 0;
    width = 64;
  }
  trailing = 64 - leading - width;
  return ReadInWindow(in, before);
}

}  // namespace slowburn::tsdb::prom
