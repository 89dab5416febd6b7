// How the doubles of a column become integers and back, bit for bit.
//
//   decimal   exponent e: v is the integer i with i / 10^e == v, one division rounded as IEEE 754
//             says. What a program printed with a few decimals and another one parsed has such an
//             i.
//   bits      the 64 bits as a signed integer: close doubles of one sign are close integers.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_INTEGER_VIEW_H_
#define SLOWBURN_TSDB_INTEGER_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "tsdb/simd_level.h"
#include "tsdb/special_values.h"

namespace slowburn::tsdb {

// 0 to kMaxExponent are exponents.
using View = uint8_t;
inline constexpr View kMaxExponent = 14;
inline constexpr View kBitsView = 15;

// False when v has no integer in this view. REQUIRES: view <= kBitsView.
bool ToInteger(uint64_t bits, View view, int64_t& integer);
// The inverse. An integer that no double gave makes some double.
uint64_t FromInteger(int64_t integer, View view);

// The view that is likely to be the smallest; kBitsView when the values are not decimal.
View ChooseView(std::span<const uint64_t> bits);

// integers[i] is value i in the view; for those without, which become specials, the integer that
// continues the line of the values before. REQUIRES: as many integers as bits.
void ToIntegers(std::span<const uint64_t> bits, View view, std::span<int64_t> integers,
                SpecialValues& specials, SimdLevel level = kBestSimdLevel);

// out[i] = FromInteger(base + divisor * integers[i]), wrapping.
void FromIntegers(const uint64_t* integers, size_t count, uint64_t base, uint64_t divisor,
                  View view, double* out, SimdLevel level = kBestSimdLevel);

// The largest integer that divides all differences between the integers; 0 when they are equal.
// REQUIRES: at least one integer.
uint64_t CommonDivisor(std::span<const int64_t> integers);
// odd * OddInverse(odd) == 1, wrapping: a multiple of an odd number is divided by multiplying.
uint64_t OddInverse(uint64_t odd);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_INTEGER_VIEW_H_
