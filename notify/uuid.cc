#include "notify/uuid.h"

#include <cstdio>

namespace slowburn::notify {
namespace {

std::mt19937_64 MakeEngine(uint64_t seed) {
  if (seed != 0) return std::mt19937_64(seed);
  std::random_device device;
  std::seed_seq sequence{device(), device(), device(), device(),
                         device(), device(), device(), device()};
  return std::mt19937_64(sequence);
}

}  // namespace

UuidSource::UuidSource(uint64_t seed) : engine_(MakeEngine(seed)) {}

std::string UuidSource::Next() {
  const uint64_t high = (engine_() & ~uint64_t{0xF000}) | 0x4000;
  const uint64_t low = (engine_() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  char text[37];
  std::snprintf(text, sizeof(text), "%08x-%04x-%04x-%04x-%012llx", unsigned(high >> 32),
                unsigned((high >> 16) & 0xFFFF), unsigned(high & 0xFFFF), unsigned(low >> 48),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFull));
  return text;
}

double UuidSource::Unit() { return double(engine_() >> 11) * 0x1p-53; }

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace slowburn::notify
