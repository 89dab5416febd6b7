#include "tsdb/bit_pack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#if SLOWBURN_HAS_AVX2
#include <immintrin.h>
#endif

namespace slowburn::tsdb {
namespace {

// Eight values of w bits are w bytes. With the width known at compile time, the place and the shift
// of each of the eight are constants; so there is a function for each width.

constexpr auto kGroup = std::make_integer_sequence<unsigned, kUnpackGroup>();

inline uint64_t Load(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}
inline void Store(uint64_t value, uint8_t* p) { std::memcpy(p, &value, sizeof(value)); }

// ---- Packing.

// `word` has the bits behind the last whole word that was stored.
template <unsigned kWidth, unsigned kIndex>
inline void PackOne(uint64_t value, uint64_t& word, uint8_t* p) {
  constexpr unsigned kBit = kIndex * kWidth, kUsed = kBit % 64;
  value &= LowMask(kWidth);
  word |= value << kUsed;
  if constexpr (kUsed + kWidth >= 64) {
    Store(word, p + kBit / 64 * sizeof(word));
    word = kUsed == 0 ? 0 : value >> (64 - kUsed) % 64;
  }
}

template <unsigned kWidth, unsigned... kIndexes>
inline void PackGroup(const uint64_t* values, uint8_t* p,
                      std::integer_sequence<unsigned, kIndexes...> /*group*/) {
  uint64_t word = 0;
  (PackOne<kWidth, kIndexes>(values[kIndexes], word, p), ...);
  if constexpr (kWidth % 8 != 0) Store(word, p + kWidth / 8 * sizeof(word));
}

// Writes up to a word behind the packed values.
template <unsigned kWidth>
void Pack(const uint64_t* values, size_t count, uint8_t* p) {
  for (; count >= kUnpackGroup; count -= kUnpackGroup, values += kUnpackGroup, p += kWidth)
    PackGroup<kWidth>(values, p, kGroup);
  if (count == 0) return;
  std::array<uint64_t, kUnpackGroup> last{};
  std::copy_n(values, count, last.begin());
  PackGroup<kWidth>(last.data(), p, kGroup);
}

using Packer = void (*)(const uint64_t*, size_t, uint8_t*);
// What Pack may write for values of which only PackedBytes are kept.
constexpr size_t kPackSlack = kMaxBitWidth + sizeof(uint64_t);

// ---- Unpacking.

template <unsigned kWidth, unsigned kIndex>
inline uint64_t UnpackOne(const uint8_t* p) {
  constexpr unsigned kBit = kIndex * kWidth, kShift = kBit % 8;
  uint64_t value = Load(p + kBit / 8) >> kShift;
  if constexpr (kWidth + kShift > 64) {
    value |= static_cast<uint64_t>(p[kBit / 8 + sizeof(value)]) << (64 - kShift);
  }
  return value & LowMask(kWidth);
}

template <unsigned kWidth, unsigned... kIndexes>
inline void UnpackGroup(const uint8_t* p, uint64_t* out,
                        std::integer_sequence<unsigned, kIndexes...> /*group*/) {
  ((out[kIndexes] = UnpackOne<kWidth, kIndexes>(p)), ...);
}

template <unsigned kWidth>
void Unpack(const uint8_t* p, size_t count, uint64_t* out) {
  if constexpr (kWidth == 0) {
    std::fill_n(out, count, 0);
  } else {
    for (size_t i = 0; i < count; i += kUnpackGroup, p += kWidth)
      UnpackGroup<kWidth>(p, out + i, kGroup);
  }
}

using Unpacker = void (*)(const uint8_t*, size_t, uint64_t*);

#if SLOWBURN_HAS_AVX2

// Up to this width, a value and the bits before it in its first byte are in eight bytes, and two
// such values begin within sixteen.
constexpr unsigned kMaxVectorWidth = 57;

// How four values of a group come from two loads of 16 bytes into four lanes.
struct alignas(32) LanePlan {
  std::array<uint8_t, 32> bytes = {};
  std::array<uint64_t, 4> shifts = {};
  std::array<unsigned, 2> loads = {};
};

constexpr LanePlan PlanLanes(unsigned width, unsigned first) {
  LanePlan plan;
  for (unsigned lane = 0; lane < 4; ++lane) {
    const unsigned bit = (first + lane) * width;
    const unsigned load = (first + lane / 2 * 2) * width / 8;
    plan.loads[lane / 2] = load;
    plan.shifts[lane] = bit % 8;
    for (unsigned byte = 0; byte < 8; ++byte)
      plan.bytes[lane * 8 + byte] = static_cast<uint8_t>(bit / 8 - load + byte);
  }
  return plan;
}

SLOWBURN_AVX2 inline __m128i Load16(const uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

template <unsigned kWidth, unsigned kFirst>
SLOWBURN_AVX2 inline __m256i FourLanes(const uint8_t* p) {
  static constexpr LanePlan kPlan = PlanLanes(kWidth, kFirst);
  const auto* const order = reinterpret_cast<const __m256i*>(kPlan.bytes.data());
  const auto* const shifts = reinterpret_cast<const __m256i*>(kPlan.shifts.data());
  const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(Load16(p + kPlan.loads[0])),
                                                Load16(p + kPlan.loads[1]), 1);
  const __m256i lanes = _mm256_shuffle_epi8(bytes, _mm256_load_si256(order));
  return _mm256_and_si256(_mm256_srlv_epi64(lanes, _mm256_load_si256(shifts)),
                          _mm256_set1_epi64x(static_cast<int64_t>(LowMask(kWidth))));
}

template <unsigned kWidth>
SLOWBURN_AVX2 void UnpackAvx2(const uint8_t* p, size_t count, uint64_t* out) {
  for (size_t i = 0; i < count; i += kUnpackGroup, p += kWidth) {
    auto* const to = reinterpret_cast<__m256i*>(out + i);
    _mm256_storeu_si256(to, FourLanes<kWidth, 0>(p));
    _mm256_storeu_si256(to + 1, FourLanes<kWidth, 4>(p));
  }
}

template <unsigned kWidth>
constexpr Unpacker BestUnpacker() {
  if constexpr (kWidth == 0 || kWidth > kMaxVectorWidth) {
    return &Unpack<kWidth>;
  } else {
    return &UnpackAvx2<kWidth>;
  }
}

#else

template <unsigned kWidth>
constexpr Unpacker BestUnpacker() {
  return &Unpack<kWidth>;
}

#endif

// ---- Counting.

inline size_t Ones(uint64_t word) { return static_cast<size_t>(std::popcount(word)); }

// Inlined into functions for both kinds of machine: with and without an instruction for it.
[[gnu::always_inline]] inline size_t CountOnesIn(const uint8_t* bytes, size_t bits) {
  size_t ones = 0;
  for (; bits >= 64; bits -= 64, bytes += sizeof(uint64_t)) ones += Ones(Load(bytes));
  if (bits == 0) return ones;  // `bytes` may be null
  uint64_t last = 0;
  std::memcpy(&last, bytes, (bits + 7) / 8);
  return ones + Ones(last & LowMask(static_cast<unsigned>(bits)));
}

#if SLOWBURN_HAS_AVX2
SLOWBURN_AVX2 size_t CountOnesBest(const uint8_t* bytes, size_t bits) {
  return CountOnesIn(bytes, bits);
}
#else
size_t CountOnesBest(const uint8_t* bytes, size_t bits) { return CountOnesIn(bytes, bits); }
#endif

// ---- The functions of all widths.

struct Tables {
  std::array<Packer, kMaxBitWidth + 1> pack;
  std::array<Unpacker, kMaxBitWidth + 1> unpack, unpack_best;
};

template <unsigned... kWidths>
constexpr Tables MakeTables(std::integer_sequence<unsigned, kWidths...> /*widths*/) {
  return {{&Pack<kWidths>...}, {&Unpack<kWidths>...}, {BestUnpacker<kWidths>()...}};
}

constexpr Tables kTables = MakeTables(std::make_integer_sequence<unsigned, kMaxBitWidth + 1>());

}  // namespace

void PackBits(const uint64_t* values, size_t count, unsigned width, std::string& out) {
  if (width == 0) return;
  const size_t begin = out.size();
  out.resize(begin + PackedBytes(count, width) + kPackSlack);
  kTables.pack[width](values, count, reinterpret_cast<uint8_t*>(out.data()) + begin);
  out.resize(begin + PackedBytes(count, width));
}

void UnpackBits(const uint8_t* packed, size_t count, unsigned width, uint64_t* out,
                SimdLevel level) {
  const auto& table = level == SimdLevel::kPlain ? kTables.unpack : kTables.unpack_best;
  table[width](packed, count, out);
}

void UnpackBitsBefore(const uint8_t* end, const uint8_t* packed, size_t count, unsigned width,
                      uint64_t* out) {
  const size_t bytes = PackedBytes(count, width);
  if (static_cast<size_t>(end - packed) >= bytes + kUnpackSlack) [[likely]] {
    UnpackBits(packed, count, width, out);
    return;
  }
  std::array<uint8_t, kMaxPadded * sizeof(uint64_t) + kUnpackSlack> padded;
  std::memcpy(padded.data(), packed, bytes);
  std::memset(padded.data() + bytes, 0, kUnpackSlack);
  UnpackBits(padded.data(), count, width, out);
}

size_t CountOnes(const uint8_t* bytes, size_t bits, SimdLevel level) {
  return level == SimdLevel::kPlain ? CountOnesIn(bytes, bits) : CountOnesBest(bytes, bits);
}

}  // namespace slowburn::tsdb
