#include "tsdb/special_values.h"

#include <bit>

#include "tsdb/sample.h"

namespace slowburn::tsdb {
namespace {

// code: bit 0: the staleness marker, otherwise eight bytes follow; above: the distance from the
// index behind the value before.
bool Next(Unread& unread, uint64_t& distance, uint64_t& bits) {
  uint64_t code = 0;
  if (!unread.Varint(code)) return false;
  distance = code >> 1;
  bits = kStaleNaNBits;
  return (code & 1) != 0 || unread.Fixed(bits);
}

}  // namespace

size_t SpecialBytes(const SpecialValues& values) {
  size_t bytes = 0;
  for (const SpecialValue& value : values) bytes += value.bits == kStaleNaNBits ? 2 : 10;
  return bytes;
}

void AppendSpecials(const SpecialValues& values, std::string& out) {
  AppendVarint(values.size(), out);
  uint32_t next = 0;
  for (const SpecialValue& value : values) {
    const bool stale = value.bits == kStaleNaNBits;
    AppendVarint(uint64_t{value.index - next} << 1 | (stale ? 1 : 0), out);
    if (!stale) AppendFixed(value.bits, sizeof(value.bits), out);
    next = value.index + 1;
  }
}

bool SpecialReader::Open(Unread& unread, size_t count) {
  uint64_t left = 0;
  if (!unread.Varint(left) || left == 0 || left > count) return false;
  const uint8_t* const begin = unread.begin;
  for (size_t at = 0; left > 0; --left) {
    uint64_t distance = 0, bits = 0;
    if (!Next(unread, distance, bits) || distance >= count - at) return false;
    at += distance + 1;
  }
  values_ = {begin, unread.begin};
  return true;
}

void SpecialReader::Apply(size_t begin, std::span<double> out) const {
  Unread values = values_;
  for (size_t at = 0; !values.empty() && at < begin + out.size(); ++at) {
    uint64_t distance = 0, bits = 0;
    if (!Next(values, distance, bits)) return;
    at += distance;
    if (at >= begin && at - begin < out.size()) out[at - begin] = std::bit_cast<double>(bits);
  }
}

}  // namespace slowburn::tsdb
