#include "ingest/md5.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

namespace slowburn::ingest {
namespace {

constexpr std::array<int, 16> kShifts = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};

// RFC 1321, 3.4: the integer part of 2^32 times |sin(i + 1)|, i in radians.
std::array<uint32_t, 64> MakeSines() {
  std::array<uint32_t, 64> table{};
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<uint32_t>(
        std::floor(std::fabs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
  }
  return table;
}

using State = std::array<uint32_t, 4>;

void AddBlock(State& state, const uint8_t* block) {
  static const std::array<uint32_t, 64> kSines = MakeSines();
  static_assert(std::endian::native == std::endian::little);
  std::array<uint32_t, 16> words;
  std::memcpy(words.data(), block, 64);
  auto [a, b, c, d] = state;
  for (size_t i = 0; i < 64; ++i) {
    const size_t round = i / 16;
    uint32_t f = 0;
    size_t word = 0;
    switch (round) {
      case 0:
        f = (b & c) | (~b & d), word = i;
        break;
      case 1:
        f = (b & d) | (c & ~d), word = (5 * i + 1) % 16;
        break;
      case 2:
        f = b ^ c ^ d, word = (3 * i + 5) % 16;
        break;
      default:
        f = c ^ (b | ~d), word = (7 * i) % 16;
        break;
    }
    const uint32_t sum = a + f + kSines[i] + words[word];
    a = d, d = c, c = b;
    b += std::rotl(sum, kShifts[round * 4 + i % 4]);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

}  // namespace

std::array<uint8_t, 16> Md5(std::string_view text) {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::string padded(text);
  padded += static_cast<char>(0x80);
  padded.resize((padded.size() + 8 + 63) / 64 * 64, '\0');
  const uint64_t bits = uint64_t{text.size()} * 8;
  std::memcpy(padded.data() + padded.size() - 8, &bits, 8);
  for (size_t i = 0; i < padded.size(); i += 64) {
    AddBlock(state, reinterpret_cast<const uint8_t*>(padded.data()) + i);
  }
  std::array<uint8_t, 16> out;
  std::memcpy(out.data(), state.data(), 16);
  return out;
}

}  // namespace slowburn::ingest
