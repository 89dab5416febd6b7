#include "tsdb/front_column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "tsdb/bit_pack.h"
#include "tsdb/packed_integers.h"

namespace slowburn::tsdb {
namespace {

constexpr uint8_t kSpecialsFlag = 0x80;
constexpr unsigned kMaxRest = 56, kMaxCode = 8;
constexpr size_t kSample = 128;
constexpr double kSpecialBits = 90;

size_t FrontBytes(unsigned rest_width) { return (kMaxBitWidth - rest_width + 7) / 8; }

unsigned CodeWidth(size_t fronts) { return fronts <= 1 ? 0 : BitWidth(fronts - 1); }

struct Choice {
  unsigned rest_width = 0, code_width = 0;
  double bits = std::numeric_limits<double>::max();
};

// How many fronts a dictionary should have. `counts` descend: how many of `values` have each; the
// column has `count` values.
Choice ChooseCode(std::span<const uint32_t> counts, size_t values, size_t count,
                  unsigned rest_width) {
  Choice best;
  const double scale = static_cast<double>(count) / static_cast<double>(values);
  size_t covered = 0, next = 0;
  for (unsigned width = 0; width <= kMaxCode; ++width) {
    const size_t fronts = std::min<size_t>(size_t{1} << width, counts.size());
    for (; next < fronts; ++next) covered += counts[next];
    const double specials = static_cast<double>(values - covered) * scale * kSpecialBits;
    const double dictionary = 8.0 * static_cast<double>(FrontBytes(rest_width) * fronts);
    const double bits = static_cast<double>(count) * (rest_width + width) + specials + dictionary;
    if (bits < best.bits) best = {rest_width, width, bits};
    if (fronts == counts.size()) break;
  }
  return best;
}

// A sorted sample has the values of one front side by side, wherever the front ends.
Choice ChooseRest(std::span<const uint64_t> bits) {
  std::array<uint64_t, kSample> sample;
  const size_t step = bits.size() / kSample | 1;
  size_t size = 0;
  for (size_t i = 0; i < bits.size() && size < kSample; i += step) sample[size++] = bits[i];
  std::sort(sample.begin(), sample.begin() + static_cast<ptrdiff_t>(size));
  Choice best;
  for (const unsigned rest : {0U, 16U, 24U, 29U, 32U, 40U, 44U, 46U, 48U, 50U, 52U, 54U, 56U}) {
    std::array<uint32_t, kSample> counts{};
    size_t fronts = 0;
    for (size_t i = 0; i < size; ++i) {
      if (i > 0 && sample[i] >> rest != sample[i - 1] >> rest) ++fronts;
      ++counts[fronts];
    }
    ++fronts;
    // Fronts that were met once stand for many that were not met.
    std::sort(counts.begin(), counts.begin() + static_cast<ptrdiff_t>(fronts), std::greater<>());
    const auto once =
        std::find(counts.begin(), counts.begin() + static_cast<ptrdiff_t>(fronts), 1U);
    const auto kept = std::max<size_t>(static_cast<size_t>(once - counts.begin()), 1);
    const Choice choice = ChooseCode(std::span(counts).first(kept), size, bits.size(), rest);
    if (choice.bits < best.bits) best = choice;
  }
  return best;
}

struct Front {
  uint64_t front = 0;
  uint32_t count = 0;
};

// Those of the column, the most frequent first.
std::vector<Front> CountFronts(std::span<const uint64_t> bits, unsigned rest_width) {
  absl::flat_hash_map<uint64_t, uint32_t> counts;
  for (const uint64_t b : bits) ++counts[b >> rest_width];
  std::vector<Front> fronts;
  fronts.reserve(counts.size());
  for (const auto& [front, count] : counts) fronts.push_back({front, count});
  std::sort(fronts.begin(), fronts.end(), [](const Front& a, const Front& b) {
    return a.count != b.count ? a.count > b.count : a.front < b.front;
  });
  return fronts;
}

}  // namespace

unsigned FrontColumn::code_width() const { return CodeWidth(fronts.size()); }

double FrontColumn::Bytes() const {
  return static_cast<double>(4 + FrontBytes(rest_width) * fronts.size() + SpecialBytes(specials) +
                             PackedBytes(packed.size(), rest_width + code_width()));
}

bool FindFronts(std::span<const uint64_t> bits, FrontColumn& column) {
  const Choice rest = ChooseRest(bits);
  if (rest.bits >= 64.0 * static_cast<double>(bits.size())) return false;
  const std::vector<Front> counted = CountFronts(bits, rest.rest_width);
  std::vector<uint32_t> counts;
  for (const Front& front : counted) counts.push_back(front.count);
  const Choice code = ChooseCode(counts, bits.size(), bits.size(), rest.rest_width);
  column.rest_width = rest.rest_width;
  absl::flat_hash_map<uint64_t, uint64_t> codes;
  for (size_t i = 0; i < std::min(counted.size(), size_t{1} << code.code_width); ++i) {
    column.fronts.push_back(counted[i].front);
    codes[counted[i].front] = i << rest.rest_width;
  }
  for (size_t i = 0; i < bits.size(); ++i) {
    const auto it = codes.find(bits[i] >> rest.rest_width);
    column.packed.push_back(it == codes.end() ? 0
                                              : it->second | (bits[i] & LowMask(rest.rest_width)));
    if (it == codes.end()) column.specials.push_back({static_cast<uint32_t>(i), bits[i]});
  }
  return true;
}

void AppendFronts(const FrontColumn& column, std::string& out) {
  AppendByte(lead::kFronts, out);
  AppendByte(column.rest_width | (column.specials.empty() ? 0 : kSpecialsFlag), out);
  AppendByte(static_cast<unsigned>(column.fronts.size() - 1), out);
  for (const uint64_t front : column.fronts) AppendFixed(front, FrontBytes(column.rest_width), out);
  if (!column.specials.empty()) AppendSpecials(column.specials, out);
  PackBits(column.packed.data(), column.packed.size(), column.rest_width + column.code_width(),
           out);
}

bool DecodeFronts(ColumnBytes column, size_t begin, std::span<double> out) {
  uint8_t shape = 0, last_front = 0;
  if (!column.unread.Byte(shape) || !column.unread.Byte(last_front)) return false;
  const unsigned rest_width = shape & ~kSpecialsFlag;
  if (rest_width > kMaxRest) return false;
  std::array<uint64_t, kMaxFronts> fronts;
  for (size_t i = 0; i <= last_front; ++i) {
    if (!column.unread.Fixed(fronts[i], FrontBytes(rest_width))) return false;
    fronts[i] <<= rest_width;
  }
  SpecialReader specials;
  if ((shape & kSpecialsFlag) != 0 && !specials.Open(column.unread, column.count)) return false;
  const unsigned width = rest_width + CodeWidth(size_t{last_front} + 1);
  if (column.unread.size() != PackedBytes(column.count, width)) return false;
  IntegerBlock block;
  uint64_t last_code = 0;
  for (size_t done = 0; done < out.size();) {
    const size_t at = begin + done, skip = at % kRestart;
    const size_t size = std::min(kRestart, column.count - (at - skip));
    UnpackBitsBefore(column.unread.end, column.unread.begin + PackedBytes(at - skip, width), size,
                     width, block.data());
    const size_t n = std::min(size - skip, out.size() - done);
    for (size_t i = 0; i < n; ++i) {
      const uint64_t value = block[skip + i], code = value >> rest_width;
      last_code = std::max(last_code, code);
      const uint64_t rest = value & LowMask(rest_width);
      out[done + i] = std::bit_cast<double>(fronts[code % kMaxFronts] | rest);
    }
    done += n;
  }
  specials.Apply(begin, out);
  return last_code <= last_front;
}

}  // namespace slowburn::tsdb
