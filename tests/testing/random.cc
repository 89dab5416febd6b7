#include "tests/testing/random.h"

#include <cstdio>
#include <cstdlib>

namespace slowburn::testing {
namespace {

uint64_t SeedFromEnvironment() {
  if (const char* text = std::getenv("SLOWBURN_SEED")) return std::strtoull(text, nullptr, 10);
  return std::random_device{}();
}

}  // namespace

Random::Random() : Random(SeedFromEnvironment()) {}

Random::Random(uint64_t seed) : seed_(seed), engine_(seed) {
  std::printf("seed: SLOWBURN_SEED=%llu\n", static_cast<unsigned long long>(seed));
}

}  // namespace slowburn::testing
