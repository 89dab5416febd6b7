#include "slo/fingerprint.h"

#include <cstdint>

#include "slo/event_count.h"

namespace slowburn::slo {

std::string Fingerprint(std::string_view text) {
  constexpr Uint128 kOffset = (Uint128{0x6c62272e07bb0142} << 64) | 0x62b821756295c58d;
  constexpr Uint128 kPrime = (Uint128{0x0000000001000000} << 64) | 0x000000000000013b;
  Uint128 hash = kOffset;
  for (const char c : text) {
    hash ^= static_cast<uint8_t>(c);
    hash *= kPrime;
  }
  std::string hex;
  for (int shift = 124; shift >= 0; shift -= 4) {
    hex.push_back("0123456789abcdef"[static_cast<size_t>(hash >> shift) & 15]);
  }
  return hex;
}

}  // namespace slowburn::slo
