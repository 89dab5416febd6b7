#include "tsdb/hash.h"

#include <array>
#include <random>

#include "tsdb/storage.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace slowburn::tsdb {
namespace {

// Chosen anew in each process, so that no sender can construct two label sets with one key.
using Secret = std::array<unsigned char, XXH3_SECRET_DEFAULT_SIZE>;

Secret MakeSecret() {
  std::random_device device;
  std::array<uint32_t, 16> entropy{};
  for (uint32_t& word : entropy) word = device();
  Secret secret{};
  XXH3_generateSecret(secret.data(), secret.size(), entropy.data(), sizeof(entropy));
  return secret;
}

}  // namespace

uint64_t HashBytes(const void* data, size_t size) { return XXH3_64bits(data, size); }

uint64_t XxHash64(std::string_view bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

struct Hasher::State {
  XXH3_state_t of;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->of); }
Hasher::~Hasher() = default;
void Hasher::Add(std::string_view bytes) {
  XXH3_128bits_update(&state_->of, bytes.data(), bytes.size());
}
Hash128 Hasher::Finish() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->of);
  return {hash.high64, hash.low64};
}

RawKey HashRawKey(std::string_view bytes) {
  static const Secret secret = MakeSecret();
  const XXH128_hash_t hash =
      XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret.data(), secret.size());
  return RawKey{hash.high64, hash.low64};
}

}  // namespace slowburn::tsdb
