#include "tsdb/float_column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "tsdb/varint.h"

namespace slowburn::tsdb {
namespace {

// Operations. One byte, then what it says follows.
//   0x00-0x7F  same time step; integer step of the value, zigzag (0x00: the same bits)
//   0x80-0xBF  2 to 65 samples of the same time step and the same bits
//   0xC0-0xEF  time kind << 4 | value kind, then the time's bytes, then the value's
//   0xF0       start timestamp of the samples that follow: zigzag varint
//   0xF1       exponent of the samples that follow: one byte
constexpr uint8_t kRun = 0x80, kLong = 0xC0, kStart = 0xF0, kExponent = 0xF1;
constexpr uint8_t kLongestRun = 0xBF;
enum TimeKind : uint8_t { kSameStep = 0, kByteStep = 1, kVarintStep = 2 };
enum ValueKind : uint8_t { kSameBits = 0, kInteger = 1, kStale = 7, kXor = 8 };
// Bytes of an integer step by value kind, from kInteger on.
constexpr std::array<uint8_t, 6> kIntegerBytes = {1, 2, 3, 4, 6, 8};

constexpr uint8_t kMaxExponent = 9;
constexpr uint8_t kNoIntegers = 15;  // the exponent of a column whose values are not decimal
constexpr std::array<double, kMaxExponent + 1> kPowers = {1,   1e1, 1e2, 1e3, 1e4,
                                                          1e5, 1e6, 1e7, 1e8, 1e9};
// Adding it rounds to an integer, which is then in the low bits.
constexpr double kRounder = 0x1.8p52;

double FromInteger(int64_t i, uint8_t exponent) {
  return exponent == 0 ? static_cast<double>(i) : static_cast<double>(i) / kPowers[exponent];
}

// The integer i with i / 10^exponent == v, bit for bit. There is at most one below 2^51.
bool ToInteger(uint64_t bits, uint8_t exponent, int64_t& i) {
  if (exponent > kMaxExponent) return false;
  const double v = std::bit_cast<double>(bits);
  if (exponent == 0) {
    if (!(std::abs(v) < 0x1p53)) return false;
    i = static_cast<int64_t>(v);
  } else {
    const double scaled = v * kPowers[exponent];
    if (!(std::abs(scaled) < 0x1p51)) return false;
    i = std::bit_cast<int64_t>(scaled + kRounder) - std::bit_cast<int64_t>(kRounder);
  }
  return std::bit_cast<uint64_t>(FromInteger(i, exponent)) == bits;
}

bool IsFinite(uint64_t bits) { return (bits >> 52 & 0x7FF) != 0x7FF; }

// The least exponent from `from` on under which the value is an integer.
uint8_t FindExponent(uint64_t bits, uint8_t from) {
  int64_t ignored = 0;
  for (uint8_t e = from; e <= kMaxExponent; ++e) {
    if (ToInteger(bits, e, ignored)) return e;
  }
  return kNoIntegers;
}

int64_t Step(uint64_t later, uint64_t earlier) { return static_cast<int64_t>(later - earlier); }

uint8_t* PutLow(uint8_t* out, uint64_t value, size_t bytes) {
  std::memcpy(out, &value, sizeof(value));
  return out + bytes;
}

// The value kind of a step and its bytes, behind `out`.
uint8_t PutInteger(int64_t step, uint8_t*& out) {
  size_t kind = 0;
  for (; kind + 1 < kIntegerBytes.size(); ++kind) {
    const int spare = 64 - 8 * kIntegerBytes[kind];
    if (static_cast<int64_t>(static_cast<uint64_t>(step) << spare) >> spare == step) break;
  }
  out = PutLow(out, static_cast<uint64_t>(step), kIntegerBytes[kind]);
  return static_cast<uint8_t>(kInteger + kind);
}

uint8_t PutXor(uint64_t bits, uint64_t before, uint8_t*& out) {
  const uint64_t difference = bits ^ before;
  const size_t bytes = (static_cast<size_t>(std::bit_width(difference)) + 7) / 8;
  out = PutLow(out, difference, bytes);
  return static_cast<uint8_t>(kXor + bytes - 1);
}

struct Encoder {
  ColumnTail& tail;
  uint8_t* out;

  void Start(TimestampMs start) {
    if (start == tail.start) return;
    *out++ = kStart;
    out = PutVarint(out, Zigzag(start));
    tail.start = start;
    tail.run_open = false;
  }

  // Makes the value an integer by raising the exponent, or finds that it has no such view.
  bool Integer(uint64_t bits, int64_t& i) {
    if (ToInteger(bits, tail.exponent, i)) return true;
    if (tail.exponent == kNoIntegers || !IsFinite(bits)) return false;
    const uint64_t negative_zero = std::bit_cast<uint64_t>(-0.0);
    if (bits == negative_zero) return false;
    tail.exponent = FindExponent(bits, static_cast<uint8_t>(tail.exponent + 1));
    *out++ = kExponent;
    *out++ = tail.exponent;
    return ToInteger(bits, tail.exponent, i);
  }

