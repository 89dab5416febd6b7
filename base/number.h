// Numbers and durations as text, exactly as Go and Prometheus write and read them.
#ifndef SLOWBURN_BASE_NUMBER_H_
#define SLOWBURN_BASE_NUMBER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"

namespace slowburn::base {

// Shortest digits that read back to the same double, in Go's four manners:
//   kJson      'f' for 1e-6 <= |v| < 1e21, else 'e' (Prometheus' API)
//   kGeneral   strconv 'g', -1 (Go's %v: exponent below 1e-4 and from 1e6 on, hence alerts that say
//              1.5e+06)
//   kFixed     'f', -1
//   kExponent  'e', -1 ("1e+00")
// NaN, +Inf and -Inf in all of them.
enum class FloatStyle { kJson, kGeneral, kFixed, kExponent };
void AppendFloat(std::string& out, double value, FloatStyle style);
std::string FormatFloat(double value, FloatStyle style = FloatStyle::kJson);
// kJson to `out`, which has room for kMaxJsonFloat characters; returns the end.
inline constexpr size_t kMaxJsonFloat = 32;
char* WriteJsonFloat(char* out, double value);

// Go's strconv.ParseFloat: decimal, hex floats, inf/infinity/nan in any case, underscores refused.
// nullopt-like: returns false when the whole of `text` is not a number. Out of range gives ±Inf and
// true.
bool ParseFloat(std::string_view text, double& value);

// Prometheus durations: 1h30m, units y w d h m s ms, longest first, each at most once; "0" is 0.
// Never negative.
absl::StatusOr<DurationMs> ParseDuration(std::string_view text);
std::string FormatDuration(DurationMs ms);  // model.Duration.String(): 90s is "1m30s", 0 is "0s"

// Sizes, with units of 1024: 512MB, 1KiB, 1.5GB; KB is KiB. Without a unit: bytes. False when the
// whole of `text` is not a size.
bool ParseBytes(std::string_view text, uint64_t& bytes);
std::string FormatBytes(uint64_t bytes);  // as Prometheus: 10GiB, 1GiB512MiB, 0B

// RFC 3339 with `fraction_digits` (0, 3 or 9) decimals, UTC, "Z".
std::string FormatRfc3339(TimestampMs t, int fraction_digits = 3);
absl::StatusOr<TimestampMs> ParseRfc3339(std::string_view text);

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_NUMBER_H_
