// Hashes of bytes: the door to xxHash.
#ifndef SLOWBURN_TSDB_HASH_H_
#define SLOWBURN_TSDB_HASH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace slowburn::tsdb {

// The same in every process and on every machine of one byte order. HashRawKey (storage.h) is the
// keyed one.
uint64_t HashBytes(const void* data, size_t size);
// XXH64 with seed 0: the hash by which Prometheus samples (limit_ratio). Slower than HashBytes.
uint64_t XxHash64(std::string_view bytes);

struct Hash128 {
  uint64_t high = 0, low = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

// XXH3 with 128 bits of what is given piece by piece; the same everywhere. Threads: one at a time.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  void Add(std::string_view bytes);
  Hash128 Finish() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HASH_H_