  void Sample(TimestampMs t, uint64_t bits, uint8_t* last_byte) {
    const int64_t delta = Step(static_cast<uint64_t>(t), static_cast<uint64_t>(tail.t));
    const int64_t change =
        Step(static_cast<uint64_t>(delta), static_cast<uint64_t>(int64_t{tail.delta}));
    if (change == 0 && bits == tail.bits) {
      Repeat(last_byte);
      return;
    }
    int64_t i = 0;
    const bool is_integer = bits != tail.bits && Integer(bits, i);
    int64_t before = 0;
    if (is_integer && !ToInteger(tail.bits, tail.exponent, before)) before = 0;
    const uint64_t small = Zigzag(i - before);
    if (change == 0 && is_integer && small != 0 && small < kRun) {
      *out++ = static_cast<uint8_t>(small);
      return;
    }
    uint8_t* const op = out++;
    const uint8_t time_kind = Time(change);
    uint8_t value_kind = kSameBits;
    if (is_integer) {
      value_kind = PutInteger(i - before, out);
    } else if (bits == kStaleNaNBits && bits != tail.bits) {
      value_kind = kStale;
    } else if (bits != tail.bits) {
      value_kind = PutXor(bits, tail.bits, out);
    }
    *op = static_cast<uint8_t>(kLong | time_kind << 4 | value_kind);
  }

  uint8_t Time(int64_t change) {
    if (change == 0) return kSameStep;
    if (change == static_cast<int8_t>(change)) {
      *out++ = static_cast<uint8_t>(change);
      return kByteStep;
    }
    out = PutVarint(out, Zigzag(change));
    return kVarintStep;
  }

  void Repeat(uint8_t* last_byte) {
    if (tail.run_open && *last_byte == 0) {
      *last_byte = kRun;
    } else if (tail.run_open && *last_byte < kLongestRun) {
      ++*last_byte;
    } else {
      *out++ = 0;
    }
  }
};

// Reads operations; every read is checked against the end.
struct Decoder {
  const uint8_t* p;
  const uint8_t* end;
  uint64_t t;
  uint64_t bits;
  uint64_t delta = 0;
  uint8_t exponent = 0;
  bool integer_known = false;  // `integer` is the view of `bits`
  int64_t integer = 0;

  bool Low(size_t bytes, uint64_t& value) {
    if (static_cast<size_t>(end - p) < bytes) return false;
    value = 0;
    std::memcpy(&value, p, bytes);
    p += bytes;
    return true;
  }

  void AddInteger(int64_t step) {
    if (!integer_known && !ToInteger(bits, exponent, integer)) integer = 0;
    integer = static_cast<int64_t>(static_cast<uint64_t>(integer) + static_cast<uint64_t>(step));
    bits = std::bit_cast<uint64_t>(FromInteger(integer, exponent > kMaxExponent ? 0 : exponent));
    integer_known = true;
  }

  bool Time(uint8_t kind) {
    uint64_t raw = 0;
    int64_t change = 0;
    if (kind == kByteStep) {
      if (!Low(1, raw)) return false;
      change = static_cast<int8_t>(raw);
    } else if (kind == kVarintStep) {
      if (!GetVarint(p, end, raw)) return false;
      change = Unzigzag(raw);
    }
    const uint64_t step = delta + static_cast<uint64_t>(change);
    t += step;
    const int32_t kept = static_cast<int32_t>(step);
    delta = static_cast<int64_t>(step) == kept ? step : 0;
    return true;
  }

