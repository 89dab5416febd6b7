// EventCount: an exact sum of counter increases.
//
// Fixed point, 128 bits with 48 behind the point. Increases of integer counters are whole numbers
// and stay so; those of fractional counters are rounded once, to 2^-48, when they enter. From then
// on adding and subtracting are exact, so a sum does not depend on the order of its parts: a ledger
// that was refilled from the store after kill -9 equals, bit by bit, one that ran live. Values are
// clamped to ±2^63 when they enter; sums wrap after 2^79.
//
// Threads: values.
#ifndef SLOWBURN_SLO_EVENT_COUNT_H_
#define SLOWBURN_SLO_EVENT_COUNT_H_

#include <compare>
#include <cstdint>
#include <string>

namespace slowburn::slo {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Uint128;

class EventCount {
 public:
  static constexpr int kFractionBits = 48;

  constexpr EventCount() = default;
  // NaN is 0.
  static EventCount FromDouble(double value);
  static constexpr EventCount FromInt(int64_t value) {
    return FromRaw(static_cast<Int128>(value) * (Int128{1} << kFractionBits));
  }
  static constexpr EventCount FromRaw(Int128 raw) {
    EventCount count;
    count.raw_ = raw;
    return count;
  }

  constexpr Int128 raw() const { return raw_; }
  double ToDouble() const;  // correctly rounded
  constexpr bool IsWhole() const { return (raw_ & ((Int128{1} << kFractionBits) - 1)) == 0; }
  constexpr Int128 Whole() const { return raw_ >> kFractionBits; }  // rounded down
  // A whole number in digits; otherwise the nearest double as JSON writes it.
  std::string ToString() const;

  constexpr EventCount& operator+=(EventCount other) {
    raw_ = static_cast<Int128>(static_cast<Uint128>(raw_) + static_cast<Uint128>(other.raw_));
    return *this;
  }
  constexpr EventCount& operator-=(EventCount other) {
    raw_ = static_cast<Int128>(static_cast<Uint128>(raw_) - static_cast<Uint128>(other.raw_));
    return *this;
  }
  friend constexpr EventCount operator+(EventCount a, EventCount b) { return a += b; }
  friend constexpr EventCount operator-(EventCount a, EventCount b) { return a -= b; }
  friend constexpr auto operator<=>(const EventCount& a, const EventCount& b) = default;

 private:
  Int128 raw_ = 0;  // value · 2^48
};

// a·x compared with b·y, exactly. REQUIRES: a and b are not negative.
std::strong_ordering CompareProducts(EventCount a, uint64_t x, EventCount b, uint64_t y);

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_EVENT_COUNT_H_