  bool Value(uint8_t kind) {
    uint64_t raw = 0;
    if (kind == kSameBits) return true;
    if (kind < kStale) {
      const size_t bytes = kIntegerBytes[kind - kInteger];
      if (!Low(bytes, raw)) return false;
      const size_t spare = 64 - 8 * bytes;
      AddInteger(static_cast<int64_t>(raw << spare) >> spare);
      return true;
    }
    if (kind == kStale) {
      bits = kStaleNaNBits;
    } else {
      if (!Low(static_cast<size_t>(kind - kXor) + 1, raw)) return false;
      bits ^= raw;
    }
    integer_known = false;
    return true;
  }
};

// By first byte: how many bytes of an integer step follow, where the operation is one of an
// unchanged time step and an integer; else kOther.
constexpr uint8_t kOther = 0xFF;
constexpr std::array<uint8_t, 256> kStepBytes = [] {
  std::array<uint8_t, 256> bytes{};
  for (size_t op = kRun; op < bytes.size(); ++op) bytes[op] = kOther;
  for (size_t kind = 0; kind < kIntegerBytes.size(); ++kind) {
    bytes[kLong + kInteger + kind] = kIntegerBytes[kind];
  }
  return bytes;
}();
constexpr size_t kLongestStep = 9;

// Most samples are such operations, in no order that a branch predictor could learn. From the
// first one on, for as long as they last; returns the number of samples decoded.
size_t DecodeSteps(Decoder& d, size_t count, TimestampMs* times, double* values) {
  if (!d.integer_known) return 0;
  const uint8_t exponent = d.exponent > kMaxExponent ? 0 : d.exponent;
  const uint8_t* p = d.p;
  uint64_t t = d.t, integer = static_cast<uint64_t>(d.integer);
  size_t n = 0;
  for (; n < count && static_cast<size_t>(d.end - p) >= kLongestStep; ++n) {
    const uint8_t op = *p, bytes = kStepBytes[op];
    if (bytes == kOther) break;
    uint64_t raw = 0;
    std::memcpy(&raw, p + 1, sizeof raw);
    const unsigned spare = (64 - 8 * unsigned{bytes}) & 63;
    const int64_t wide = static_cast<int64_t>(raw << spare) >> spare;
    const int64_t step = bytes == 0 ? Unzigzag(op) : wide;
    p += 1 + bytes;
    t += static_cast<uint64_t>(d.delta);
    integer += static_cast<uint64_t>(step);
    times[n] = static_cast<TimestampMs>(t);
    values[n] = FromInteger(static_cast<int64_t>(integer), exponent);
  }
  d.p = p;
  d.t = t;
  d.integer = static_cast<int64_t>(integer);
  if (n > 0) d.bits = std::bit_cast<uint64_t>(values[n - 1]);
  return n;
}

// Start timestamps are rare: remembered as changes while decoding, spread over the samples
// afterwards.
using StartChanges = std::vector<std::pair<size_t, TimestampMs>>;

void SpreadStarts(const StartChanges& changes, size_t first, Column& out) {
  if (changes.empty() && out.starts.empty()) return;
  out.starts.resize(first, 0);
  TimestampMs current = 0;
  for (const auto& [index, start] : changes) {
    out.starts.resize(index, current);
    current = start;
  }
  out.starts.resize(out.t.size(), current);
}

}  // namespace

size_t EncodeSample(ColumnTail& tail, TimestampMs t, uint64_t bits, TimestampMs start,
                    uint8_t* last_byte, uint8_t* out) {
  Encoder encoder{tail, out};
  encoder.Start(start);
  const int64_t delta = Step(static_cast<uint64_t>(t), static_cast<uint64_t>(tail.t));
  const bool repeats = delta == tail.delta && bits == tail.bits;
  encoder.Sample(t, bits, last_byte);
  tail.run_open = repeats;
  tail.delta = delta == static_cast<int32_t>(delta) ? static_cast<int32_t>(delta) : 0;
  tail.t = t;
  tail.bits = bits;
  return static_cast<size_t>(encoder.out - out);
}

void Column::Clear() {
  t.clear();
  v.clear();
  starts.clear();
}

bool DecodeColumn(std::span<const uint8_t> bytes, size_t count, TimestampMs first_t,
                  uint64_t first_bits, Column& out) {
  const size_t first = out.t.size(), last = first + count;
  out.t.resize(last);
  out.v.resize(last);
  TimestampMs* times = out.t.data();
  double* values = out.v.data();
  Decoder d{bytes.data(), bytes.data() + bytes.size(), static_cast<uint64_t>(first_t), first_bits};
  StartChanges starts;
  size_t n = first;
  while (n < last && d.p < d.end) {
    n += DecodeSteps(d, last - n, times + n, values + n);
    if (n == last || d.p == d.end) break;
    const uint8_t op = *d.p++;
    if (op < kRun) {
      d.t += d.delta;
      if (op != 0) d.AddInteger(Unzigzag(op));
    } else if (op < kLong) {
      const size_t more = std::min<size_t>(static_cast<size_t>(op - kRun) + 1, last - n - 1);
      for (size_t i = 0; i < more; ++i) {
        d.t += d.delta;
        times[n] = static_cast<TimestampMs>(d.t);
        values[n++] = std::bit_cast<double>(d.bits);
      }
      d.t += d.delta;
    } else if (op == kStart) {
      uint64_t start = 0;
      if (!GetVarint(d.p, d.end, start)) break;
      starts.emplace_back(n, Unzigzag(start));
      continue;
    } else if (op == kExponent) {
      uint64_t exponent = 0;
      if (!d.Low(1, exponent)) break;
      d.exponent = static_cast<uint8_t>(exponent);
      d.integer_known = false;
      continue;
    } else if (op > kExponent || !d.Time(op >> 4 & 3) || !d.Value(op & 15)) {
      break;
    }
    times[n] = static_cast<TimestampMs>(d.t);
    values[n++] = std::bit_cast<double>(d.bits);
  }
  out.t.resize(n);
  out.v.resize(n);
  SpreadStarts(starts, first, out);
  return n == last;
}

}  // namespace slowburn::tsdb
